#!/usr/bin/env python3
"""dure train where things go wrong: killed at any moment, a full disk, a loss that is not finite, bad recipes."""

import json
import random
import resource
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import DURE, PATIENCE, main, run

STEPS, ROWS = 12, 64
CONFIG = {
    "model_type": "deepseek_v3", "vocab_size": 256, "hidden_size": 32, "num_hidden_layers": 2, "first_k_dense_replace": 1,
    "intermediate_size": 48, "num_attention_heads": 2, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1,
    "moe_intermediate_size": 16, "n_shared_experts": 1, "routed_scaling_factor": 2.5, "tie_word_embeddings": True,
    "num_nextn_predict_layers": 1}
RECIPE = {
    "output": "run", "model": {"config": CONFIG, "std": 0.1, "zero_outputs": True},
    "data": {"bytes": "text.txt", "length": 32}, "tokens": STEPS * ROWS, "batch": {"tokens": ROWS},
    "optimizer": {"type": "muon", "lr": 0.003, "eps": 1e-10}, "schedule": {"warmup_steps": 2},
    "loss": {"mtp": 0.3, "bias_speed": 0.001}, "checkpoint": {"every_steps": 2}}


class TrainTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "text.txt").write_text("Neighbours pool their work, and the field is done by noon. " * 40)
        self.recipe = self.folder / "recipe.json"
        self.recipe.write_text(json.dumps(RECIPE))

    def command(self, name, *settings):
        changes = [part for setting in (f"output={name}", *settings) for part in ("--set", setting)]
        return ["train", str(self.recipe), "-t", "1", *changes]

    def train(self, name, *settings):
        return run(*self.command(name, *settings))

    def checkpoints(self, name):
        return sorted(path.name for path in (self.folder / name).glob("step-*"))

    def contents(self, name):
        """All that a run leaves, but for times and memory."""
        files = {path.relative_to(self.folder / name): path.read_bytes()
                 for path in sorted((self.folder / name).glob("step-*/**/*")) if path.is_file()}
        log = [json.loads(line) for line in (self.folder / name / "log.jsonl").read_text().splitlines()]
        return files, [(line["step"], line["tokens"], line["loss"], line["grad_norm"], line["lr"]) for line in log]

    def assert_fails(self, words, name, *settings):
        code, out, err = self.train(name, *settings)
        self.assertEqual((code, err.count("\n")), (1, 1), err)
        self.assertIn(words, err)

    def test_killed_at_any_moment_it_loses_nothing(self):
        self.assertEqual(self.train("whole")[0], 0)
        self.assertEqual(self.checkpoints("whole"), ["step-00000010", "step-00000012"])
        rng, kills, delay = random.Random(3), 0, 0.02
        while True:
            process = subprocess.Popen([str(DURE), *self.command("cut")], stdout=subprocess.DEVNULL)
            try:
                self.assertEqual(process.wait(delay * rng.uniform(0.5, 1.5)), 0)
                break  # it came to its end
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                delay *= 1.1
        self.assertGreater(kills, 1)
        self.assertEqual(self.contents("cut"), self.contents("whole"))

    def test_interrupted_it_goes_on(self):
        self.assertEqual(self.train("whole")[0], 0)
        process = subprocess.Popen([str(DURE), *self.command("cut")], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("step 3 "):
                process.send_signal(signal.SIGINT)
                break
        out, _ = process.communicate(timeout=PATIENCE)
        if process.returncode != 0:  # it may have been done by then
            self.assertEqual(process.returncode, 130)
            self.assertIn("the same command goes on from there", out)
        self.assertEqual(self.train("cut")[0], 0)
        self.assertEqual(self.contents("cut"), self.contents("whole"))

    def test_a_full_disk_leaves_the_earlier_checkpoint(self):
        self.assertEqual(self.train("whole")[0], 0)
        self.assertEqual(self.train("full", f"tokens={2 * ROWS}")[0], 0)  # another schedule, but a checkpoint
        size = max(path.stat().st_size for path in self.folder.glob("full/**/*"))

        def small_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, size - 1))
        for name, left in (("full", ["step-00000002"]), ("none", [])):
            done = subprocess.run([DURE, *self.command(name)], capture_output=True, timeout=PATIENCE,
                                  preexec_fn=small_disk, restore_signals=False, check=False)
            message = done.stderr.decode()
            self.assertEqual((done.returncode, message.count("\n")), (1, 1), message)
            self.assertIn("File too large", message)
            self.assertEqual(self.checkpoints(name), left)
        self.assertEqual(self.train("none")[0], 0)  # there is room again
        self.assertEqual(self.contents("none"), self.contents("whole"))

    def test_three_steps_that_are_not_finite_end_the_run(self):
        # Decay by 1 - 10 * 10 makes weights 99 times as large in each step.
        bad = ("optimizer.lr=10", "optimizer.weight_decay=10", f"tokens={60 * ROWS}", "schedule.warmup_steps=0")
        self.assertEqual(self.train("run", f"tokens={2 * ROWS}")[0], 0)
        for name, words in (("run", "/run/step-00000002"), ("new", "there is no checkpoint yet")):
            code, out, err = self.train(name, *bad, "checkpoint.every_steps=1000")
            self.assertEqual((code, err.count("\n")), (1, 1), err)
            self.assertIn("3 steps in a row were not finite", err)
            self.assertIn(words, err)
            self.assertEqual(out.count("not finite: skipped"), 2)
        self.assertEqual(self.train("run")[0], 0)  # rolled back, with the settings that were good

    def test_bad_recipes_and_data_are_one_line(self):
        (self.folder / "short.txt").write_text("short")
        for setting, words in (("tokens=-1", "field 'tokens'"), ("optimizer.rate=1", "unknown key 'rate'"),
                               ("data.bytes=none.txt", "none.txt"), ("data.bytes=short.txt", "5 tokens"),
                               ("model.config.hidden_size=0", "hidden_size"), ("batch.tokens=0", "field 'tokens'"),
                               ("model.config.vocab_size=100", "the model 100"), ("compute=f8", "field 'compute'"),
                               ('data={"shards": [{"folder": "none"}], "length": 8}', "none")):
            self.assert_fails(words, "bad", setting)
        self.recipe.write_text('{"output": ')
        self.assert_fails("recipe.json", "bad")


if __name__ == "__main__":
    main()
