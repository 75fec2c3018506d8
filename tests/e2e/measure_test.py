#!/usr/bin/env python3
"""What the machine can do, what a model would take, and what it does: doctor, plan and bench. No speed is tested."""

import json
import os
import tempfile
import unittest

from program import FIXTURES, MODEL, main, run

MACHINE = "bandwidth=60,peak=500,memory=24"


class Measure(unittest.TestCase):
    def test_doctor(self):
        code, out, _ = run("doctor", "--json", "--disk", str(MODEL))
        report = json.loads(out)
        self.assertEqual(code, 0)
        self.assertGreater(report["limits"]["read_bandwidth"], 0)
        self.assertGreater(report["memory"]["available"], 0)
        self.assertTrue(report["advice"])

    def test_plan_needs_a_name_alone(self):
        plans = [json.loads(run("plan", *what, "--machine", MACHINE, "--json")[1])
                 for what in (["deepseek-v2-lite"], ["--shape", "DeepSeek-V2-Lite"], ["deepseek-ai/DeepSeek-V2-Lite"])]
        for plan in plans:
            self.assertEqual(plan["parameters"], 15706484224)
            self.assertEqual([t["type"] for t in plan["types"]],
                             ["bf16, as released", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"])
            fits = [t["contexts"][0]["fits"] for t in plan["types"]]
            self.assertEqual(fits, [False, True, True, True, True, True])
        text = run("plan", "qwen3-8b", "--machine", MACHINE, "--type", "q4_k_m", "--context", "1000")[1]
        self.assertIn("memory at 1000", text)
        self.assertIn("q4_k_m", text)

    def test_plan_says_what_is_wrong(self):
        for options, words in [(["gpt-2"], "expected one of deepseek-v2-lite, "), ([], "expected one of"),
                               (["qwen3-8b", "--machine", "speed=1"], "expected bandwidth=GB/s"),
                               (["qwen3-8b", "--machine", MACHINE, "--type", "q9"], "type 'q9': expected one of")]:
            code, _, err = run("plan", *options)
            self.assertEqual((code, err.count("\n")), (1, 1), options)
            self.assertIn(words, err)

    def test_bench(self):
        few = ["--prefill", "8,4@6", "--decode", "0,4", "--tokens", "2", "--repetitions", "1", "--json"]
        shape = str(FIXTURES / "models/ds3-tiny/config.json")
        for what in ([MODEL], ["--shape", shape, "--type", "q8_0"]):
            code, out, err = run("bench", *what, *few, "--parallel", "2")
            self.assertEqual((code, err), (0, ""))
            report = json.loads(out)
            cases = report["cases"]
            self.assertGreater(report["first_token_seconds"], 0)
            self.assertEqual([(c["kind"], c["depth"], c["sequences"]) for c in cases],
                             [("prefill", 6, 1), ("prefill", 0, 1), ("decode", 0, 1), ("decode", 4, 1), ("decode", 0, 2)])
            for case in cases:
                for field in ("tokens_per_second", "bytes_per_token", "bandwidth_share"):
                    self.assertGreater(case[field], 0, field)
                self.assertGreaterEqual(case["peak_share"], 0)
        for options, words in [([], "--shape"), ([MODEL, "--prefill", "8@"], "TOKENS@DEPTH"),
                               (["--shape", shape, "--write", "x.gguf"], "--type")]:
            code, _, err = run("bench", *options)
            self.assertEqual((code, err.count("\n")), (1, 1), options)
            self.assertIn(words, err)

    def test_bench_writes_a_model(self):
        shape = str(FIXTURES / "models/ds3-tiny/config.json")
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/ds3.q4_0.gguf"
            code, out, err = run("bench", "--shape", shape, "--type", "q4_0", "--write", file)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(os.listdir(folder), ["ds3.q4_0.gguf"])
            code, out, _ = run("bench", file, "--prefill", "3", "--repetitions", "1", "--json")
            self.assertEqual([c["tokens"] for c in json.loads(out)["cases"]], [3])


if __name__ == "__main__":
    main()
