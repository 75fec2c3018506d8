#!/usr/bin/env python3
"""recipes/smoke from seed to held-out text: the stored figure, and twice the same bytes."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import DURE, ROOT, main, sanitized

RECIPE = ROOT / "recipes/smoke"


class SmokeTest(unittest.TestCase):
    def train(self, out):
        environment = {**os.environ, "DURE": str(DURE)}
        if sanitized():
            environment["TOKENS"] = "6144"  # three steps, slow as they are
        done = subprocess.run([RECIPE / "run.sh", out], capture_output=True, text=True, env=environment, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return {path.relative_to(out): path.read_bytes()
                for path in sorted(out.rglob("*")) if path.is_file() and not path.name.startswith(("log.", "events."))}

    def test_a_stored_loss_twice_with_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            once = self.train(Path(folder, "run"))
            again = self.train(Path(folder, "run"))
        self.assertEqual(sorted(once), sorted(again))
        self.assertEqual([str(path) for path in once if once[path] != again[path]], [])
        self.assertGreater(sum(path.name == "model.safetensors" for path in once), 1)
        if sanitized():
            return
        found = next(iter(json.loads(once[Path("bpb.json")]).values()))["bits_per_byte"]["mean"]
        expected = json.loads((RECIPE / "expected.json").read_text())
        self.assertAlmostEqual(found, expected["bits_per_byte"], delta=expected["tolerance"])


if __name__ == "__main__":
    main()
