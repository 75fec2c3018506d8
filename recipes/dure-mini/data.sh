#!/bin/bash
# The data of dure-mini, from nothing: public files, generated text, a tokenizer, shards for pre-training and fine-tuning.
#   recipes/dure-mini/data.sh [--data DIR] [--out DIR] [--percent N]
# --data     a local copy of the public files, OWNER/NAME/PATH, instead of the network
# --out      where everything goes; by default runs/dure-mini/data
# --percent  share of the size that the recipe wants: 2 to try it out, 1000 for a longer run; by default 100
# DURE names the program; by default the release build's. Stages that are done are not done again.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=recipes/dure-mini out=runs/dure-mini/data percent=100 data=()
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "$0: $1 wants a value" >&2; exit 2; }
  case $1 in
    --data) data=(--data "$2") ;;
    --out) out=$2 ;;
    --percent) percent=$2 ;;
    *) echo "$0: $1 is not known" >&2; exit 2 ;;
  esac
  shift 2
done
dure=${DURE:-build/release/dure}
mkdir -p "$out"

"$dure" data fetch $here/data.json --into "$out/public" "${data[@]}"
real=("$out"/public/*.jsonl)

# Items, the mix, more options. Pre-training gets about 18 million tokens, fine-tuning about 5 million.
generate() {
  local name=$1 count=$(($2 * percent / 100)) mix=$3
  shift 3
  [ -e "$out/$name.jsonl" ] || "$dure" data generate "$mix" --count "$count" --out "$out/$name.jsonl" "$@"
}
generate stories 80000 $here/mix/stories.json --seed 1
generate reasoning 60000 $here/mix/reasoning.json --seed 2
generate dialogue 45000 $here/mix/dialogue.json --seed 3
generate sft 40000 $here/mix/sft.json --seed 4
generate problems 50000 countdown --seed 5 --form problem
generate sums 50000 arithmetic --seed 6 --form problem
generate held-out-stories 5000 $here/mix/stories.json --seed 7 --held-out
# What the tokenizer learns from: a part of everything, so that real text weighs enough beside what is generated.
generate sample-stories 30000 $here/mix/stories.json --seed 8
generate sample-talk 50000 $here/mix/sft.json --seed 9

if [ ! -e "$out/tokenizer/tokenizer.json" ]; then
  "$dure" tokenizer train --vocab 8192 --out "$out/tokenizer" "$out"/sample-stories.jsonl "$out"/sample-talk.jsonl "${real[@]}"
fi

# A folder of shards is whole once it has its data.json.
shards() {
  local name=$1
  shift
  [ -e "$out/shards/$name/data.json" ] && return
  rm -rf "$out/shards/$name"
  "$dure" data build --tokenizer "$out/tokenizer" --out "$out/shards/$name" "$@"
}
mkdir -p "$out/shards"
shards stories "$out/stories.jsonl"
shards reasoning "$out/reasoning.jsonl"
shards dialogue "$out/dialogue.jsonl"
shards real --held-out 0.02 "${real[@]}"
shards sft --answers-only "$out/sft.jsonl" "$out/public/chatbot-ko.jsonl" "$out/public/gsm8k.jsonl"
shards held-out-stories "$out/held-out-stories.jsonl"
