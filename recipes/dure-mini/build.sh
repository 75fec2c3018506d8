#!/bin/bash
# Makes dure-mini from nothing: data, pre-training, fine-tuning, the file that is
# shipped. Stopped at any point, the same command goes on there.
#   recipes/dure-mini/build.sh [--data DIR]     DIR: a local copy of the public files, instead of the network
set -euo pipefail
cd "$(dirname "$0")/../.."
recipes/dure-mini/data.sh "$@" --out runs/dure-mini/data
for stage in pretrain sft; do
  "${DURE:-build/release/dure}" train "recipes/dure-mini/$stage.json"
done
"${DURE:-build/release/dure}" quantize "$(ls -d runs/dure-mini/sft/step-* | tail -1)" \
  runs/dure-mini/dure-mini-q8_0.gguf --type q8_0
