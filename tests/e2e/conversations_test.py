"""The conversations of the chat page on a real server: they outlast kill -9, and web/API.md's tests pass."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from program import DURE, MODEL, PATIENCE, ROOT, main

WEB = ROOT / "web"
VITEST = WEB / "node_modules/.bin/vitest"


class Server:
    """`dure serve` with its conversations in a folder; started anew by each `with`."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.process = subprocess.Popen(
            [DURE, "serve", MODEL, "--port", "0", "--context", "256", "--no-cache-dir", "--data-dir", self.folder],
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("http://"):
                self.url = line.split()[0]
                return self
        raise AssertionError(f"dure serve ended with {self.process.wait()} and named no address")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, method, path, body=None, **headers):
        """Status and JSON of the answer."""
        request = urllib.request.Request(f"{self.url}/ui/conversations{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text else None


class ConversationsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_what_was_answered_outlasts_kill_9(self):
        header = {"title": "두레", "settings": {}, "head": None, "created_at": 1}
        message = {"parent": None, "role": "user", "content": "검색엔진을 만든다", "status": "complete", "created_at": 1}
        with Server(self.folder) as server:
            self.assertEqual(server.call("PUT", "/c", header, If_None_Match="*")[0], 201)
            self.assertEqual(server.call("PUT", "/c/messages/m", message, If_None_Match="*")[0], 201)
            server.kill()
        with Server(self.folder) as server:
            status, found = server.call("GET", "?q=%EC%97%94%EC%A7%84")  # 엔진
            self.assertEqual((status, [c["id"] for c in found["data"]]), (200, ["c"]))
            kept = server.call("GET", "/c")[1]["messages"][0]
            self.assertEqual((kept["content"], kept["version"]), (message["content"], 1))

    @unittest.skipUnless(shutil.which("node") and VITEST.exists(), "no Node, or no web/node_modules: npm ci in web/")
    def test_the_rules_of_the_interface(self):
        with Server(self.folder) as server:
            done = subprocess.run([VITEST, "run", "mock/api.test.mjs"], cwd=WEB, capture_output=True, text=True,
                                  env={**os.environ, "DURE_URL": f"{server.url}/"}, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
