# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ./run, ./test, .ci/run and tools/fuzz.sh, which set `root`, the folder of the project: installs missing
# packages, configures a preset, builds and tests it. What is said here goes to stderr.

build_packages=(g++ cmake ninja-build ccache pkg-config libfmt-dev nlohmann-json3-dev libcli11-dev libpcre2-dev
  libutf8proc-dev libcurl4-openssl-dev libssl-dev libboost-dev libsqlite3-dev libzstd-dev liblzma-dev ca-certificates
  libgtest-dev libgmock-dev)
test_packages=("${build_packages[@]}" json-schema-test-suite python3 binutils)

# Debian 12 and Ubuntu 24.04 both have clang 16; elsewhere DURE_CLANG names another version.
clang=${DURE_CLANG:-16}
clang_packages=("clang-$clang" "libclang-rt-$clang-dev" "llvm-$clang")
format_packages=("clang-format-$clang")

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# need_packages NAME...: installs what is missing; asks apt nothing if nothing is. Without dpkg it leaves the complaint
# to CMake.
need_packages() {
  command -v dpkg-query >/dev/null || return 0
  [ -n "$(missing_packages "$@")" ] || return 0
  mkdir -p "$root/build"
  (
    flock 9  # two first starts at once
    install_packages "$(missing_packages "$@")" 9>&-
  ) 9>"$root/build/packages.lock" || exit 1
}

missing_packages() {
  comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u) |
    paste -sd ' '
}

install_packages() {
  local missing=$1 as_root=() names said
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "no sudo to install these packages: $missing"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n)  # nobody is there to type a password
  fi
  read -ra names <<<"$missing"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  echo "installing $missing" >&2
  "${apt[@]}" update >/dev/null 2>&1 || true  # one unreachable source need not matter
  said=$("${apt[@]}" install -y --no-install-recommends "${names[@]}" 2>&1 >/dev/null) ||
    die "could not install these packages: $missing ($(tail -n 1 <<<"$said"))"
}

# configure PRESET [-DNAME=VALUE...]: runs CMake where ninja would not know that it must: in a new folder, in one that
# was moved, after a change of the presets, and for explicit settings.
configure() {
  local preset=$1 dir=$root/build/$1 said
  shift
  mkdir -p "$root/build"
  (
    flock 9
    if ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt" 2>/dev/null; then
      rm -rf "$dir"
    elif [ $# = 0 ] && [ "$dir/build.ninja" -nt "$root/CMakePresets.json" ]; then
      exit 0
    fi
    said=$(cmake -S "$root" --preset "$preset" "$@" 2>&1 9>&-) || {
      echo "$said" >&2
      die "CMake could not configure build/$preset"
    }
  ) 9>"$dir.lock" || exit 1  # two starts at once wait for each other
}

# build PRESET TARGET...: silent if nothing is to be done.
build() {
  local dir=$root/build/$1 wrap=()
  [ "$1" = release ] || wrap=("${sanitizer_wrap[@]}")
  shift
  # ccache keeps its files below HOME; where that cannot be written it would fail every compilation.
  local cache=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/ccache}
  { mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; } || export CCACHE_DISABLE=1
  (
    set -o pipefail
    flock 9
    NINJA_STATUS='[%f/%t] ' "${wrap[@]}" ninja -C "$dir" "$@" 2>&1 9>&- | show_progress >&2
  ) 9>"$dir.lock" || die "build/${dir##*/} does not build"
}

# run_tests PRESET [CTEST OPTION...]: ends with ctest's summary.
run_tests() {
  local dir=$root/build/$1 wrap=()
  [ "$1" = release ] || wrap=("${sanitizer_wrap[@]}")
  shift
  "${wrap[@]}" ctest --test-dir "$dir" --output-on-failure -j "$(nproc)" "$@"
}

# Keeps what compilers say and turns ninja's steps into one line that counts (each 20th step where stderr is no
# terminal).
show_progress() {
  local line count step counting=
  while IFS= read -r line; do
    case $line in
      'ninja: Entering directory'* | 'ninja: no work to do.' | 'ninja: build stopped'* | '-- '*) ;;
      *'] Re-checking globbed directories...' | *'] Re-running CMake...') ;;
      '['*/*'] '*)
        count=${line%% *}
        if [ -t 2 ]; then
          printf '\r\033[Kbuilding %s' "$count"
          counting=1
        elif step=${count//[^0-9\/]/} && ((${step%/*} % 20 == 1)); then
          echo "building $count"
        fi
        ;;
      *)
        [ -z "$counting" ] || printf '\r\033[K'
        counting=
        echo "$line"
        ;;
    esac
  done
  [ -z "$counting" ] || printf '\r\033[K'
}

# The sanitizers of g++ 12 and clang 16 reserve addresses that a kernel with 32 random bits (Ubuntu 24.04) may already
# have given away; so what they instrument runs without that randomness, where the container permits it.
sanitizer_wrap=()
if setarch -R true 2>/dev/null; then sanitizer_wrap=(setarch -R); fi
