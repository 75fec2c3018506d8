#!/usr/bin/env python3
"""Holds dure plan to dure bench on this machine.

usage: bench/plan.py check [--compute int8] [SHAPE:TYPE...]   predicted and measured speeds, as rows of a table
       bench/plan.py fit [--backend NAME] [--compute int8]    rows for src/toolbox/efficiency.cc
       bench/plan.py table [--compute int8]                   the README's rows: models on three kinds of machine

Fitting takes two minutes, checking the ten usual pairs five. Nothing else should run meanwhile.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPTH = 4096
PAIRS = ["qwen3-0.6b:bf16", "qwen3-0.6b:q8_0", "qwen3-0.6b:q4_k_m", "qwen3-0.6b:q4_0", "qwen3-4b:q4_k_m",
         "r1-distill-qwen-1.5b:bf16", "r1-distill-qwen-1.5b:q8_0", "r1-distill-qwen-1.5b:q4_k_m",
         "deepseek-v2-lite:q4_k_m", "deepseek-v2-lite:q4_0"]
SHAPE = {"model_type": "qwen2", "hidden_size": 1536, "num_hidden_layers": 28, "num_attention_heads": 12,
         "num_key_value_heads": 2, "intermediate_size": 8960, "vocab_size": 151936, "max_position_embeddings": 131072}
MODELS = ["r1-distill-qwen-1.5b", "r1-distill-qwen-7b", "r1-distill-llama-8b", "r1-distill-qwen-14b",
          "r1-distill-qwen-32b", "r1-distill-llama-70b", "deepseek-v2-lite", "deepseek-v2.5", "deepseek-r1", "qwen3-0.6b",
          "qwen3-4b", "qwen3-8b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b"]
MACHINES = ["bandwidth=60,peak=500,memory=28,backend=cpu/avx2", "bandwidth=75,peak=1000,memory=90,backend=cpu/avx512bf16",
            "bandwidth=400,peak=5000,memory=740,backend=cpu/avx512bf16"]
# Families of dtypes (efficiency.cc) in the order in which they are found: of a type's families all but one are known.
FITS = [("bf16", "half"), ("fp8", "f8"), ("q8_0", "q8"), ("q6_k", "q6"), ("q4_0", "q4"), ("q4_k_m", "k")]
FAMILIES = {"F32": "f32", "F16": "half", "BF16": "half", "F8_E4M3": "f8", "Q8_0": "q8", "Q6_K": "q6", "Q2_K": "k",
            "Q3_K": "k", "Q4_K": "k", "Q5_K": "k"}


def dure(*words):
    command = [ROOT / "build/release/dure", *map(str, words), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def bench(*words):
    report = dure("bench", *words, "--prefill", f"512,512@{DEPTH}", "--decode", f"0,{DEPTH}")
    cases = {(c["kind"], c["depth"]): c for c in report["cases"]}
    return report, cases


def seconds(case):
    """Of a token."""
    return 1 / case["tokens_per_second"]


def unit_of(family, compute, backend):
    """Which unit multiplies, by Compute and instruction set (backend.h)."""
    if compute == "f32":
        return "f32"
    if family in ("half", "f8"):
        return "bf16" if backend.endswith("bf16") else "f32"
    return "int8" if compute == "int8" and backend.endswith(("vnni", "bf16")) and family != "f32" else "f32"


def unit_peaks(report, backend):
    """Of the units that a backend uses; each instruction set has those of the ones before it."""
    used = ["avx2"] if backend == "cpu/avx2" else ["avx512", "avx512_vnni", "avx512_bf16"]
    return {unit["type"]: unit["operations_per_second"] for unit in report["limits"]["units"] if unit["unit"] in used}


def fit(o):
    decode, prefill, rows = {}, {}, []
    with tempfile.TemporaryDirectory() as folder:
        for kind, family in FITS:
            config = dict(SHAPE)
            if kind == "fp8":
                config["quantization_config"] = {"quant_method": "fp8"}
            path = Path(folder) / f"{kind}.json"
            path.write_text(json.dumps(config))
            type_words = [] if kind == "fp8" else ["--type", kind]
            report, cases = bench("--shape", path, *type_words, "--backend", o.backend, "--compute", o.compute)
            peaks = unit_peaks(report, o.backend)
            bandwidth = report["limits"]["read_bandwidth"]
            shares = {}
            for dtype, size in report["weight_bytes_by_type"].items():
                name = FAMILIES.get(dtype, "q4")
                shares[name] = shares.get(name, 0) + size
            if family == "half":
                decode["f32"] = prefill["f32"] = None  # a trace of norms
            unit = unit_of(family, o.compute, o.backend)
            total = sum(size for name, size in shares.items() if name != "f32")

            first, deep = cases["decode", 0], cases["decode", DEPTH]
            rest = seconds(first) - sum(size / (bandwidth * decode[name]) for name, size in shares.items()
                                        if name not in (family, "f32"))
            decode[family] = shares[family] / (bandwidth * rest)
            prompt, later = cases["prefill", 0], cases["prefill", DEPTH]
            scale = prompt["operations_per_token"] / total
            rest = seconds(prompt) - sum(scale * size / (prefill[name] * peaks[unit_of(name, o.compute, o.backend)])
                                         for name, size in shares.items() if name not in (family, "f32"))
            prefill[family] = scale * shares[family] / (peaks[unit] * rest)
            rows.append((family, decode[family], prefill[family], unit))
            if family == "half":
                more = deep["bytes_per_token"] - first["bytes_per_token"]
                operations = later["operations_per_token"] - prompt["operations_per_token"]
                attention = ("attention", more / (seconds(deep) - seconds(first)) / bandwidth,
                             operations / (seconds(later) - seconds(prompt)) / peaks[unit], unit)
            print(f"{kind}: {rows[-1]}", file=sys.stderr)
    compute = {"f32": "kF32", "bf16": "kBf16", "int8": "kInt8"}[o.compute]
    for family, d, p, unit in [*rows, attention]:
        suffix = "" if unit == "f32" else f", Unit::{unit}"
        name = "cpu/avx512vnni" if unit == "int8" else o.backend  # the first that has the unit
        print(f'    {{"{name}", {compute}, Family::{family}, {{{d:.2f}, {p:.2f}{suffix}}}}},')


def check(o):
    print("| model, type | written, empty cache: predicted, measured | at depth 4096 | prompt of 512 |")
    print("|---|---|---|---|")
    worst = 0
    for pair in o.pairs or PAIRS:
        shape, kind = pair.split(":")
        report, cases = bench("--shape", shape, "--type", kind, "--compute", o.compute)
        limits = report["limits"]
        peaks = unit_peaks(report, report["backend"].split(",")[0])
        machine = f"bandwidth={limits['read_bandwidth'] / 1e9},peak={peaks['f32'] / 1e9}"
        for name in ("bf16", "int8"):
            if name in peaks:
                machine += f",{name}={peaks[name] / 1e9}"
        plan = dure("plan", shape, "--type", kind, "--compute", o.compute, "--machine", machine, "--context", DEPTH)
        empty, deep = next(t for t in plan["types"] if t["type"] == kind)["contexts"]
        values = [(empty["decode_tokens_per_second"], cases["decode", 0]),
                  (deep["decode_tokens_per_second"], cases["decode", DEPTH]),
                  (empty["prefill_tokens_per_second"], cases["prefill", 0])]
        pairs = [(predicted, case["tokens_per_second"]) for predicted, case in values]
        worst = max([worst] + [abs(predicted / measured - 1) for predicted, measured in pairs])
        print(f"| {shape}, {kind} | " + " | ".join(f"{p:.3g}, {m:.3g}" for p, m in pairs) + " |", flush=True)
    print(f"The worst prediction is {100 * worst:.0f} % off.", file=sys.stderr)


def rounded(value):
    return f"{float(f'{value:.2g}'):g}"


def table(o):
    print("| model | memory | laptop | desktop | server |")
    print("|---|---|---|---|---|")
    for model in MODELS:
        cells = []
        for machine in MACHINES:
            plan = dure("plan", model, "--type", "q4_k_m", "--compute", o.compute, "--machine", machine, "--context", DEPTH)
            at = next(t for t in plan["types"] if t["type"] == "q4_k_m")["contexts"][1]
            speeds = f"{rounded(at['decode_tokens_per_second'])}, {rounded(at['prefill_tokens_per_second'])}"
            cells.append(speeds if at["fits"] else "does not fit")
        print(f"| {model} | {at['memory'] / 2**30:.3g} GiB | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "fit", "table"])
    parser.add_argument("pairs", nargs="*", metavar="SHAPE:TYPE")
    parser.add_argument("--backend", default="cpu/avx512bf16")
    parser.add_argument("--compute", default="int8", choices=["f32", "bf16", "int8"])
    o = parser.parse_args()
    {"check": check, "fit": fit, "table": table}[o.what](o)


if __name__ == "__main__":
    main()
