#!/usr/bin/env python3
"""Tests of check_isa_objects.py: it must find what a compiler really leaks."""

import contextlib
import io
import subprocess
import tempfile
import unittest
from pathlib import Path

import check_isa_objects

CLEAN = """
namespace dure::avx2 {
namespace { int twice(int x) { return 2 * x; } }
struct Table { int (*f)(int); };
extern const Table table;
const Table table{twice};
int doubled(int x) { return twice(x); }
}
"""
OFFENDERS = {
    "inline function": ("namespace dure { inline int shared(int x) { return x * x; } }\n"
                        "namespace dure::avx2 { auto* leak() { return &shared; } }", "weak symbol dure::shared(int)"),
    "template": ("template <class T> __attribute__((noinline)) T id(T x) { return x; }\n"
                 "namespace dure::avx2 { int f(int x) { return id(x); } }", "weak symbol int id<int>(int)"),
    "inline variable": ("namespace dure::avx2 { inline int counter = 0; int f() { return ++counter; } }",
                        "weak symbol dure::avx2::counter"),
    "other namespace": ("namespace dure { int f() { return 1; } }", "dure::f() is global but not in dure::avx2"),
    "other ISA": ("namespace dure::avx512 { int f() { return 1; } }",
                  "dure::avx512::f() is global but not in dure::avx2"),
    "C name": ('extern "C" int f() { return 1; }', "f is global but not in dure::avx2"),
}


class Objects(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sources = Path(folder.name) / "isa"
        self.build = Path(folder.name) / "build"
        self.objects = self.build / "CMakeFiles/dure_isa_avx2.dir/src"
        self.sources.mkdir()
        self.objects.mkdir(parents=True)

    def check(self, *sources):
        """Compiles each text as x0.cc, x1.cc, ... and returns (status, what was printed)."""
        for i, text in enumerate(sources):
            source = self.sources / f"x{i}.cc"
            source.write_text(text)
            subprocess.run(["c++", "-std=c++20", "-O2", "-c", source, "-o", self.objects / f"x{i}.cc.o"], check=True)
        return self.run_main()

    def run_main(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()):
            return check_isa_objects.main(self.build, self.sources), printed.getvalue()

    def test_clean(self):
        self.assertEqual(self.check(CLEAN, CLEAN.replace("dure::avx2", "dure::cpu::avx2")), (0, ""))

    def test_offenders(self):
        for name, (text, message) in OFFENDERS.items():
            with self.subTest(name):
                self.assertEqual(self.check(text), (1, f"avx2/x0.cc: {message}\n"))

    def test_missing_objects(self):
        self.assertEqual(self.run_main()[0], 0)  # no sources, nothing to build
        (self.sources / "late.cc").write_text(CLEAN)
        self.assertEqual(self.run_main(), (1, "avx2/late.cc: not built\n"))
        self.objects.parent.rename(self.build / "elsewhere")
        self.assertEqual(self.run_main()[0], 1)


if __name__ == "__main__":
    unittest.main()
