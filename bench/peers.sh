#!/bin/bash
# The table of docs/performance.md: dure beside its peers on random models of two shapes, 20 minutes on two cores.
#
# usage: bench/peers.sh FOLDER [--peer NAME@COMMIT=BIN]... [OPTIONS of bench/compare.py]
#
# FOLDER keeps the models, 26 GB; those that it lacks are written. Rows go to bench/results/peers.csv.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
folder=$1
shift

compare() { # SHAPE.TYPE OPTIONS...
  local model=$1
  shift
  [ -e "$folder/$model.gguf" ] || "$root/build/release/dure" bench --shape "${model%.*}" --type "${model##*.}" \
    --write "$folder/$model.gguf"
  echo "== $model"
  "$root/bench/compare.py" "$folder/$model.gguf" --dure-flags '--compute int8' "$@"
}

compare r1-distill-qwen-1.5b.q4_0 --rounds 2 --first-token --prefill 128,512,2048,512@4096 --decode 0,4096 \
  --parallel 4,8,16,32 "$@"
compare r1-distill-qwen-1.5b.q4_k_m --rounds 2 --prefill 512 --decode 0,4096 --parallel 8,32 "$@"
compare r1-distill-qwen-1.5b.q8_0 --rounds 2 --prefill 512 --decode 0 --parallel 8 "$@"
compare r1-distill-qwen-1.5b.bf16 --rounds 2 --prefill 512 --decode 0 --parallel 8 "$@"
compare deepseek-v2-lite.q4_0 --rounds 2 --first-token --prefill 128,512 --decode 0 --parallel 4,8,16,32 "$@"
compare deepseek-v2-lite.q4_k_m --rounds 1 --prefill 512,512@4096 --decode 0,4096 --parallel 8,32 "$@"
