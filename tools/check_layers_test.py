#!/usr/bin/env python3
"""Tests of check_layers.py: small pages and sources, and what must be said of them."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import check_layers

PAGE = """
## 1. Folders are layers

| folder | builds on | what it is for |
|---|---|---|
| cli | everything | prints |
| ops | backend | one file per op |
| backend | tensor | machines |
| text | base | tokenizers |
| tensor | base | shapes |
| base | (std) | errors |

## 2. Other tables do not count

| change | goes to |
"""
ALLOWED = check_layers.read_table(PAGE)


def messages(path, text):
    return [f"{line}: {message}" for line, message in check_layers.check_file(Path(path), text, ALLOWED)]


class Table(unittest.TestCase):
    def test_closure(self):
        self.assertEqual(ALLOWED["ops"], {"ops", "backend", "tensor", "base"})
        self.assertEqual(ALLOWED["text"], {"text", "base"})
        self.assertEqual(ALLOWED["base"], {"base"})
        self.assertEqual(ALLOWED["cli"], set(ALLOWED))

    def test_broken_pages(self):
        for page in ["", "## 1. No table\n\n## 2.", PAGE.replace("| text | base |", "| text | bases |")]:
            with self.assertRaises(ValueError):
                check_layers.read_table(page)


class Files(unittest.TestCase):
    def test_clean(self):
        for path, text in [
            ("src/ops/add.cc", '#include "ops/add.h"\n#include "tensor/tensor.h"\n#include <fmt/core.h>\n'),
            ("src/ops/add_test.cc", '#include "tests/support.h"\nint f() { return printf("%d", 1); }\n'),
            ("src/backend/cpu/isa/gemm.cc", "#include <immintrin.h>\n"),
            ("src/backend/cpu/dispatch.cc", 'const char* isa = std::getenv("DURE_ISA");\n'),
            ("src/backend/cuda/gemm.cu", "#include <cuda_runtime.h>\n"),
            ("src/main.cc", '#include "cli/cli.h"\nint main() { std::cout << getenv("HOME"); exit(1); }\n'),
            ("src/text/a.cc", '// #include "ops/add.h", then exit(1)\n/* printf("x")\n abort(); */\n'),
            ("src/text/b.cc", 'auto s = R"(\n#include "ops/add.h"\n)"; auto t = "std::cout exit(1)";\n'),
            ("src/text/c.cc", "void abort();\nvoid C::exit(int) { x.abort(); y->exit(1); snprintf(b, 9, t); }\n"),
            ("src/text/d.cc", "int n = 1'000'000;  // isn't\n"),
        ]:
            self.assertEqual(messages(path, text), [], path)

    def test_violations(self):
        for path, text, expected in [
            ("src/text/a.cc", '\n#include "tensor/tensor.h"\n', "2: text may not include tensor (tensor/tensor.h)"),
            ("src/text/a_test.cc", '#include "ops/add.h"\n', "1: text may not include ops (ops/add.h)"),
            ("src/base/a.h", '  #  include "cli/cli.h"\n', "1: base may not include cli (cli/cli.h)"),
            ("src/text/a.cc", '#include "a.h"\n', '1: "a.h" is not written from src/, as "base/error.h" is'),
            ("src/text/a.cc", '#include "tests/support.h"\n',
             '1: "tests/support.h" is not written from src/, as "base/error.h" is'),
            ("src/ops/a.cc", "#include <immintrin.h>\n", "1: <immintrin.h> belongs under src/backend/"),
            ("src/main.cc", "#include <cuda_runtime.h>\n", "1: <cuda_runtime.h> belongs under src/backend/"),
            ("src/strange/a.cc", "", "1: src/strange has no row in docs/architecture.md"),
            ("src/text/a.cc", 'int f() {\n  std::printf("x");\n}', "2: text prints, which only cli may"),
            ("src/text/a.cc", "/* a\n b */ std::cerr << 1;", "2: text prints, which only cli may"),
            ("src/text/a.cc", 'fprintf(stderr, "x");', "1: text prints, which only cli may"),
            ("src/text/a.cc", 'fmt::print("{}", 1);', "1: text prints, which only cli may"),
            ("src/text/a.cc", "if (bad) exit(1);", "1: text exits, which only cli may"),
            ("src/text/a.cc", "  std::abort();", "1: text exits, which only cli may"),
            ("src/text/a.cc", "else abort();", "1: text exits, which only cli may"),
            ("src/text/a.cc", 'std::getenv("DURE_ISA")', "1: text reads the environment, which only cli may"),
            ("src/backend/cpu/dispatch.cc", 'getenv("HOME")', "1: backend reads the environment, which only cli may"),
        ]:
            self.assertEqual(messages(path, text), [expected], text)

    def test_whole_tree(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            root = Path(folder)
            (root / "docs").mkdir()
            (root / "docs/architecture.md").write_text(PAGE)
            (root / "src/text").mkdir(parents=True)
            source = root / "src/text/a.cc"
            for text, status, output in [
                ("int a;\n", 0, ""),
                ('#include "ops/a.h"\n', 1, "src/text/a.cc:1: text may not include ops (ops/a.h)\n"),
            ]:
                source.write_text(text)
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    self.assertEqual(check_layers.main(root), status)
                self.assertEqual(printed.getvalue(), output)


if __name__ == "__main__":
    unittest.main()
