#!/usr/bin/env python3
"""dure imatrix: importance matrices from text."""

import tempfile
import unittest
from pathlib import Path

from program import MODEL, main, run

TEXT = "두레는 이웃이 힘을 모으는 일이다. Neighbours pool their work, and the field is done by noon.\n" * 8


class Imatrix(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.text = self.folder / "text.txt"
        self.text.write_text(TEXT)

    def measure(self, name, *arguments):
        file = self.folder / name
        code, out, err = run("imatrix", MODEL, self.text, "-o", file, *arguments)
        self.assertEqual((code, err), (0, ""))
        return file.read_bytes(), out

    def test_writes_a_gguf_file_with_every_weight_of_the_layers(self):
        matrix, out = self.measure("a.gguf", "-c", "32", "--chunks", "3")
        self.assertEqual(matrix[:4], b"GGUF")
        for name in (b"imatrix.chunk_count", b"text.txt", b"blk.0.attn_k_b.weight.in_sum2",
                     b"blk.2.ffn_down_exps.weight.counts"):
            self.assertIn(name, matrix)
        self.assertNotIn(b"output.weight", matrix.replace(b"attn_output.weight", b""))
        self.assertIn("35 weights, 3 chunks of 32 tokens", out)

    def test_does_not_depend_on_threads(self):
        one, _ = self.measure("one.gguf", "-c", "32", "-t", "1")
        two, _ = self.measure("two.gguf", "-c", "32", "-t", "2")
        self.assertEqual(one, two)

    def test_says_what_is_wrong(self):
        for arguments, message in ((("-c", "8000"), "too short"), (("-c", "100000"), "was made for"),
                                   (("--chunks", "0"), "--chunks")):
            code, _, err = run("imatrix", MODEL, self.text, "-o", self.folder / "x.gguf", *arguments)
            self.assertNotEqual(code, 0)
            self.assertIn(message, err)
        self.assertFalse((self.folder / "x.gguf").exists())


if __name__ == "__main__":
    main()
