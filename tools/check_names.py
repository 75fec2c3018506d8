#!/usr/bin/env python3
"""Holds src/ to one definition of each type's name. No compiler sees that two files define different types of one name
in one namespace; the linker then takes either one's destructor and virtual functions for both.

usage: tools/check_names.py [ROOT]    prints a line for each name that is defined twice; exit status 1 if there are any
"""

import collections
import re
import sys
from pathlib import Path

OPEN = re.compile(r"^(?:inline )?namespace ?([\w:]*) ?\{$")
CLOSE = re.compile(r"^\}  // namespace")
TYPE = re.compile(r"^(?:struct|class|enum class|enum) (\w+)(?: final)?(?: :(?!:)| \{|$)")


def types_of(text):
    """Types at the top of a named namespace, whose lines are therefore not indented."""
    spaces = []
    for line in text.splitlines():
        if found := OPEN.match(line):
            spaces.append(found[1])
        elif CLOSE.match(line) and spaces:
            spaces.pop()
        elif (found := TYPE.match(line)) and "" not in spaces:
            yield "::".join([*spaces, found[1]])


def main(root):
    places = collections.defaultdict(set)
    # Kernels (isa) are compiled once per instruction set, each into its own namespace.
    files = [f for f in sorted(root.glob("src/**/*")) if f.suffix in {".h", ".cc"} and "isa" not in f.parts]
    for file in files:
        for name in types_of(file.read_text(encoding="utf-8")):
            places[name].add(str(file.relative_to(root)))
    twice = {name: sorted(found) for name, found in places.items() if len(found) > 1}
    for name, found in sorted(twice.items()):
        print(f"{found[1]}: {name} is also defined in {found[0]}")
    print(f"names: {len(files)} files, {len(places)} types, {len(twice)} violations")
    return 1 if twice or not places else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
