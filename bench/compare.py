#!/usr/bin/env python3
"""Runs dure bench and other programs' own benchmarks on the same GGUF file, in turn, and tells the ratios.

usage: bench/compare.py SHAPE.TYPE.gguf [--peer NAME@COMMIT=BIN]... [--prefill LIST] [--decode LIST] [--parallel LIST]

NAME is llama.cpp or ik_llama.cpp, BIN the folder of its programs. Cases are those of dure bench: --prefill 512,512@4096
--decode 0,4096 --parallel 4,16. A file is made by dure bench --shape SHAPE --type TYPE --write SHAPE.TYPE.gguf.

Each round starts every program once for each group of cases, so that what else the machine does hits all alike; medians
of the rounds count. A ratio above 1 is in our favour, of speeds, seconds and bytes alike.
"""

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import append

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = ["date", "machine", "compiler", "commit", "peer", "peer_commit", "threads", "flags", "model", "type", "case", "unit",
           "ours", "peer_value", "ratio"]
UNITS = {"first token": "s", "memory": "GiB"}  # less is better; all others are tokens/s
SWEEP_ROWS = 512  # that ik_llama.cpp's sweep measures at a depth


def prefill(tokens, depth=0):
    return f"prefill {tokens}@{depth}" if depth else f"prefill {tokens}"


def decode(depth, sequences=1):
    return f"decode {sequences} at once" if sequences > 1 else f"decode at {depth}"


