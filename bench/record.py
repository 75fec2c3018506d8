#!/usr/bin/env python3
"""Turns a benchmark's output into rows of bench/results/, medians of its repetitions.

usage: build/release/bench/kernel_bench --benchmark_repetitions=5 --benchmark_format=json | bench/record.py FILE.csv
       ./run bench MODEL --json | bench/record.py bench/results/models.csv

A row is machine, compiler, commit, case, value, unit. Rows of the same machine, compiler and case are replaced.
"""

import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

COLUMNS = ["machine", "compiler", "commit", "case", "value", "unit"]
OWN = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations",
       "real_time", "cpu_time"}


def append(path, rows, columns=None):
    """Adds rows to a CSV file; a new one gets its header."""
    fresh = not Path(path).exists()
    with Path(path).open("a", newline="") as file:
        writer = csv.DictWriter(file, columns or rows[0].keys(), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def measured(report):
    """(case, unit) -> values of the repetitions, for every counter with a unit in its name."""
    values = {}
    for run in report["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        for unit, value in run.items():
            if isinstance(value, (int, float)) and unit not in OWN:
                values.setdefault((run["run_name"].removesuffix("/real_time"), unit), []).append(value)
    return values


def measured_by_dure(report):
    """The same of `dure bench`, whose figures are medians already: tokens/s and shares of the machine's limits."""
    values = {}
    for run in report["cases"]:
        what = f"prefill_{run['tokens']}" if run["kind"] == "prefill" else f"decode_at_{run['depth']}"
        if run["sequences"] > 1:
            what += f"_of_{run['sequences']}"
        case = "/".join([report["model"], report["type"], report["backend"], what])
        values[case, "tokens/s"] = [run["tokens_per_second"]]
        values[case, "% of bandwidth"] = [100 * run["bandwidth_share"]]
        values[case, "% of f32 peak"] = [100 * run["peak_f32_share"]]
    return values


def main(path):
    report = json.load(sys.stdin)
    if "cases" in report:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        where, values = [report["cpu"], report["compiler"]], measured_by_dure(report)
    else:
        commit = report["context"]["commit"]
        where, values = [report["context"][name] for name in COLUMNS[:2]], measured(report)
    rows = {}
    if path.exists():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                rows[row["machine"], row["compiler"], row["case"], row["unit"]] = row
    for (case, unit), runs in values.items():
        median = f"{statistics.median(runs):.4g}"
        rows[(*where, case, unit)] = dict(zip(COLUMNS, [*where, commit, case, median, unit]))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    main(Path(sys.argv[1]))
