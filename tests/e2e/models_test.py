"""Several models in one server: each loads when somebody asks for it, and leaves when another needs its place."""

import os
import tempfile
import time
import unittest
from pathlib import Path

from program import MODEL, PATIENCE, main
from serve import Server, at_once


class ModelsTest(unittest.TestCase):
    def folder(self, *names):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in names:
            os.symlink(Path(MODEL).resolve(), Path(folder.name) / name)
        return folder.name

    def ask(self, server, model, **fields):
        return server.call("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "Hi"}],
                                                    "max_tokens": 4, "temperature": 0, **fields})

    def test_models_take_turns_in_one_place(self):
        with Server("--models-dir", self.folder("a", "b"), "--max-loaded", "1", "--no-cache-dir") as server:
            first = None
            for model in ["a", "b"] * 5:  # the next question comes the moment an answer is there
                status, answer = self.ask(server, model)
                self.assertEqual(status, 200, answer)
                self.assertEqual(answer["model"], model)
                text = answer["choices"][0]["message"]["content"]
                first = text if first is None else first
                self.assertEqual(text, first)  # the same weights under two names
            self.assertEqual(sum(m["loaded"] for m in server.call("/v1/models")[1]["data"]), 1)

    def test_who_is_at_work_stays(self):
        with Server("--models-dir", self.folder("a", "b"), "--max-loaded", "1", "--no-cache-dir") as server:
            long = lambda: self.ask(server, "a", max_tokens=3000, ignore_eos=True)  # noqa: E731

            def other():
                limit = time.monotonic() + PATIENCE
                while not server.status().get("slots", {}).get("used") and time.monotonic() < limit:
                    time.sleep(0.01)
                return self.ask(server, "b")
            (status, answer), (refused, error) = at_once([long, other])
            self.assertEqual(status, 200, answer)
            self.assertIn(refused, (200, 503), error)  # 200 if `a` was done within the grace
            if refused == 503:
                self.assertIn("in use", error["error"]["message"])
            self.assertEqual(self.ask(server, "b")[0], 200)

    def test_unused_models_leave(self):
        with Server("--models-dir", self.folder("a"), "--max-loaded", "2", "--no-cache-dir",
                    "--idle-unload", "0.03") as server:
            def loaded():
                return [m["id"] for m in server.call("/v1/models")[1]["data"] if m["loaded"]]
            self.assertEqual(self.ask(server, "a")[0], 200)
            self.assertIn("a", loaded())
            limit = time.monotonic() + PATIENCE
            while loaded() and time.monotonic() < limit:
                time.sleep(0.1)
            self.assertEqual(loaded(), [])
            self.assertEqual(self.ask(server, "a")[0], 200)  # and comes back


if __name__ == "__main__":
    main()
