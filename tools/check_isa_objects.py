#!/usr/bin/env python3
"""Holds the objects built from src/backend/cpu/isa/ to what keeps baseline code runnable on any x86-64.

An inline function that such an object defines weakly may be the copy that the linker keeps for the whole program, wide
instructions included. So these objects define no weak symbol, and nothing global outside their own namespace
(dure::...::avx2 in the objects of the target dure_isa_avx2).

usage: tools/check_isa_objects.py BUILD_FOLDER    a Release build: unoptimised code keeps every inline function
"""

import re
import subprocess
import sys
from pathlib import Path

WEAK = set("WwVvu")
ROOT = Path(__file__).resolve().parent.parent


def check_object(path, namespace):
    """What is wrong with the symbols that one object defines, as messages."""
    # The Itanium mangling of a name in dure::...::NAMESPACE; K marks a const member function.
    own = re.compile(rf"_ZNK?4dure(\d+\w+?)*{len(namespace)}{namespace}\d")
    listing = subprocess.run(["nm", "--defined-only", "-P", path], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        symbol, kind = line.split()[:2]
        if kind in WEAK:
            yield f"weak symbol {demangle(symbol)}"
        elif kind.isupper() and not own.match(symbol):
            yield f"{demangle(symbol)} is global but not in dure::{namespace}"


def demangle(symbol):
    return subprocess.run(["c++filt", symbol], capture_output=True, text=True, check=True).stdout.strip()


def check_targets(build, sources, prefix):
    """The objects of the targets dure_PREFIX_NAMESPACE, each built from all of `sources`: how many, and how many problems,
    which are printed."""
    expected = sorted(path.name for path in sources.glob("*.cc") if not path.stem.endswith("_test"))
    folders = sorted(build.glob(f"CMakeFiles/dure_{prefix}_*.dir"))
    if expected and not folders:
        print(f"{build}: no dure_{prefix}_* objects, though there are sources in {sources}")
        return 0, 1
    wrong = checked = 0
    for folder in folders:
        namespace = folder.stem.removeprefix(f"dure_{prefix}_")
        built = {path.stem: path for path in folder.rglob("*.cc.o")}
        for name in expected:
            problems = list(check_object(built[name], namespace)) if name in built else ["not built"]
            for problem in problems:
                print(f"{namespace}/{name}: {problem}")
            wrong += len(problems)
            checked += 1
    return checked, wrong


def main(build, sources=ROOT / "src/backend/cpu/isa"):
    vectors = check_targets(build, sources, "isa")
    tiles = check_targets(build, sources / "tile", "tiles")
    checked, wrong = vectors[0] + tiles[0], vectors[1] + tiles[1]
    print(f"ISA objects: {checked} objects, {wrong} problems", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tools/check_isa_objects.py BUILD_FOLDER")
    sys.exit(main(Path(sys.argv[1])))
