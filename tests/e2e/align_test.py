#!/usr/bin/env python3
"""Models that learn from rewards and from preferences, by recipe: what is learned, and runs that go on to the bit."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from program import MODEL, main, run

RECIPE = {
    "objective": "grpo", "output": "run", "model": {"from": str(MODEL)}, "data": {"problems": ["sums.jsonl"]},
    "tokens": 700, "batch": {"micro_tokens": 512},
    # Short answers are better, and those that end at once best of all.
    "grpo": {"prompts": 3, "samples": 6, "max_tokens": 12,
             "command": "python3 -c 'import json, sys\nfor line in sys.stdin: print(-len(json.loads(line)[\"answer\"]))'"},
    "optimizer": {"lr": 0.004, "weight_decay": 0}, "schedule": {"shape": "constant", "warmup_steps": 0},
    "checkpoint": {"every_steps": 1}}


class AlignTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.dure("data", "generate", "arithmetic", "--count", "12", "--form", "problem", "--seed", "3", "--out",
                  self.folder / "sums.jsonl")

    def dure(self, *arguments):
        code, out, err = run(*arguments)
        self.assertEqual(code, 0, err)
        return out

    def recipe(self, name, **fields):
        path = self.folder / "recipe.json"
        path.write_text(json.dumps({**RECIPE, "output": name, **fields}))
        return path

    def log(self, name):
        return [json.loads(line) for line in (self.folder / name / "log.jsonl").read_text().splitlines()]

    def test_rewards_rise_and_a_run_goes_on_to_the_bit(self):
        self.dure("train", self.recipe("whole"))
        log = self.log("whole")
        self.assertTrue(all(line["max_dlogp"] == 0 and line["groups"] > 0 for line in log), log)
        self.assertGreater(log[-1]["reward"], log[0]["reward"])

        self.dure("train", self.recipe("halves", tokens=1))  # one step
        self.assertEqual(len(self.log("halves")), 1)
        self.dure("train", self.recipe("halves"))
        last = sorted((self.folder / "whole").glob("step-*"))[-1].name
        for file in ("model.safetensors", "trainer/model.safetensors", "trainer/optimizer.safetensors"):
            self.assertEqual((self.folder / "halves" / last / file).read_bytes(),
                             (self.folder / "whole" / last / file).read_bytes(), file)
        svg = self.folder / "plot.svg"
        self.dure("plot", self.folder / "whole", "-o", svg)
        self.assertIn("reward", svg.read_text())

    def test_an_adapter_learns_what_is_preferred(self):
        (self.folder / "pairs.jsonl").write_text("".join(json.dumps(
            {"prompt": f"Question {i}", "chosen": "Yes, gladly.", "rejected": "No."}) + "\n" for i in range(8)))
        recipe = self.recipe("dpo", objective="dpo", data={"pairs": ["pairs.jsonl"]}, tokens=1000,
                             lora={"r": 4, "lora_alpha": 8, "target_modules": "all-linear"})
        fields = json.loads(recipe.read_text())
        del fields["grpo"]
        fields["dpo"] = {"pairs": 4, "beta": 0.2}
        recipe.write_text(json.dumps(fields))
        self.dure("train", recipe)
        log = self.log("dpo")
        self.assertAlmostEqual(log[0]["dpo_loss"], 0.693147, places=5)
        self.assertEqual(log[-1]["right"], 1)
        self.assertLess(log[-1]["dpo_loss"], 0.5)
        self.assertTrue((sorted((self.folder / "dpo").glob("step-*"))[-1] / "adapter_model.safetensors").is_file())

    def test_a_quantised_model_learns_again_what_it_was(self):
        self.dure("quantize", MODEL, self.folder / "small.gguf", "--type", "q4_0")
        (self.folder / "text.txt").write_text("One two three, and once more: one, two, three and four.\n" * 60)
        self.dure("data", "build", "--tokenizer", MODEL, "--out", self.folder / "shards",
                  self.folder / "text.txt")
        fields = {"objective": "distill", "model": {"from": "small.gguf"}, "distill": {"teacher": str(MODEL)},
                  "data": {"shards": [{"folder": "shards"}], "length": 64}, "tokens": 3840,
                  "batch": {"tokens": 256, "micro_tokens": 256}, "optimizer": {"lr": 0.01, "weight_decay": 0},
                  "lora": {"r": 8, "lora_alpha": 16, "target_modules": "all-linear"}}
        recipe = self.recipe("healed", **fields)
        recipe.write_text(json.dumps({k: v for k, v in json.loads(recipe.read_text()).items() if k != "grpo"}))
        self.assertIn("teacher", self.dure("train", recipe))
        log = self.log("healed")
        self.assertEqual(log[0]["loss"], log[0]["teacher"])
        self.assertGreater(log[0]["teacher"], 0)
        self.assertLess(log[-1]["teacher"], 0.5 * log[0]["teacher"])

        other = self.folder / "other"
        shutil.copytree(MODEL, other)
        tokenizer = json.loads((other / "tokenizer.json").read_text())
        names = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)[-2:]
        tokenizer["model"]["vocab"].update({names[0]: tokenizer["model"]["vocab"][names[1]],
                                            names[1]: tokenizer["model"]["vocab"][names[0]]})
        (other / "tokenizer.json").write_text(json.dumps(tokenizer))
        code, _, err = run("train", recipe, "--set", f"distill.teacher={other}", "--set", "output=none")
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertRegex(err, r"distill: field 'teacher': token \d+ is another one there")

    def test_what_cannot_be(self):
        for words, fields in {
                "grpo: field 'samples'": {"grpo": {"samples": 1}},
                "as long as its answers": {"batch": {"tokens": 100}},
                "no such loss": {"loss": {"mtp": 0.3}},
                "belongs to the objective grpo": {"objective": "sft", "batch": {"tokens": 64}},
                "problems.jsonl": {"data": {"problems": ["problems.jsonl"]}},
                "ended with status 7": {"grpo": {"command": "exit 7"}}}.items():
            code, _, err = run("train", self.recipe("bad", **fields))
            self.assertEqual((code, err.count("\n")), (1, 1), err)
            self.assertIn(words, err)


if __name__ == "__main__":
    main()
