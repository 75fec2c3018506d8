#!/usr/bin/env python3
"""docs/tutorial.md, word for word: each command that it shows runs, and prints what stands below it."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import DURE, PATIENCE, ROOT, main, sanitized

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)


class TutorialTest(unittest.TestCase):
    def test_it_works_as_it_is_written(self):
        if not any((ROOT / "models/dure-mini").glob("*.gguf")):
            self.skipTest("models/dure-mini holds no model")
        if sanitized():
            self.skipTest("training takes too long with sanitizers")
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        (Path(place.name) / "models").symlink_to(ROOT / "models")
        shutil.copytree(ROOT / "recipes/tutorial", Path(place.name) / "recipes/tutorial")
        said, asked = None, 0
        for _, kind, text in BLOCK.findall((ROOT / "docs/tutorial.md").read_text()):
            if kind == "sh":
                command = text.strip().replace("./run", str(DURE))
                done = subprocess.run(command, shell=True, cwd=place.name, capture_output=True, text=True,
                                      timeout=PATIENCE * 10)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}")
                said = done.stdout
            elif not kind:
                self.assertEqual(said.strip(), text.strip())
                asked += 1
        self.assertEqual(asked, 2)


if __name__ == "__main__":
    main()
