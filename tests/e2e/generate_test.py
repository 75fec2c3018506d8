#!/usr/bin/env python3
"""`dure data generate` from its command line, and what `dure data build` makes of it."""

import json
import tempfile
import unittest
from pathlib import Path

from program import MODEL, main, run


class Generate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def generate(self, kind, count, *options, name="out.jsonl"):
        file = self.folder / name
        code, out, err = run("data", "generate", kind, "--count", count, "--out", file, *options)
        self.assertEqual(code, 0, err)
        self.assertIn(f"{count} items", out)
        return file.read_bytes()

    def test_a_seed_is_the_same_in_one_piece_and_in_two(self):
        whole = self.generate("stories", 40, "--seed", 3)
        self.assertEqual(whole, self.generate("stories", 40, "--seed", 3))
        self.assertEqual(whole, self.generate("stories", 15, "--seed", 3) +
                         self.generate("stories", 25, "--seed", 3, "--first", 15))
        self.assertNotEqual(whole, self.generate("stories", 40, "--seed", 4))

    def test_languages_forms_and_mixes(self):
        mix = self.folder / "mix.json"
        mix.write_text('{"parts": [{"kind": "countdown", "lang": "ko", "form": "problem"}]}')
        for kind, options, keys in (("stories", ("--lang", "ko"), {"text"}), ("stories", ("--form", "chat"), {"messages"}),
                                    ("dialogue", (), {"messages"}), ("arithmetic", ("--form", "problem"), {"prompt"}),
                                    (mix, (), {"prompt", "answer", "numbers", "target"})):
            for line in self.generate(kind, 20, *options).splitlines():
                record = json.loads(line)
                self.assertLessEqual(keys | {"kind", "lang", "nats"}, set(record), kind)
                if kind == mix or "ko" in options:
                    self.assertEqual(record["lang"], "ko")

    def test_shards_are_made_of_it(self):
        self.generate("dialogue", 50)
        code, out, err = run("data", "build", "--tokenizer", MODEL, "--out", self.folder / "shards",
                             self.folder / "out.jsonl")
        self.assertEqual(code, 0, err)
        self.assertNotIn("left out", err)

    def test_what_is_refused(self):
        for arguments, part in ((("poems",), "poems"), (("stories", "--lang", "fr"), "fr"),
                                (("stories", "--form", "problem"), "problem"), ((self.folder / "no.json",), "no.json")):
            code, _, err = run("data", "generate", *arguments, "--count", 1, "--out", self.folder / "x")
            self.assertEqual(code, 1, err)
            self.assertIn(part, err)


if __name__ == "__main__":
    main()
