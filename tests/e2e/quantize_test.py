#!/usr/bin/env python3
"""dure quantize: smaller files that run, survive interruptions, and fail in one line."""

import fcntl
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import DURE, FIXTURES, MODEL, main, run

DEEPSEEK = FIXTURES / "models/ds3-tiny"


class Quantize(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "x.gguf"

    def left(self):
        return sorted(p.name for p in self.folder.iterdir())

    def assert_error(self, words, *arguments, code=1):
        got, out, err = run("quantize", *arguments)
        self.assertEqual((got, out, err.count("\n")), (code, "", 1), err)
        self.assertIn(words, err)

    def test_the_file_talks_as_the_folder_does(self):
        code, out, err = run("quantize", MODEL, self.file, "--type", "f32")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("32.00 bits per weight", out)
        answer = ["-p", "안녕하세요", "-n", "12", "--temp", "0", "--compute", "f32"]
        self.assertEqual(run("run", self.file, *answer), run("run", MODEL, *answer))

    def test_every_type_runs(self):
        listed = run("quantize", "--help")[1].split("One of: ")[1]
        sizes = {}
        for name in ("bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0", "iq4_nl", "q3_k_m", "q2_k"):
            self.assertIn(name, listed)
            code, _, err = run("quantize", MODEL, self.file, "--type", name)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(run("run", self.file, "-p", "hello", "-n", "2", "--temp", "0")[0], 0)
            sizes[name] = self.file.stat().st_size
        self.assertLess(sizes["q4_0"], sizes["q8_0"])
        self.assertLess(sizes["q8_0"], sizes["bf16"])
        self.assertEqual(self.left(), ["x.gguf"])

    def test_dry_run_tells_the_size_and_writes_nothing(self):
        code, out, _ = run("quantize", DEEPSEEK, "--type", "q8_0", "--dry-run",
                           "--tensor-type", "ffn_down_exps=f16", "--tensor-type", "ffn=q4_0")
        self.assertEqual(code, 0)
        kinds = {line.split()[0]: line.split("->")[1].split()[0] for line in out.splitlines() if line.startswith("blk.1")}
        self.assertEqual((kinds["blk.1.ffn_down_exps.weight"], kinds["blk.1.ffn_up_exps.weight"],
                          kinds["blk.1.ffn_norm.weight"]), ("F16", "Q4_0", "F32"))
        self.assertEqual(self.left(), [])

    def peak_memory(self, layers):
        """Bytes that quantising a model of so many layers holds at most, and the size of its weights."""
        model = self.folder / f"model-{layers}"
        model.mkdir()
        hidden, wide = 512, 4096
        (model / "config.json").write_text(json.dumps({
            "model_type": "qwen3", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 8,
            "intermediate_size": wide, "vocab_size": 1024, "tie_word_embeddings": True}))
        shapes = {"model.embed_tokens.weight": [1024, hidden]}
        for layer in range(layers):
            for part in ("gate", "up"):
                shapes[f"model.layers.{layer}.mlp.{part}_proj.weight"] = [wide, hidden]
        header, at = {}, 0
        for name, (rows, columns) in shapes.items():
            header[name] = {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [at, at + 2 * rows * columns]}
            at += 2 * rows * columns
        text = json.dumps(header).encode()
        with open(model / "model.safetensors", "wb") as weights:
            weights.write(struct.pack("<Q", len(text)) + text)
            for _ in range(at >> 20):  # in pieces: what this process has held counts for those that it starts
                weights.write(bytes([7, 61, 200, 189]) * (1 << 18))
        # Freed memory must not count: a sanitizer would keep it aside.
        quiet = {**os.environ, "ASAN_OPTIONS": "exitcode=99:quarantine_size_mb=1"}
        process = subprocess.Popen([DURE, "quantize", model, self.file, "--type", "q8_0"], env=quiet,
                                   stdout=subprocess.DEVNULL)
        _, process.returncode, usage = os.wait4(process.pid, 0)
        self.assertEqual(process.returncode, 0)
        self.file.unlink()
        return usage.ru_maxrss << 10, at

    def test_memory_does_not_grow_with_the_model(self):
        small, few = self.peak_memory(layers=8)
        large, many = self.peak_memory(layers=40)
        self.assertGreaterEqual(many - few, 256 << 20)
        self.assertLess(large - small, 32 << 20)

    def test_without_the_draft_layer(self):
        def layers(*options):
            out = run("quantize", DEEPSEEK, "--type", "q8_0", "--dry-run", *options)[1]
            return max(int(line.split(".")[1]) for line in out.splitlines() if line.startswith("blk."))
        self.assertEqual((layers(), layers("--no-mtp")), (3, 2))

    def test_killed_and_continued(self):
        whole = self.folder / "whole.gguf"
        run("quantize", DEEPSEEK, whole, "--type", "q4_k_m")
        resumed = False
        for delay in range(2, 400, 3):
            process = subprocess.Popen([DURE, "quantize", DEEPSEEK, self.file, "--type", "q4_k_m", "-t", "1"],
                                       stdout=subprocess.DEVNULL)
            time.sleep(delay / 1000)
            process.kill()
            process.wait()
            if self.file.exists():
                break
            resumed = resumed or (self.folder / "x.gguf.partial").exists()
        else:
            self.assertEqual(run("quantize", DEEPSEEK, self.file, "--type", "q4_k_m")[0], 0)
        self.assertTrue(resumed)
        self.assertEqual(self.file.read_bytes(), whole.read_bytes())

    def test_a_full_disk_is_one_line_and_not_the_end(self):
        def small_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        done = subprocess.run([DURE, "quantize", DEEPSEEK, self.file, "--type", "q8_0"], capture_output=True,
                              preexec_fn=small_disk, restore_signals=False, check=False)
        message = done.stderr.decode()
        self.assertEqual((done.returncode, message.count("\n")), (1, 1))
        self.assertTrue(message.endswith(f"File too large; the same command goes on with {self.file}.partial\n"))
        self.assertEqual(self.left(), ["x.gguf.partial", "x.gguf.partial.journal"])
        self.assertEqual(run("quantize", DEEPSEEK, self.file, "--type", "q8_0")[0], 0)
        self.assertEqual(self.left(), ["x.gguf"])

    def test_two_at_once(self):
        with open(self.folder / "x.gguf.partial", "w", encoding="utf-8") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            self.assert_error("x.gguf: another program is writing it", MODEL, self.file)

    def test_mistakes_are_named(self):
        self.assert_error("no such file or folder", self.folder / "none", self.file)
        self.assert_error("type 'q9': expected one of f32", MODEL, self.file, "--type", "q9")
        self.assert_error("tensor type 'x=': expected PATTERN=TYPE", MODEL, self.file, "--tensor-type", "x=")
        self.assert_error("tensor type: regular expression '(': missing closing parenthesis", MODEL, self.file, "--tensor-type", "(=q8_0")
        self.assert_error("cannot write", MODEL, self.folder / "none/x.gguf")
        self.assert_error("is a folder", MODEL, self.folder)
        self.assert_error("expected the name of the file to write", MODEL)
        self.assert_error("No such file", MODEL, self.file, "--imatrix", self.folder / "none")
        self.assertEqual(self.left(), [])

    def test_a_damaged_model_leaves_nothing(self):
        model = self.folder / "model"
        shutil.copytree(DEEPSEEK, model)
        with open(model / "model.safetensors", "r+b") as weights:
            weights.truncate(os.path.getsize(weights.name) - 100)
        self.assert_error("model.safetensors", model, self.file)
        self.assertEqual(self.left(), ["model"])


if __name__ == "__main__":
    main()
