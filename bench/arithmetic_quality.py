#!/usr/bin/env python3
"""What fast arithmetic does to a model: each type of weights multiplied in float32 by the reference backend, beside the
same file in bf16 and int8 by the kernels.

usage: bench/arithmetic_quality.py DURE MODEL FOLDER [--tokens N] [--backend NAME]

Text and files are those of quantisation_quality.py. Prints a Markdown table, which docs/quantisation.md shows.
"""

import argparse
import json
from pathlib import Path

from quantisation_quality import run, write_text

TYPES = ["f32", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dure", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    text = options.folder / "text.txt"
    write_text(options.dure, options.model, text, options.tokens)

    print("| type | f32: largest difference of a logit | bf16: KL divergence | same top token | int8: KL divergence "
          "| same top token |")
    print("|---|---|---|---|---|---|")
    for name in TYPES:
        file = options.folder / f"{name}.gguf"
        if not file.exists():
            run(options.dure, "quantize", options.model, file, "--type", name)
        cells = []
        for compute in ["f32", "bf16", "int8"]:
            a = json.loads(run(options.dure, "eval", "agree", file, file, text, "--tokens", options.tokens, "--json",
                               "--backend", "reference", "--compute", "f32", "--other-backend", options.backend,
                               "--other-compute", compute))
            cells += [f"{a['logit_worst']:.1e}"] if compute == "f32" else [
                f"{a['kl']['mean']:.2e} ± {a['kl']['error']:.0e}", f"{100 * a['same_top']['mean']:.2f} %"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
