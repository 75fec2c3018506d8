#!/bin/bash
# What each type of dure quantize costs, K types too: trains a model whose rows are all 256 wide or a multiple of that,
# then quantises it and compares it with itself; about ten minutes.
#   recipes/quant-test/run.sh [OUT]      by default runs/quant-test
# DURE names the program; by default the release build's. Text and tokenizer are made as for recipes/smoke.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=recipes/quant-test out=$(realpath -m "${1:-runs/quant-test}")
dure=${DURE:-build/release/dure}
rm -rf "$out"
mkdir -p "$out"

"$dure" data generate recipes/smoke/mix.json --count 24000 --seed 1 --out "$out/text.jsonl"
"$dure" tokenizer train --vocab 2048 --out "$out/tokenizer" "$out/text.jsonl"
"$dure" data build --tokenizer "$out/tokenizer" --out "$out/shards" --held-out 0.02 "$out/text.jsonl"
"$dure" train $here/recipe.json --print-every 25 --set output="$out/run" --set tokenizer="$out/tokenizer" \
  --set data.shards="[{\"folder\": \"$out/shards\"}]"
model=$(ls -d "$out"/run/step-* | tail -1)
"$dure" eval bpb "$model" "$out/shards"
bench/quantisation_quality.py "$dure" "$model" "$out/types" --results "$out/types.csv"
