#!/usr/bin/env python3
"""dure eval: perplexity, divergence from saved logits, agreement of two models, and what a model knows."""

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

    def generate(self, *arguments, count=12):
        file = self.folder / f"{arguments[0]}.jsonl"
        self.assertEqual(run("data", "generate", *arguments, "-n", count, "-o", file)[0], 0)
        return file

    def test_bits_per_byte_of_each_source(self):
        stories, shards = self.generate("stories"), self.folder / "shards"
        self.assertEqual(run("data", "build", stories, "--tokenizer", MODEL, "-o", shards, "--held-out", "0.5")[0], 0)
        both = self.eval("bpb", MODEL, self.text, shards)
        for source in (self.text, shards):
            score = both[str(source)]
            bits = score["nll"]["mean"] * score["tokens"] / math.log(2) / score["bytes"]
            self.assertAlmostEqual(score["bits_per_byte"]["mean"], bits)
        train, all_of_it = (self.eval("bpb", MODEL, source, "--split", "train")[str(source)] for source in (shards, stories))
        for count in ("documents", "tokens", "bytes"):
            self.assertEqual(both[str(shards)][count] + train[count], all_of_it[count])
        code, out, _ = run("eval", "bpb", MODEL, self.text)
        self.assertEqual((code, out.count("\n")), (0, 2))
        self.assertIn("bits per byte", out)

    def test_problems_are_answered_and_checked(self):
        sums, countdown = self.generate("arithmetic", "--form", "problem"), self.generate("countdown", "--form", "problem")
        samples = self.folder / "samples.jsonl"
        arguments = ("answers", MODEL, sums, countdown, "-n", "6", "--attempts", "2", "--temp", "1")
        scores = self.eval(*arguments, "--samples", samples)
        self.assertEqual(scores["all"]["problems"], 24)
        self.assertEqual(sum(group["problems"] for group in scores.values()), 48)
        lines = [json.loads(line) for line in samples.read_text().splitlines()]
        self.assertEqual(len(lines), 48)
        right = sum(line["right"] for line in lines) / len(lines)
        self.assertAlmostEqual(scores["all"]["right"]["mean"], right)
        again = self.folder / "again.jsonl"
        self.eval(*arguments, "--samples", again, "--parallel", "3")
        self.assertEqual(again.read_bytes(), samples.read_bytes())  # company changes nothing
        code, out, _ = run("eval", "answers", MODEL, sums, "-n", "2", "--limit", "3", "--samples", self.folder / "s.txt")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"all +3 +\d+\.\d ± ")
        self.assertEqual((self.folder / "s.txt").read_text().count("--- expected"), 3)

    def test_choices_and_samples(self):
        questions, prompts = self.folder / "animals.jsonl", self.folder / "prompts.txt"
        questions.write_text('{"question": "Who barks?", "choices": ["cat", "dog"], "answer": "B"}\n'
                             '{"question": "?", "choices": ["a", "b", "c", "d"], "answer": 0, "kind": "letters"}\n')
        scores = self.eval("choice", MODEL, questions)
        self.assertEqual([scores[g]["chance"] for g in ("all", "animals", "letters")], [0.375, 0.5, 0.25])
        self.assertIn("by chance", run("eval", "choice", MODEL, questions, "--raw")[1])
        prompts.write_text("Once upon a time\n\nHello\n")
        code, out, _ = run("eval", "samples", MODEL, prompts, "-n", "3", "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([code, *(line["prompt"] for line in lines)], [0, "Once upon a time", "Hello"])
        self.assertIn("=== Hello\n", run("eval", "samples", MODEL, prompts, "-n", "3")[1])

    def test_tasks_that_cannot_be_used_are_one_line(self):
        bad, other = self.folder / "bad.jsonl", self.folder / "other"
        bad.write_text('{"prompt": "1+1", "answer": "two", "kind": "sum"}\n')
        other.mkdir()
        for arguments, words in [
            (("answers", MODEL, bad), "bad.jsonl:1"),
            (("choice", MODEL, bad), "bad.jsonl:1"),
            (("samples", MODEL, self.folder / "none.txt"), "none.txt"),
            (("bpb", MODEL, other), "other"),
            (("bpb", MODEL, self.text, "-c", "1000000000"), "was made for"),
        ]:
            code, out, err = run("eval", *arguments)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1), err)
            self.assertIn(words, err)

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
