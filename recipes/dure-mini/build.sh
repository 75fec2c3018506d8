#!/bin/bash
# Makes dure-mini from nothing: data, then pre-training. Stopped at any point, the same command goes on there.
#   recipes/dure-mini/build.sh [--data DIR]     DIR: a local copy of the public files, instead of the network
set -euo pipefail
cd "$(dirname "$0")/../.."
recipes/dure-mini/data.sh "$@" --out runs/dure-mini/data
"${DURE:-build/release/dure}" train recipes/dure-mini/pretrain.json
