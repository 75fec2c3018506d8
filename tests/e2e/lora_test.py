#!/usr/bin/env python3
"""An adapter from conversations to an answer: data, a quantised base, training, and the adapter in use."""

import json
import tempfile
import unittest
from pathlib import Path

from program import MODEL, main, run

RECIPE = {
    "objective": "sft", "output": "run", "model": {"from": "base.gguf"},
    "lora": {"r": 8, "lora_alpha": 16, "target_modules": ".*"},
    "data": {"chats": ["chats.jsonl"], "length": 64}, "tokens": 6144, "batch": {"tokens": 128},
    "optimizer": {"lr": 0.005, "weight_decay": 0}, "schedule": {"warmup_steps": 2}, "checkpoint": {"every_steps": 24}}
CHAT = [{"role": "user", "content": "Where is the harvest?"}, {"role": "assistant", "content": "In the barn."}]


class LoraTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def dure(self, *arguments):
        code, out, err = run(*arguments)
        self.assertEqual(code, 0, err)
        return out

    def test_teaches_a_quantised_model_an_answer(self):
        base, recipe = self.folder / "base.gguf", self.folder / "recipe.json"
        (self.folder / "chats.jsonl").write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in (CHAT, CHAT[:1])))
        recipe.write_text(json.dumps(RECIPE))
        self.dure("quantize", MODEL, base, "--type", "q8_0")
        weights = base.read_bytes()
        code, _, err = run("train", recipe)
        self.assertEqual(code, 0, err)
        self.assertIn("1 lines were left out", err)
        self.assertIn("no message of an assistant", err)

        losses = [json.loads(line)["loss"] for line in (self.folder / "run/log.jsonl").read_text().splitlines()]
        self.assertLess(losses[-1], 0.1 * losses[0])
        self.assertEqual(base.read_bytes(), weights)
        adapter = self.folder / "run/step-00000048"
        self.assertEqual(json.loads((adapter / "adapter_config.json").read_text())["r"], 8)
        ask = ("run", base, "-p", CHAT[0]["content"], "--temp", "0", "--max-tokens", "12")
        self.assertEqual(self.dure(*ask, "--lora", adapter).strip(), CHAT[1]["content"])
        self.assertNotEqual(self.dure(*ask).strip(), CHAT[1]["content"])

        code, _, err = run("train", recipe, "--set", "lora.r=4")
        self.assertEqual((code, err.count("dure:")), (1, 1), err)
        self.assertIn("it is of another adapter", err)
        self.assertTrue((self.folder / "run/chat-tokens/train-00000.tokens").is_file())
        mine = self.folder / "run/chat-tokens/mine.jsonl"
        mine.write_text("{}")
        code, _, err = run("train", recipe, "--set", 'data.chats=["none.jsonl"]')
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertIn("none.jsonl", err)
        self.assertEqual(mine.read_text(), "{}")  # only what training wrote there is made again

    def test_the_same_from_shards(self):
        """dure data build is what data.chats does, kept in a folder."""
        (self.folder / "chats.jsonl").write_text(json.dumps({"messages": CHAT}) + "\n")
        self.dure("data", "build", "--answers-only", "--tokenizer", MODEL, "--out", self.folder / "shards",
                  self.folder / "chats.jsonl")
        recipe = self.folder / "recipe.json"
        recipe.write_text(json.dumps({**RECIPE, "model": {"from": str(MODEL)}, "tokens": 512}))
        self.dure("train", recipe, "--set", "output=chats")
        recipe.write_text(json.dumps({**RECIPE, "model": {"from": str(MODEL)}, "tokens": 512,
                                      "data": {"shards": [{"folder": "shards"}], "length": 64}}))
        self.dure("train", recipe, "--set", "output=shared")
        chats, shards = (self.folder / name / "step-00000004/adapter_model.safetensors" for name in ("chats", "shared"))
        self.assertEqual(chats.read_bytes(), shards.read_bytes())


if __name__ == "__main__":
    main()
