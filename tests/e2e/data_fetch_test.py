#!/usr/bin/env python3
"""`dure data fetch` against a server on this machine, and from a local copy."""

import hashlib
import json
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from hub import QuietServer, send, start
from program import main, run

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CSV = "Q,A,label\nhello,hi there,0\n안녕,안녕하세요,1\n".encode()


class Server:
    """Files by /OWNER/NAME/COMMIT/PATH. `faults`: what goes wrong with the next requests, one each: a status, or
    bytes until the connection ends."""

    def __init__(self, files):
        self.files, self.faults, self.ranges = files, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler):
        fault = self.faults.pop(0) if self.faults else {}
        data = self.files.get(handler.path)
        asked = handler.headers.get("Range")
        self.ranges.append(asked)
        if "status" in fault or data is None:
            send(handler, fault.get("status", 404), {})
            return
        begin = int(asked[len("bytes="):].split("-")[0]) if asked else 0
        headers = {"Content-Length": str(len(data) - begin), "ETag": '"x"'}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        start(handler, 206 if asked else 200, headers)
        body = data[begin:]
        handler.wfile.write(body[:fault.get("break_after", len(body))])
        if "break_after" in fault:
            handler.close_connection = True

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Fetch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.into = self.folder / "into"
        self.big = bytes(range(256)) * 2000
        self.server = Server({f"/a/b/{COMMIT}/chat.csv": CSV, f"/a/b/{COMMIT}/dir/big%20file.bin": self.big})
        self.addCleanup(self.server.close)
        self.entries = [self.entry("chat.csv", CSV, {"as": "qa-csv", "out": "chat.jsonl"}),
                        self.entry("dir/big file.bin", self.big)]

    @staticmethod
    def entry(path, data, more=None):
        return {"repository": "a/b", "commit": COMMIT, "path": path, "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(), "licence": "MIT", **(more or {})}

    def fetch(self, *options):
        manifest = self.folder / "data.json"
        manifest.write_text(json.dumps({"files": self.entries}))
        return run("data", "fetch", manifest, "--into", self.into, "--server", self.server.url, "--retries", "1",
                   *options, no_proxy="*")

    def assert_whole(self):
        self.assertEqual((self.into / "a/b/chat.csv").read_bytes(), CSV)
        self.assertEqual((self.into / "a/b/dir/big file.bin").read_bytes(), self.big)
        records = [json.loads(line) for line in (self.into / "chat.jsonl").read_text().splitlines()]
        self.assertEqual([m["content"] for m in records[1]["messages"]], ["안녕", "안녕하세요"])
        self.assertEqual(list(self.into.rglob("*.partial")), [])

    def refused(self, *parts, options=()):
        code, _, err = self.fetch(*options)
        self.assertEqual(code, 1, err)
        for part in parts:
            self.assertIn(part, err)

    def test_files_come_and_are_not_fetched_twice(self):
        code, out, err = self.fetch()
        self.assertEqual(code, 0, err)
        self.assertIn("chat.jsonl  2 records", out)
        self.assert_whole()
        asked = len(self.server.ranges)
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(len(self.server.ranges), asked)

    def test_a_broken_connection_goes_on_where_it_broke(self):
        self.server.faults = [{}, {"break_after": 100_000}]
        self.assertEqual(self.fetch()[0], 0)
        self.assert_whole()
        self.assertTrue(any(r and not r.startswith("bytes=0-") for r in self.server.ranges))

    def test_a_spoilt_file_is_fetched_again(self):
        self.assertEqual(self.fetch()[0], 0)
        (self.into / "a/b/chat.csv").write_bytes(b"x" * len(CSV))
        self.assertEqual(self.fetch()[0], 0)
        self.assert_whole()

    def test_a_wrong_content_is_refused_and_named(self):
        self.server.files[f"/a/b/{COMMIT}/chat.csv"] = b"x" * len(CSV)
        self.refused("a/b/chat.csv", "digest")
        self.assertFalse((self.into / "a/b/chat.csv").exists())
        self.assertFalse((self.into / "chat.jsonl").exists())

    def test_what_is_not_there(self):
        del self.server.files[f"/a/b/{COMMIT}/chat.csv"]
        self.refused("chat.csv", "404")

    def test_from_a_local_copy(self):
        copy = self.folder / "copy"
        (copy / "a/b/dir").mkdir(parents=True)
        (copy / "a/b/chat.csv").write_bytes(CSV)
        self.refused("big file.bin", "not in the local copy", options=("--data", copy))
        (copy / "a/b/dir/big file.bin").write_bytes(self.big[::-1])
        self.refused("big file.bin", "SHA-256", options=("--data", copy))
        (copy / "a/b/dir/big file.bin").write_bytes(self.big)
        self.assertEqual(self.fetch("--data", copy)[0], 0)
        self.assertEqual(self.server.ranges, [])
        self.assert_whole()

    def test_bad_manifests(self):
        for change, part in (({"path": "../up"}, "path"), ({"commit": "main"}, "commit"), ({"sha256": "12"}, "sha256"),
                             ({"size": -1}, "size"), ({"repository": "a"}, "repository"), ({"more": 1}, "more"),
                             ({"out": "x/y.jsonl"}, "out"), ({"as": "poem"}, "poem")):
            with self.subTest(part):
                self.entries = [{**self.entry("chat.csv", CSV, {"as": "qa-csv", "out": "chat.jsonl"}), **change}]
                self.refused(part)


if __name__ == "__main__":
    main()
