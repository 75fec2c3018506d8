"""What the tests of `dure serve` share: a server, and requests."""

import json
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlparse

from program import DURE, MODEL, PATIENCE


class Server:
    """`dure serve` on a port of its own; started anew by each `with`."""

    def __init__(self, *arguments, **environment):
        self.arguments, self.environment = arguments, environment

    def __enter__(self):
        self.process = subprocess.Popen([DURE, "serve", MODEL, "--port", "0", "--browser-storage", *self.arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("http"):
                self.url = line.split()[0]
            if line.startswith("ready"):
                return self
        raise AssertionError(f"dure serve ended with {self.process.wait()}: {self.process.stderr.read()}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE)

    def call(self, path, body=None, **headers):
        """Status and JSON of the answer."""
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json",
                                                  **{name.replace("_", "-"): value for name, value in headers.items()}})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def chat(self, text, **fields):
        """The answer to one question, and its usage."""
        status, answer = self.call("/v1/chat/completions", {
            "messages": [{"role": "user", "content": text}], "max_tokens": 24, "temperature": 0, "ignore_eos": True,
            **fields})
        assert status == 200, answer
        return answer["choices"][0]["message"]["content"], answer["usage"]

    def status(self):
        return self.call("/status")[1]

    def wait_for_rest(self):
        """Until nothing runs and nobody waits."""
        limit = time.monotonic() + PATIENCE
        while (s := self.status())["slots"]["used"] or s["queue"]["waiting"]:
            assert time.monotonic() < limit, s
            time.sleep(0.05)
        return s


def at_once(calls):
    """The results of functions that run at the same time."""
    results = [None] * len(calls)

    def keep(i):
        results[i] = calls[i]()
    threads = [threading.Thread(target=keep, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(PATIENCE)
    return results


class Streams:
    """A request whose answer streams, on a socket that can be left at any time."""

    def __init__(self, server, max_tokens=4000, stream=True):
        url = urlparse(server.url)
        self.socket = socket.create_connection((url.hostname, url.port), timeout=PATIENCE)
        body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": stream, "max_tokens": max_tokens,
                           "ignore_eos": True}).encode()
        self.socket.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                            + str(len(body)).encode() + b"\r\n\r\n" + body)
