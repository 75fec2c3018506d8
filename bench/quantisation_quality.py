#!/usr/bin/env python3
"""What each type of `dure quantize` does to a model: size, divergence, agreement and perplexity beside the original.

usage: bench/quantisation_quality.py DURE MODEL FOLDER [--tokens N] [--results FILE.csv]

The text is the model's own: stories (or whatever it writes) sampled from the unquantised model at temperature 1 with
fixed seeds, so that its perplexity means something however small the model is. FOLDER keeps text and quantised files.
Prints a Markdown table, which docs/quantisation.md shows, and writes its numbers to FILE.csv.
"""

import argparse
import csv
import json
import os
import subprocess
from pathlib import Path

TYPES = ["bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0", "q3_k_m", "q2_k"]


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def write_text(dure, model, path, tokens):
    """Texts of up to 400 tokens, one after the other, until there are enough."""
    if path.exists():
        return
    texts, seed = [], 0
    while 400 * len(texts) < tokens * 1.2:
        texts.append(run(dure, "run", model, "--raw", "-p", " ", "-n", 400, "--temp", 1, "--top-p", 1, "--seed", seed))
        seed += 1
    path.write_text("\n".join(texts))


def measure(dure, model, text, quantised, tokens):
    # The quantised file's products in float32: the figure is the type's, not that of fast arithmetic.
    out = run(dure, "eval", "agree", model, quantised, text, "--tokens", tokens, "--compute", "f32",
              "--other-compute", "f32", "--json")
    return json.loads(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dure", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=20000)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    text = options.folder / "text.txt"
    write_text(options.dure, options.model, text, options.tokens)

    rows = []
    for name in TYPES:
        file = options.folder / f"{name}.gguf"
        if not file.exists():
            run(options.dure, "quantize", options.model, file, "--type", name)
        a = measure(options.dure, options.model, text, file, options.tokens)
        rows.append({"model": options.model.name, "type": name, "bytes": os.path.getsize(file), "tokens": a["tokens"],
                     "kl": a["kl"]["mean"], "kl_error": a["kl"]["error"], "kl_99": a["kl_99"],
                     "same_top": a["same_top"]["mean"], "perplexity": a["other"]["perplexity"]["mean"],
                     "perplexity_base": a["base"]["perplexity"]["mean"]})
    print("| type | file | KL divergence | 99 % of tokens below | same top token | perplexity |")
    print("|---|---|---|---|---|---|")
    print(f"| original | | | | | {rows[0]['perplexity_base']:.4f} |")
    for r in rows:
        print(f"| {r['type']} | {r['bytes'] / 1e3:.0f} kB | {r['kl']:.2e} ± {r['kl_error']:.0e} | {r['kl_99']:.2e} "
              f"| {100 * r['same_top']:.2f} % | {r['perplexity']:.4f} |")
    if options.results:
        with options.results.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            for r in rows:
                writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in r.items()})


if __name__ == "__main__":
    main()
