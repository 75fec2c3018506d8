#!/usr/bin/env python3
"""Damaged models through the real program: each must give exit code 0 or 1, at most one line of error, no crash, no
hang, and a memory peak of at most 20 times the files plus 64 MiB.

usage: bad_files_test.py DURE FIXTURES [CASES]
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SECONDS = 20
MODELS = ["models/ds3-tiny", "models/qwen3-tied", "models/ds3-sharded", "models/ds3-fp8", "models-serve/serve-tiny",
          "models-serve/serve-tiny", "models/lora-qwen3-tied", "models/lora-ds3-odd"]


def run(dure, arguments):
    """(exit code, stderr, peak bytes) of one run."""
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen([dure, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        return process.returncode, err.read().decode("utf-8", "replace"), usage.ru_maxrss * 1024


def flip(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 4, 30])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def truncate(rng, data):
    return data[: rng.randrange(len(data))]


NUMBERS = [0, -1, 1, 7, 2**31 - 1, 2**31, 2**63 - 1, 2**64, 1e300, 0.5, 16777216, 65536]
THINGS = [None, "", "x", [], {}, [[]], True, *NUMBERS]


def mutate_json(rng, data):
    """One value somewhere in the document replaced, removed or moved deep down."""
    document = json.loads(data)
    node, path = document, []
    while isinstance(node, (dict, list)) and node and (not path or rng.random() < 0.8):
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        path.append((node, key))
        node = node[key]
    parent, key = path[-1]
    kind = rng.randrange(4)
    if kind == 0:
        parent.pop(key)
    elif kind == 1:
        parent[key] = json.loads("[" * 200 + "]" * 200)
    else:
        parent[key] = rng.choice(THINGS)
    return json.dumps(document).encode()


def mutate_safetensors_header(rng, data):
    length = struct.unpack("<Q", data[:8])[0]
    header = mutate_json(rng, data[8 : 8 + length])
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def hostile_length(rng, data):
    return struct.pack("<Q", rng.choice([0, 1, 2**32, 2**63, 2**64 - 1, len(data)])) + data[8:]


def main():
    dure, fixtures = sys.argv[1], Path(sys.argv[2])
    # A sanitizer's shadow memory says nothing of the program's own.
    sanitized = any(name in Path(dure).read_bytes() for name in (b"__asan_init", b"__tsan_init"))
    cases = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    rng = random.Random(20)
    failures = 0
    ids = tempfile.NamedTemporaryFile("w", suffix=".json")
    ids.write("[[1, 2, 3]]")
    ids.flush()
    for case in range(cases):
        source = fixtures / rng.choice(MODELS)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for file in source.iterdir():
                if file.name != "golden.json":
                    shutil.copy(file, folder)
            victim = rng.choice(sorted(f for f in folder.iterdir()))
            data = victim.read_bytes()
            if victim.suffix == ".json":
                change = rng.choice([flip, truncate, mutate_json, mutate_json, mutate_json])
            else:
                change = rng.choice([flip, truncate, mutate_safetensors_header, mutate_safetensors_header,
                                     hostile_length])
            victim.write_bytes(change(rng, data))
            size = sum(f.stat().st_size for f in folder.iterdir())
            if source.name.startswith("lora-"):
                base = json.loads((source / "golden.json").read_text())["base_model"]
                command = ["logits", str(source.parent / base), "--lora", str(folder), "--ids-file", ids.name, "--json"]
            elif (folder / "tokenizer.json").exists():
                command = ["run", str(folder), "-p", "hello there", "-n", "2"]
            else:
                command = ["logits", str(folder), "--ids-file", ids.name, "--json"]
            code, error, peak = run(dure, command)
            problem = None
            if code not in (0, 1):
                problem = f"exit code {code}"
            elif code == 1 and len(error.strip().splitlines()) != 1:
                problem = "expected one line of error"
            elif peak > 20 * size + (64 << 20) and not sanitized:
                problem = f"peak of {peak >> 20} MiB for {size >> 10} KiB of files"
            if problem:
                failures += 1
                keep = Path(tempfile.mkdtemp(prefix="dure-bad-"))
                shutil.copytree(folder, keep, dirs_exist_ok=True)
                print(f"case {case}: {change.__name__} of {victim.name}: {problem}; kept in {keep}\n{error[:2000]}")
    print(f"{cases - failures} passed, {failures} failed")
    sys.exit(failures > 0)


main()
