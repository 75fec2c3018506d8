#!/bin/bash
# Fails where clang-format would change something: tools/check_format.sh, or with --fix to let it.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/tools/build.sh"

case "${1-}" in
  '') mode=(--dry-run -Werror) ;;
  --fix) mode=(-i) ;;
  *) die "usage: tools/check_format.sh [--fix]" ;;
esac
need_packages "${format_packages[@]}"
find "$root" -path "$root/build" -prune -o \( -name '*.cc' -o -name '*.h' -o -name '*.cu' \) -print0 |
  xargs -0 -r -P 2 -n 20 "clang-format-$clang" --style="file:$root/.clang-format" "${mode[@]}"
