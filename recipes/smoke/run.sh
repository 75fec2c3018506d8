#!/bin/bash
# Generates data, learns a tokenizer, trains a model of 2 million parameters and measures it on text held out.
#   recipes/smoke/run.sh [OUT]      by default runs/smoke
# DURE names the program; by default the release build's. TOKENS, if set, is the length of a shorter run and of
# what it is measured on.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=recipes/smoke out=$(realpath -m "${1:-runs/smoke}")
dure=${DURE:-build/release/dure}
rm -rf "$out"
mkdir -p "$out"

"$dure" data generate $here/mix.json --count 12000 --seed 1 --out "$out/text.jsonl"
"$dure" tokenizer train --vocab 2048 --out "$out/tokenizer" "$out/text.jsonl"
"$dure" data build --tokenizer "$out/tokenizer" --out "$out/shards" --held-out 0.02 "$out/text.jsonl"
"$dure" train $here/recipe.json --print-every 25 --set output="$out/run" --set tokenizer="$out/tokenizer" \
  --set data.shards="[{\"folder\": \"$out/shards\"}]" ${TOKENS:+--set tokens=$TOKENS}
"$dure" eval bpb "$(ls -d "$out"/run/step-* | tail -1)" "$out/shards" ${TOKENS:+--tokens $TOKENS} --json | tee "$out/bpb.json"
