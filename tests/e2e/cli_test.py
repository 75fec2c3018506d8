#!/usr/bin/env python3
"""The commands that need no conversation: what they print, and how they fail."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import DURE, FIXTURES, MODEL, PATIENCE, ROOT, main, run

LLAMA = FIXTURES / "models/llama2-tiny"


class Run(unittest.TestCase):
    def test_prompt_from_option_or_pipe(self):
        ways = [run("run", MODEL, "-p", "안녕", "-n", "8", "--temp", "0"),
                run("run", MODEL, "-n", "8", "--temp", "0", stdin="안녕")]
        for code, out, err in ways:
            self.assertEqual((code, err), (0, ""))
            self.assertTrue(out.endswith("\n"))
        self.assertEqual(ways[0], ways[1])

    def test_same_seed_same_text(self):
        def text(*options):
            return run("run", MODEL, "-p", "hello", "-n", "16", *options)[1]
        self.assertEqual(text("--seed", "7"), text("--seed", "7"))
        self.assertNotEqual(text("--seed", "7"), text("--seed", "8"))
        self.assertEqual(text("--temp", "0", "--seed", "7"), text("--temp", "0", "--seed", "8"))

    def test_json(self):
        code, out, _ = run("run", MODEL, "-p", "hello", "-n", "5", "--temp", "0", "--json")
        answer = json.loads(out)
        self.assertEqual((code, answer["completion_tokens"], answer["finish_reason"]), (0, 5, "length"))
        self.assertEqual(answer["text"] + "\n", run("run", MODEL, "-p", "hello", "-n", "5", "--temp", "0")[1])

    def test_raw_leaves_the_template_out(self):
        def tokens(*options):
            return json.loads(run("run", MODEL, "-p", "hello", "-n", "2", "--json", *options)[1])["prompt_tokens"]
        self.assertLess(tokens("--raw"), tokens())


class Adapters(unittest.TestCase):
    BASE, ADAPTER = FIXTURES / "models/qwen3-tied", FIXTURES / "models/lora-qwen3-tied"

    def logits(self, model, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as ids:
            ids.write("[[1, 5, 9]]")
            ids.flush()
            code, out, err = run("logits", model, "--ids-file", ids.name, "--json", *options)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)[0]

    def assert_close(self, a, b, tolerance):
        self.assertLess(max(abs(x - y) for x, y in zip(a, b, strict=True)), tolerance)

    def test_adapters_add_up_and_merge(self):
        expected = self.logits(self.BASE, "--lora", self.ADAPTER)
        halves = self.logits(self.BASE, "--lora", f"{self.ADAPTER}:0.25", "--lora", f"{self.ADAPTER}:0.75")
        self.assert_close(halves, expected, 1e-4)
        self.assertEqual(self.logits(self.BASE, "--lora", f"{self.ADAPTER}:0"), self.logits(self.BASE))
        with tempfile.TemporaryDirectory() as folder:
            merged = Path(folder) / "merged"
            self.assertEqual(run("merge", self.BASE, "--lora", self.ADAPTER, merged)[0], 0)
            self.assert_close(self.logits(merged), expected, 1e-4)
            code, _, err = run("merge", self.BASE, "--lora", self.ADAPTER, merged)
            self.assertEqual((code, err), (1, f"dure: {merged}: exists already\n"))

    def test_what_does_not_fit_is_one_line(self):
        code, _, err = run("run", MODEL, "-p", "x", "--lora", self.ADAPTER)
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertIn("adapter_model.safetensors", err)
        with tempfile.TemporaryDirectory() as folder:
            config = json.loads((self.ADAPTER / "adapter_config.json").read_text())
            (Path(folder) / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
            (Path(folder) / "adapter_model.safetensors").write_bytes(
                (self.ADAPTER / "adapter_model.safetensors").read_bytes())
            code, _, err = run("run", MODEL, "-p", "x", "--lora", folder)
        self.assertEqual((code, err), (1, f"dure: {folder}/adapter_config.json: field 'use_dora' is not supported, "
                                          "found 'true'\n"))


class Help(unittest.TestCase):
    def test_reference_page_is_what_the_program_says(self):
        code, out, _ = run("reference")
        self.assertEqual(code, 0)
        page = (ROOT / "docs/cli.md").read_text()
        self.assertEqual(page, out, "docs/cli.md is out of date: dure reference > docs/cli.md")

    def test_every_command_of_the_reference_has_help(self):
        for heading in re.findall(r"^## dure ([a-z ]+)", run("reference")[1], re.M):
            code, out, err = run(*heading.split(), "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertIn("Usage: dure " + heading.strip(), out)


class Tools(unittest.TestCase):
    def test_tokenize_jsonl(self):
        lines = ['{"text": "한글 hello"}', '{"ids": [0, 1471]}', "{", '{"ids": [-1]}']
        code, out, _ = run("tokenize", MODEL, "--jsonl", stdin="\n".join(lines))
        first, second, *bad = map(json.loads, out.splitlines())
        self.assertEqual(code, 0)
        self.assertEqual(first["decoded"], "한글 hello")
        self.assertEqual(second["decoded_skip_special"], "")
        self.assertEqual([list(b) for b in bad], [["error"], ["error"]])

    def test_template_jsonl(self):
        context = {"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": True}
        code, out, _ = run("template", MODEL, "--jsonl", stdin=json.dumps(context) + "\n[]\n")
        rendered, bad = map(json.loads, out.splitlines())
        self.assertEqual(code, 0)
        self.assertEqual(rendered["rendered"], "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜>")
        self.assertIn("a JSON object", bad["error"])

    def test_info_json(self):
        code, out, _ = run("info", MODEL, "--json")
        info = json.loads(out)
        self.assertEqual((code, info["architecture"], info["layers"], info["vocab_size"]), (0, "deepseek_v3", 3, 1472))
        self.assertEqual(info["context"], 8192)

    def test_logits_json(self):
        with tempfile.TemporaryDirectory() as folder:
            ids = Path(folder, "ids.json")
            ids.write_text("[[1, 2, 3], [4]]")
            code, out, _ = run("logits", MODEL, "--ids-file", ids, "--json")
            rows = json.loads(out)
            self.assertEqual((code, [len(r) for r in rows]), (0, [1472, 1472]))
            chunked = json.loads(run("logits", MODEL, "--ids-file", ids, "--json", "--chunk", "2")[1])
            self.assertLess(max(abs(a - b) for a, b in zip(rows[0], chunked[0])), 1e-4)


class Failures(unittest.TestCase):
    def assert_one_line(self, result, *parts):
        code, out, err = result
        self.assertEqual((code, out, err.count("\n")), (1, "", 1), (out, err))
        self.assertTrue(err.startswith("dure: "), err)
        for part in parts:
            self.assertIn(part, err)

    def test_wrong_paths(self):
        commands = (["run", "-p", "x"], ["chat"], ["info"], ["tokenize", "--jsonl"], ["template", "--jsonl"])
        for command, *rest in commands:
            with self.subTest(command):
                self.assert_one_line(run(command, "/no/such/model", *rest), "/no/such/model")
        self.assert_one_line(run("logits", MODEL, "--ids-file", "/no/such/ids"), "/no/such/ids")
        self.assert_one_line(run("template", "/no/such.jinja"), "/no/such.jinja")

    def test_bad_files(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = Path(folder, "bad.gguf")
            bad.write_bytes(b"not a model")
            for command, *rest in (["run", "-p", "x"], ["chat"], ["info"], ["tokenize", "text"]):
                with self.subTest(command):
                    self.assert_one_line(run(command, bad, *rest), "bad.gguf")
            empty = Path(folder, "empty")
            empty.mkdir()
            for command, *rest in (["run", "-p", "x"], ["chat"], ["info"], ["tokenize", "text"]):
                with self.subTest(command + " of an empty folder"):
                    self.assert_one_line(run(command, empty, *rest), str(empty))
            ids = Path(folder, "ids.json")
            for text in ("{", "{}", "[[]]", "[[-1]]", "[[1472]]", '[["a"]]'):
                ids.write_text(text)
                with self.subTest(text):
                    self.assert_one_line(run("logits", MODEL, "--ids-file", ids))

    def test_a_model_without_tokenizer(self):
        self.assert_one_line(run("chat", LLAMA), "tokenizer.json")

    def test_values_out_of_range(self):
        self.assert_one_line(run("run", MODEL, "-p", "x", "--temp", "-1"), "temperature is -1")
        self.assert_one_line(run("run", MODEL, "-p", "many words " * 9000), "tokens")
        self.assert_one_line(run("run", MODEL, "-p", "x", "--backend", "abacus"), "abacus")

    def test_wrong_command_lines(self):
        for line in (["--bogus"], ["bogus"], ["run"], ["run", MODEL, "--bogus"], ["chat", MODEL, "--context", "0"],
                     ["run", MODEL, "-n", "many"], ["logits", MODEL], ["info"]):
            with self.subTest(line):
                code, out, err = run(*line)
                self.assertEqual((code, out), (2, ""))
                self.assertEqual(err.count("\n"), 1, err)
                self.assertIn("--help", err)

    def test_without_arguments_it_chats_with_the_model_beside_it(self):
        code, out, err = run()
        if "holds no model" in out:
            self.assertEqual((code, out.count("\n"), err), (0, 1, ""))
        with tempfile.TemporaryDirectory() as folder:
            program, model = Path(folder, "build/release/dure"), Path(folder, "models/dure-mini")
            program.parent.mkdir(parents=True)
            shutil.copy(DURE, program)
            for held in (False, True):
                done = subprocess.run([program], input="hello\n", capture_output=True, text=True, timeout=PATIENCE, check=False)
                self.assertEqual((done.returncode, "holds no model" in done.stdout), (0, not held), done.stderr)
                if not held:
                    shutil.copytree(MODEL, model)
                    config = json.loads((model / "config.json").read_text())
                    (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 64}))

    def test_help(self):
        for command in ("chat", "run", "info", "verify", "logits", "tokenize", "template"):
            code, out, err = run(command, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertIn("MODEL" if command != "verify" else "DIR", out)


if __name__ == "__main__":
    main()
