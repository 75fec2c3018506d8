#!/bin/bash
# tools/fuzz.sh SECONDS [TARGET...]: builds the fuzz targets and runs each for SECONDS, two at a time, on a copy of its
# corpus. Prints one line per target; a crashing input and its log stay in build/fuzz-crashes/.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/tools/build.sh"

[[ ${1-} =~ ^[1-9][0-9]*$ ]] || die "usage: tools/fuzz.sh SECONDS [TARGET...], e.g. tools/fuzz.sh 60 json_fuzz"
export seconds=$1 root
shift

fuzz_one() {
  local name=$1 crashes=$root/build/fuzz-crashes work runs
  local corpus=$root/tests/fuzz/corpus/${name%_fuzz} log=$crashes/$name.log
  work=$(mktemp -d)
  [ ! -d "$corpus" ] || cp -r "$corpus/." "$work"
  mkdir -p "$crashes"
  if "$root/build/asan/tests/fuzz/$name" "$work" -max_total_time="$seconds" -print_final_stats=1 \
    -rss_limit_mb=1024 -timeout=10 -max_len=65536 -artifact_prefix="$crashes/$name-" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$name: ok, $runs inputs in $seconds s"
    rm -r "$log" "$work"
  else
    echo "$name: FAILED, see ${log#"$root/"} and $(sed -n "s|.*Test unit written to $root/||p" "$log")"
    rm -r "$work"
    return 1
  fi
}
export -f fuzz_one

need_packages "${build_packages[@]}" "${clang_packages[@]}"
ASAN_SYMBOLIZER_PATH=$(command -v "llvm-symbolizer-$clang") && export ASAN_SYMBOLIZER_PATH
configure asan ${DURE_CLANG:+"-DCMAKE_CXX_COMPILER=clang++-$clang"} ${DURE_WERROR:+"-DDURE_WERROR=$DURE_WERROR"}
build asan fuzz_targets

if [ $# = 0 ]; then
  targets=("$root"/tests/fuzz/*_fuzz.cc)
  targets=("${targets[@]##*/}")
  set -- "${targets[@]%.cc}"
fi
# shellcheck disable=SC2016  # the inner shell expands it
printf '%s\0' "$@" | "${sanitizer_wrap[@]}" xargs -0 -P 2 -n 1 bash -c 'fuzz_one "$1"' fuzz || die "some targets failed"
