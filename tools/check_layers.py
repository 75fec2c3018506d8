#!/usr/bin/env python3
"""Holds src/ to the layers of docs/architecture.md, section 1.

A folder may include itself, `base` and the transitive closure of what it builds on. Intrinsics and CUDA headers occur
only under src/backend/; only src/cli (with src/main.cc) prints, exits or reads the environment, but for DURE_ISA in
src/backend's dispatch.cc. Tests stand beside their source, keep to its layer, and may print.

usage: tools/check_layers.py [ROOT]    prints path:line: message for each violation; exit status 1 if there are any
"""

import re
import sys
from pathlib import Path

SOURCES = {".cc", ".h", ".cu", ".cuh"}
ROW = re.compile(r"^\| *(\w+) *\| *([\w() ]+?) *\|")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
MACHINE_HEADER = re.compile(r"(\w*intrin|x86gprintrin|cpuid|arm_\w+|cuda\w*|cublas\w*|cudnn\w*|cooperative_groups)\.h$")

# What a line of code (comments and the insides of strings removed) may hold only in cli, and why.
CLI_ONLY = [
    ("prints", re.compile(r"\bstd::(cout|cerr|clog)\b|\b(stdout|stderr|STD(OUT|ERR)_FILENO)\b"
                          r"|(?<![\w.>])(std::)?v?(printf|puts|putchar|perror)\s*\("
                          r"|\bfmt::(print|println)\s*\(\s*R?\"")),
    # Not a declaration (`void exit(`), a member (`x.abort(`) or a function of another scope (`Engine::abort(`).
    ("exits", re.compile(r"(?:^|[^\w\s.>:]|\b(?:std|else|return|do)\b)\s*(?:::)?\s*"
                         r"(?:(?:_exit|_Exit|exit|quick_exit)\s*\(|(?:abort|terminate)\s*\(\s*\))")),
    ("reads the environment", re.compile(r"\b(secure_)?getenv\s*\(")),
]

# One alternative per thing that can hide another: comments, raw strings, strings, characters (not 1'000).
TOKEN = re.compile(r"""(?P<comment>//[^\n]*|/\*.*?\*/)
                     | R"(?P<tag>[^()\\\s]*)\(.*?\)(?P=tag)"
                     | "(?:\\.|[^"\\\n])*"
                     | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+' """, re.VERBOSE | re.DOTALL)


def read_table(markdown):
    """The layers of the page: folder -> set of folders that it may include, itself among them."""
    section = re.search(r"^## 1\. .*?(?=^## )", markdown, re.MULTILINE | re.DOTALL)
    direct = {}
    for line in section.group().splitlines() if section else []:
        row = ROW.match(line)
        if row and row[1] != "folder":
            direct[row[1]] = row[2].split()
    allowed = {}

    def closure(folder):
        if folder not in allowed:
            allowed[folder] = {folder, "base"}  # set first, so that a cycle ends
            for below in direct[folder]:
                if below == "everything":
                    allowed[folder] |= direct.keys()
                elif below != "(std)":
                    if below not in direct:
                        raise ValueError(f"'{folder}' builds on '{below}', which has no row")
                    allowed[folder] |= closure(below)
        return allowed[folder]

    for folder in direct:
        closure(folder)
    if len(allowed) < 2:
        raise ValueError("no layer table in section 1")
    return allowed


def code_lines(text):
    """Lines without comments and without the insides of strings, except those that name a header or a variable."""
    def blank(match):
        token = match.group()
        if match["comment"]:
            return "\n" * token.count("\n") or " "
        if "\n" in token or len(token) > 80 or token[0] == "'":
            return '""' + "\n" * token.count("\n")
        line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        return token if INCLUDE.match(line + token) or line.rstrip().endswith("getenv(") else '""'

    return TOKEN.sub(blank, text).splitlines()


def check_include(path, layer, bracket, header, allowed):
    if MACHINE_HEADER.search(header) and layer != "backend":
        return f"<{header}> belongs under src/backend/"
    if bracket == "<":
        return None
    first = header.split("/")[0]
    if path.name.endswith("_test.cc") and first == "tests":
        return None
    if "/" not in header or first not in allowed:
        return f'"{header}" is not written from src/, as "base/error.h" is'
    if first not in allowed[layer]:
        return f"{layer} may not include {first} ({header})"
    return None


def check_file(path, text, allowed):
    """Violations of one file as (line number, message). `path` is relative to the root: src/LAYER/..."""
    layer = "cli" if path.as_posix() == "src/main.cc" else path.parts[1]
    if layer not in allowed:
        yield 1, f"src/{layer} has no row in docs/architecture.md"
        return
    for number, line in enumerate(code_lines(text), 1):
        include = INCLUDE.match(line)
        if include:
            message = check_include(path, layer, *include.groups(), allowed)
            if message:
                yield number, message
        elif layer != "cli" and not path.stem.endswith("_test"):
            for what, pattern in CLI_ONLY:
                if pattern.search(line) and not (path.name == "dispatch.cc" and 'getenv("DURE_ISA")' in line):
                    yield number, f"{layer} {what}, which only cli may"


def main(root):
    page = root / "docs/architecture.md"
    try:
        allowed = read_table(page.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{page}: {error}")
    violations = 0
    files = sorted(path for path in (root / "src").rglob("*") if path.suffix in SOURCES)
    for path in files:
        relative = path.relative_to(root)
        for number, message in check_file(relative, path.read_text(encoding="utf-8"), allowed):
            print(f"{relative}:{number}: {message}")
            violations += 1
    print(f"layers: {len(files)} files, {violations} violations", file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
