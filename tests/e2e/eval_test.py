#!/usr/bin/env python3
"""dure eval: perplexity, divergence from saved logits, agreement of two models."""

import json
import math
import tempfile
import unittest
from pathlib import Path

from program import FIXTURES, MODEL, main, run

TEXT = "두레는 이웃이 힘을 모으는 일이다. Neighbours pool their work, and the field is done by noon.\n" * 8
SMALL = FIXTURES / "models/qwen3-tied"


class Eval(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.text = self.folder / "text.txt"
        self.text.write_text(TEXT)

    def eval(self, *arguments):
        code, out, err = run("eval", *arguments, "--json")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def test_perplexity_counts_every_token(self):
        ids = json.loads(run("tokenize", MODEL, "--jsonl", stdin=json.dumps({"text": TEXT}))[1])["ids"]
        result = self.eval("perplexity", MODEL, self.text, "-c", "32")
        self.assertEqual(result["tokens"], len(ids))  # BOS predicts the first
        self.assertAlmostEqual(result["perplexity"]["mean"], math.exp(result["nll"]["mean"]))
        bits = result["nll"]["mean"] * len(ids) / math.log(2) / len(TEXT.encode())
        self.assertAlmostEqual(result["bits_per_byte"]["mean"], bits)
        code, out, _ = run("eval", "perplexity", MODEL, self.text, "-c", "32")
        self.assertEqual(code, 0)
        for word in ("perplexity", "bits per byte", "windows of 32", "±"):
            self.assertIn(word, out)

    def test_saved_logits_are_the_models(self):
        logits = self.folder / "logits"
        self.eval("perplexity", MODEL, self.text, "--save-logits", logits, "--tokens", "100")
        same = self.eval("kl", MODEL, self.text, "--base-logits", logits, "--tokens", "100")
        self.assertEqual((same["tokens"], same["kl"]["mean"], same["same_top"]["mean"]), (100, 0, 1))
        code, _, err = run("eval", "kl", MODEL, self.text, "--base-logits", logits, "--tokens", "99")
        self.assertEqual(code, 1)
        self.assertIn("another text", err)

    def test_arithmetic_moves_a_model_a_little(self):
        ids = self.folder / "ids.json"
        ids.write_text(json.dumps([list(range(1, 60)), list(range(40))]))
        moved = self.eval("agree", SMALL, SMALL, ids, "--ids", "--other-compute", "bf16", "-c", "16")
        self.assertEqual(moved["tokens"], 98)
        self.assertGreater(moved["kl"]["mean"], 0)
        self.assertLess(moved["kl"]["mean"], 0.01)
        backends = self.eval("agree", SMALL, SMALL, ids, "--ids", "--other-backend", "reference")
        self.assertLess(backends["kl"]["mean"], 1e-9)
        self.assertEqual(backends["same_top"]["mean"], 1)

    def test_what_cannot_be_scored_is_one_line(self):
        empty, ids = self.folder / "empty.txt", self.folder / "ids.json"
        empty.write_text("")
        ids.write_text("[[1, 99999999]]")
        for arguments, words in [
            (("perplexity", MODEL, empty), "too short"),
            (("perplexity", MODEL, self.text, "-c", "1000000000"), "was made for"),
            (("perplexity", MODEL, self.folder / "none.txt"), "none.txt"),
            (("perplexity", SMALL, self.text), "tokenizer"),
            (("perplexity", SMALL, ids, "--ids"), "99999999"),
            (("agree", MODEL, SMALL, self.text), "the vocabulary has"),
            (("kl", MODEL, self.text, "--base-logits", self.text), "text.txt"),
        ]:
            code, out, err = run("eval", *arguments)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1), err)
            self.assertIn(words, err)


if __name__ == "__main__":
    main()
