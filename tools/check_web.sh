#!/bin/bash
# Holds web/dist to its sources: the bundle that is committed is what they build, and the page's own tests pass. Skips,
# and says so, where npm or its packages cannot be had.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")

skip() {
  echo "skipped: $*"
  exit 0
}

command -v npm >/dev/null || skip "npm is not installed"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# A copy, so that neither packages nor a bundle that differs stay behind in the tree.
cp -r "$root/web/." "$copy"
cd "$copy"
if [ ! -d node_modules ]; then
  npm ci --no-audit --no-fund >npm.log 2>&1 || skip "npm cannot fetch the packages ($(tail -n 1 npm.log))"
fi
npm run --silent build
diff -r "$root/web/dist" dist || {
  echo "web/dist is not what web/src builds: npm ci && npm run build, and commit dist" >&2
  exit 1
}
npm test --silent
