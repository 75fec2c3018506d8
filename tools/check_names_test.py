#!/usr/bin/env python3
"""Tests of check_names.py: small sources, and which types it finds in them."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import check_names


class Types(unittest.TestCase):
    def test_named_namespaces_alone(self):
        text = """
namespace dure {
class Forward;
struct A {
  struct Inner {};
};
enum class B : int { x };
class C final : public D {
};
namespace {
struct Hidden {
};
}  // namespace
struct A::Impl {
};
template <class T>
struct Traits {};
namespace grammar {
struct A {
};
}  // namespace grammar
}  // namespace dure
"""
        self.assertEqual(list(check_names.types_of(text)), ["dure::A", "dure::B", "dure::C", "dure::Traits", "dure::grammar::A"])


class Tree(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / "src" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                status = check_names.main(Path(folder))
        return status, said.getvalue()

    def test_twice(self):
        one = "namespace dure {\nclass Stream {\n};\n}  // namespace dure\n"
        status, said = self.run_on({"http/a.h": one, "train/b.h": one})
        self.assertEqual(status, 1)
        self.assertIn("src/train/b.h: dure::Stream is also defined in src/http/a.h", said)

    def test_once(self):
        one = "namespace dure {\nclass Stream {\n};\n}  // namespace dure\n"
        self.assertEqual(self.run_on({"a.h": one, "b.h": one.replace("Stream", "File"), "isa/c.h": one})[0], 0)

    def test_nothing_to_check_is_no_success(self):
        self.assertEqual(self.run_on({"a.h": "int x;\n"})[0], 1)


if __name__ == "__main__":
    unittest.main()