def run(command, log):
    """What a program writes, seconds, and the most memory that it had in GiB, mapped files included."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err,
                                   cwd=tempfile.gettempdir())  # some leave logs where they are started
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
        log.write("".join(texts))
        log.flush()
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}; see {log.name}")
        return texts, seconds, usage.ru_maxrss / 2**20


def read_json(texts):
    """Standard output, into which ik_llama.cpp puts warnings."""
    return json.loads("".join(line for line in texts[0].splitlines() if not line.startswith("WARNING")))


def read_table(texts):
    """Rows of numbers, wherever they were written to."""
    return [[float(cell) for cell in line.strip("|").split("|")] for line in "\n".join(texts).splitlines()
            if re.fullmatch(r"\|[\d\s.|]+\|", line)]


class Program:
    """What to start for some cases, and how to read what it says: pairs of a command and a function that turns its
    output into {case: tokens a second}."""

    def __init__(self, options):
        self.o = options
        self.model = ["-m", options.model, "-t", options.threads]


class Dure(Program):
    def first_token(self):
        return [self.o.dure, "run", self.o.model, "--raw", "-p", "a", "-n", 1, "--threads", self.o.threads,
                *self.o.dure_flags]

    def groups(self, prompts, depths, parallel):
        lists = {"--prefill": [f"{n}@{d}" for n, d in prompts], "--decode": depths, "--parallel": parallel}
        cases = [word for name, values in lists.items() if values for word in (name, ",".join(map(str, values)))]
        yield [self.o.dure, "bench", self.o.model, "--json", "--threads", self.o.threads, "--tokens",
               self.o.tokens, "--repetitions", self.o.repetitions, *cases, *self.o.dure_flags], self.read

    def read(self, texts):
        report = read_json(texts)
        self.where = report["cpu"], report["compiler"]
        return {prefill(c["tokens"], c["depth"]) if c["kind"] == "prefill" else decode(c["depth"], c["sequences"]):
                c["tokens_per_second"] for c in report["cases"]}


class LlamaCpp(Program):
    flags = ["-fa", 1]

    def __init__(self, options, folder):
        super().__init__(options)
        self.folder = Path(folder).resolve()

    def bench(self, *words):
        return [self.folder / "llama-bench", *self.model, *self.flags, "-o", "json", *words]

    def first_token(self):
        return self.bench("-p", 0, "-n", 1, "-r", 1, "--no-warmup")

    def groups(self, prompts, depths, parallel):
        for depth in sorted({d for _, d in prompts} | set(depths)):
            lengths = [n for n, d in prompts if d == depth] or [0]
            yield self.bench("-p", ",".join(map(str, lengths)), "-n", self.o.tokens if depth in depths else 0, "-d",
                             depth, "-r", self.o.repetitions), self.read
        if parallel:
            yield [self.folder / "llama-batched-bench", *self.model, "-fa", "on", "-npp", 1, "-ntg", self.o.tokens,
                   "-npl", ",".join(map(str, parallel)), "-c", max(parallel) * 256], self.read_batched

    def read(self, texts):
        return {prefill(t["n_prompt"], t["n_depth"]) if t["n_gen"] == 0 else decode(t["n_depth"]):
                statistics.median(t["samples_ts"]) for t in read_json(texts)}

    @staticmethod
    def read_batched(texts):
        """PP, TG, B, N_KV, T_PP, S_PP, T_TG, S_TG, ..."""
        return {decode(0, int(row[2])): row[7] for row in read_table(texts)}


class IkLlamaCpp(LlamaCpp):
    flags = ["-fa", 1, "-rtr", 1, "-mla", 3, "-fmoe", 1]
    common = ["-fa", "on", "-rtr", "-mla", 3]  # of its other programs

    def first_token(self):
        return self.bench("-p", 0, "-n", 1, "-r", 1, "-w", 0)

    def groups(self, prompts, depths, parallel):
        lengths = [n for n, d in prompts if d == 0] or [0]
        if lengths != [0] or 0 in depths:
            yield self.bench("-p", ",".join(map(str, lengths)), "-n", self.o.tokens if 0 in depths else 0, "-r",
                             self.o.repetitions), self.read
        for depth in sorted({d for n, d in prompts if n == SWEEP_ROWS} | set(depths) - {0}):
            if depth:
                yield [self.folder / "llama-sweep-bench", *self.model, *self.common, "-c", depth + SWEEP_ROWS, "-ub",
                       SWEEP_ROWS, "-n", self.o.tokens, "--sweep-stride", depth // SWEEP_ROWS], self.read_sweep
        if parallel:
            yield [self.folder / "llama-batched-bench", *self.model, *self.common, "-npp", 1, "-ntg", self.o.tokens,
                   "-npl", ",".join(map(str, parallel)), "-c", max(parallel) * 256], self.read_batched

    def read(self, texts):
        return {prefill(t["n_prompt"]) if t["n_gen"] == 0 else decode(0): statistics.median(t["samples_ts"])
                for t in read_json(texts)}

    @staticmethod
    def read_sweep(texts):
        """PP, TG, N_KV, T_PP, S_PP, T_TG, S_TG."""
        values = {}
        for tokens, _, depth, _, prompt_speed, _, speed in read_table(texts):
            if depth:
                values[prefill(int(tokens), int(depth))] = prompt_speed
                values[decode(int(depth))] = speed
        return values


PEERS = {"llama.cpp": LlamaCpp, "ik_llama.cpp": IkLlamaCpp}


def absolute(path):
    return Path(path).resolve()


def read_prompts(text):
    pairs = [word.partition("@") for word in text.split(",") if word]
    return [(int(tokens), int(depth or 0)) for tokens, _, depth in pairs]


def read_numbers(text):
    return [int(word) for word in text.split(",") if word]


def measure(program, o, log, values):
    """Adds what one round finds to `values`: {case: [values]}."""
    memory = 0
    if o.first_token:
        _, seconds, _ = run(program.first_token(), log)
        values.setdefault("first token", []).append(seconds)
    for command, read in program.groups(o.prefill, o.decode, o.parallel):
        try:
            texts, _, peak = run(command, log)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            continue
        memory = max(memory, peak)
        for case, value in read(texts).items():
            values.setdefault(case, []).append(value)
    values.setdefault("memory", []).append(memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=absolute)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME@COMMIT=BIN")
    parser.add_argument("--prefill", type=read_prompts, default="128,512,2048")
    parser.add_argument("--decode", type=read_numbers, default="0,4096")
    parser.add_argument("--parallel", type=read_numbers, default="4,8,16,32")
    parser.add_argument("--first-token", action="store_true", help="seconds from the start of the program to its end")
    parser.add_argument("--tokens", type=int, default=16, help="decoded of each sequence")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=1, help="in each round")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--dure", type=absolute, default=ROOT / "build/release/dure", metavar="PROGRAM")
    parser.add_argument("--dure-flags", type=str.split, default="", metavar="FLAGS", help="such as '--compute int8'")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results/peers.csv")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "compare.log",
                        help="what the programs say beside their results")
    parser.add_argument("--dry-run", action="store_true", help="print the commands")
    o = parser.parse_args()
    programs, commits = {"dure": Dure(o)}, {}
    for peer in o.peer:
        name, commit, folder = re.fullmatch(r"([^@=]+)@([^=]*)=(.+)", peer).groups()
        programs[name], commits[name] = PEERS[name](o, folder), commit
    if o.dry_run:
        for program in programs.values():
            first = [program.first_token()] if o.first_token else []
            for command in first + [command for command, _ in program.groups(o.prefill, o.decode, o.parallel)]:
                print(*command)
        return

    values = {name: {} for name in programs}
    with open(o.log, "w") as log:
        for _ in range(o.rounds):
            for name, program in programs.items():
                measure(program, o, log, values[name])
    medians = {name: {case: statistics.median(v) for case, v in cases.items()} for name, cases in values.items()}
    rows = compare(medians, commits, programs["dure"].where, o)
    show(rows, medians, commits)
    append(o.results, rows, COLUMNS)


def compare(medians, commits, where, o):
    """A row of the table for each peer and case that both have."""
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    shape, _, kind = o.model.name.removesuffix(".gguf").rpartition(".")
    about = [datetime.date.today().isoformat(), *where, commit.stdout.strip()]
    rows = []
    for peer, peer_commit in commits.items():
        for case, ours in medians["dure"].items():
            theirs = medians[peer].get(case)
            if theirs is None:
                continue
            ratio = theirs / ours if case in UNITS else ours / theirs
            rows.append(dict(zip(COLUMNS, [*about, peer, peer_commit, o.threads, " ".join(o.dure_flags), shape, kind,
                                           case, UNITS.get(case, "tokens/s"), f"{ours:.4g}", f"{theirs:.4g}",
                                           f"{ratio:.3g}"])))
    return rows


def show(rows, medians, commits):
    print(f"{'':22} {'dure':>8}" + "".join(f" {peer:>14} {'ratio':>6}" for peer in commits))
    ratios = {(row["peer"], row["case"]): row["ratio"] for row in rows}
    for case, ours in medians["dure"].items():
        line = f"{case:18} {UNITS.get(case, 't/s'):3} {ours:8.4g}"
        for peer in commits:
            theirs = medians[peer].get(case)
            line += f" {theirs:14.4g} {ratios[peer, case]:>6}" if theirs is not None else f" {'-':>14} {'':6}"
        print(line)


if __name__ == "__main__":
    main()
