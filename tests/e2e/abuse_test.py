"""Clients that err, cheat or vanish: each gets the right status, and none leaves anything behind in the server."""

import json
import os
import socket
import threading
import time
import unittest
from urllib.parse import urlparse

from program import PATIENCE, main, sanitized
from serve import Server

KEY = "a-secret-key"
MESSAGES = [{"role": "user", "content": "Hi"}]
PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/responses", "/v1/messages",
         "/tokenize", "/api/chat", "/api/generate")
MEGABYTE = 1 << 20


def head(path, length, *lines):
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {KEY}",
                        f"Content-Length: {length}", *lines, "", "")).encode()


def post(path, body, *lines):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(path, len(data), *lines) + data


def chat(**fields):
    return {"messages": MESSAGES, "max_tokens": 4, "temperature": 0, "ignore_eos": True, **fields}


class AbuseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--no-cache-dir", "--api-key", KEY, "--parallel", "4", "--queue", "16", "--context", "2048")
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def connect(self):
        url = urlparse(self.server.url)
        client = socket.create_connection((url.hostname, url.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def status_of(self, request):
        """The status that raw bytes get, and all that is said with it."""
        with self.connect() as client:
            try:
                client.sendall(request)
            except OSError:  # refused before the end of the body
                pass
            answer = b""
            while b"\r\n\r\n" not in answer and (part := client.recv(65536)):
                answer += part
            return int(answer.split()[1]), answer.decode(errors="replace")

    def counts(self):
        """What must be as before: slots, queue, blocks that running answers hold, open files; and memory in bytes."""
        limit = time.monotonic() + PATIENCE
        while True:
            _, status = self.server.call("/status", Authorization=f"Bearer {KEY}")
            with_ = dict(line.rsplit(" ", 1) for line in self.metrics().splitlines() if not line.startswith("#"))
            held = {name.split("{")[0]: float(value) for name, value in with_.items()}
            counts = (status["slots"]["used"], status["queue"]["waiting"], held["dure:kv_cache_usage_perc"],
                      len(os.listdir(f"/proc/{self.server.process.pid}/fd")))
            if counts[:3] == (0, 0, 0) and counts[3] <= getattr(self, "files", counts[3]):
                return counts, status["memory"]["rss_bytes"]
            self.assertLess(time.monotonic(), limit, counts)
            time.sleep(0.05)

    def metrics(self):
        status, answer = self.status_of(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer "
                                        + KEY.encode() + b"\r\n\r\n")
        self.assertEqual(status, 200)
        return answer.split("\r\n\r\n", 1)[1]

    def test_bodies_that_are_wrong(self):
        deep = b"[" * 100_000
        for path in PATHS:
            for body in (b"", b"{", b"null", b"[]", b'{"messages":[{"role":"user","content":"\xff"}],"prompt":"\xff"}',
                         deep, b'{"messages":' + deep + b"]" * 100_000 + b"}", b'{"a":1e999}', b"\x00" * 64):
                status, answer = self.status_of(post(path, body))
                self.assertEqual(status, 400, (path, body[:40], answer))
                self.assertIn("error", answer)
            self.assertEqual(self.status_of(head(path, 33 * MEGABYTE))[0], 413)
            self.assertEqual(self.status_of(head(path, "9" * 40))[0], 400)

    def test_fields_out_of_range(self):
        for fields in ({"n": 10**9}, {"n": -1}, {"max_tokens": 10**30}, {"max_tokens": -1}, {"logit_bias": {"-1": 1}},
                       {"logit_bias": {str(2**63): 1}}, {"logit_bias": {"1": 1e300}}, {"stop": ["x"] * 1000},
                       {"stop_token_ids": [10**12]}, {"temperature": "hot"}, {"seed": 1.5}, {"top_logprobs": 10**9},
                       {"model": "../../etc/passwd"}, {"model": "/etc/passwd"}):
            status, answer = self.status_of(post(PATHS[0], chat(**fields)))
            self.assertEqual(status, 404 if "model" in fields else 400, (fields, answer))
            self.assertNotIn("root:", answer)
        bias = {str(i): -100 for i in range(1000)}
        for fields in ({"max_tokens": 2**31 - 1, "stop": ["e"]}, {"logit_bias": bias}):
            self.assertEqual(self.status_of(post(PATHS[0], chat(**fields)))[0], 200)

    def test_paths_lead_nowhere(self):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2f..%2fetc%2fpasswd",
                     "/assets//etc/passwd", "/v1/models/../../etc/passwd", "/v1/models/%2e%2e%2fetc%2fpasswd",
                     "/%00", "/%ff", "/%", "//etc/passwd"):
            status, answer = self.status_of(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {KEY}\r\n\r\n".encode())
            self.assertIn(status, (400, 404), path)
            self.assertNotIn("root:", answer)

    def test_keys_that_are_wrong(self):
        for line in ("X-Nothing: 1", "Authorization: Bearer", "Authorization: Bearer " + KEY[:-1], "x-api-key: " + KEY + "x",
                     f"Authorization: Basic {KEY}", "Authorization: Bearer " + "a" * 60_000):
            for request in (f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n",
                            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{line}\r\nContent-Length: 2\r\n\r\n{{}}"):
                status, answer = self.status_of(request.encode())
                self.assertEqual(status, 401, line[:60])
                self.assertNotIn(KEY, answer)

    def vanish(self):
        """A client for every stage of a request, gone before the next."""
        for whole in (post(PATHS[0], chat(max_tokens=2000, stream=True)), post(PATHS[0], chat(max_tokens=2000, n=4)),
                      post("/v1/messages", {"messages": MESSAGES, "max_tokens": 2000, "stream": True}),
                      post("/api/generate", {"model": "serve-tiny", "prompt": "x " * 1500, "options": {"num_predict": 400}}),
                      post("/v1/embeddings", {"input": ["word " * 400] * 4})):
            body = whole.index(b"\r\n\r\n") + 4
            for sent in (0, 10, body - 2, body, (body + len(whole)) // 2, len(whole)):
                with self.connect() as client:
                    client.sendall(whole[:sent])
            for pause in (0.01, 0.1):
                with self.connect() as client:
                    client.sendall(whole)
                    time.sleep(pause)
            with self.connect() as client:
                client.sendall(whole)
                client.recv(1)

    def test_who_vanishes_leaves_nothing(self):
        def company():
            threads = [threading.Thread(target=self.vanish) for _ in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(PATIENCE)
        company()  # what is made once and kept: threads, pages of the cache, arenas of the allocator
        before, memory = self.counts()
        self.files = before[3]
        for _ in range(3):
            company()
        after, more = self.counts()
        self.assertEqual(after[:3], before[:3])
        self.assertLessEqual(after[3], before[3])
        if not sanitized():  # freed memory is kept in quarantine there
            self.assertLess(more - memory, 32 * MEGABYTE)
        status, answer = self.status_of(post(PATHS[0], chat()))
        self.assertEqual((status, '"completion_tokens":4' in answer.replace(" ", "")), (200, True), answer)

    def test_slow_clients_hold_nobody_up(self):
        self.files = self.counts()[0][3]
        slow = [self.connect() for _ in range(40)]
        whole = post(PATHS[0], chat(max_tokens=1000, stream=True))
        for i, client in enumerate(slow):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(whole[:-1] if i % 2 else b"POST /v1/chat")  # and never a byte more
        for client in slow[:4]:
            client.close()
        for _ in range(4):  # these ask for much and read nothing
            slow.append(self.connect())
            slow[-1].sendall(whole)
        start = time.monotonic()
        self.assertEqual(self.status_of(post(PATHS[0], chat()))[0], 200)
        self.assertLess(time.monotonic() - start, PATIENCE / 2)
        for client in slow:
            client.close()
        self.assertEqual(self.counts()[0][:3], (0, 0, 0))


if __name__ == "__main__":
    main()
