"""A hub on this machine that answers as Hugging Face's does, well or badly as a test wishes. Large files are redirected
to a second server, on another host, that stands for the content network."""

import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PAGE = 3  # files on a page of a tree, so that most models have several


def blob_digest(data):
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path):
    return path.endswith((".safetensors", ".gguf", ".bin"))


def digest(path, data):
    return hashlib.sha256(data).hexdigest() if is_large(path) else blob_digest(data)


class Repository:
    """One model. `gated`: None, "auto"; `private`: only with the token; `granted`: the token's account has access."""

    def __init__(self, files, revisions=None, gated=False, private=False, granted=False):
        self.files = files
        self.revisions = revisions or {"main": COMMIT}
        self.gated, self.private, self.granted = gated, private, granted
        self.listed = {}  # path -> fields of the tree that lie

    def tree(self):
        folders = {path.rsplit("/", 1)[0] for path in self.files if "/" in path}
        yield from ({"type": "directory", "path": f, "oid": "0" * 40, "size": 0} for f in sorted(folders))
        for path, data in self.files.items():
            entry = {"type": "file", "path": path, "size": len(data), "oid": blob_digest(data)}
            if is_large(path):
                entry["lfs"] = {"oid": digest(path, data), "size": len(data), "pointerSize": 134}
            yield {**entry, **self.listed.get(path, {})}


class Request:
    """What a server saw."""

    def __init__(self, host, path, headers):
        self.host, self.path = host, path
        self.token, self.range, self.if_range = (headers.get(h) for h in ("Authorization", "Range", "If-Range"))


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is what the tests are about."""


class Hub:
    """`faults[path]` is a list of what goes wrong with the next requests for a file, one each; None: nothing.

    A fault is a dict: status and headers of another answer; break_after: bytes until the connection ends; silent:
    seconds before a byte comes; rate: bytes a second; no_ranges, etag, data: how the answer differs."""

    TOKEN = "hf_secretTokenOfTheTest"

    def __init__(self):
        self.repositories, self.faults, self.requests, self.api_faults = {}, {}, [], []
        self.lock = threading.Lock()
        self.servers = [QuietServer((host, 0), self._handler(kind))
                        for host, kind in (("127.0.0.1", "hub"), ("127.0.0.2", "content"))]
        self.url, self.content_url = (f"http://{s.server_address[0]}:{s.server_address[1]}" for s in self.servers)
        self.location = None  # of redirects, if not to the content server
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def seen(self, host, part=""):
        """Requests that a server ("hub" or "content") has got, by a part of their path."""
        return [r for r in self.requests if r.host == host and part in r.path]

    def _handler(self, kind):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                with hub.lock:
                    hub.requests.append(Request(kind, self.path, self.headers))
                try:
                    hub._answer(self, kind)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        return Handler

    def _answer(self, handler, kind):
        path = urlsplit(handler.path).path
        if kind == "content":
            name, file = re.fullmatch(r"/content/([^/]+/[^/]+)/(.+)", path).groups()
            return self._send_file(handler, name, unquote(file))
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path)
        if api:
            return self._answer_api(handler, *api.groups())
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        return self._answer_resolve(handler, *resolve.groups())

    def _refusal(self, handler, repository, content):
        """Status and error code for who asks without being allowed to."""
        token = handler.headers.get("Authorization")
        if token is not None and token != f"Bearer {self.TOKEN}":
            return 401, None
        if repository is None or (repository.private and token is None):
            return 401 if token is None else 404, "RepoNotFound"
        if content and repository.gated and not (token and repository.granted):
            return 401 if token is None else 403, "GatedRepo"
        return None

    def _answer_api(self, handler, name, what, revision):
        if self.api_faults:
            fault = self.api_faults.pop(0)
            if fault:
                return send(handler, fault["status"], fault.get("headers", {}), fault.get("body", b""))
        repository = self.repositories.get(name)
        refusal = self._refusal(handler, repository, False)
        if refusal:
            return send_error(handler, *refusal)
        commit = repository.revisions.get(unquote(revision), unquote(revision))
        if commit not in repository.revisions.values():
            return send_error(handler, 404, "RevisionNotFound")
        if what == "revision":
            return send_json(handler, {"id": name, "sha": commit, "gated": repository.gated})
        query = parse_qs(urlsplit(handler.path).query)
        begin = int(query.get("cursor", ["0"])[0])
        entries = list(repository.tree())
        headers = {}
        if begin + PAGE < len(entries):
            following = f"{self.url}/api/models/{name}/tree/{revision}?recursive=true&cursor={begin + PAGE}"
            headers["Link"] = f'<{following}>; rel="next"'
        return send_json(handler, entries[begin:begin + PAGE], headers)

    def _answer_resolve(self, handler, name, commit, file):
        file = unquote(file)
        repository = self.repositories.get(name)
        refusal = self._refusal(handler, repository, True)
        if refusal:
            return send_error(handler, *refusal)
        data = repository.files.get(file)
        if data is None:
            return send_error(handler, 404, "EntryNotFound")
        if not is_large(file):
            return self._send_file(handler, name, file)
        location = self.location or f"{self.content_url}/content/{name}/{quote(file)}?Signature=s3cret"
        return send(handler, 302, {"Location": location, "X-Repo-Commit": commit, "X-Linked-Size": str(len(data)),
                                   "X-Linked-Etag": f'"{digest(file, data)}"'})

    def _send_file(self, handler, name, file):
        with self.lock:
            faults = self.faults.get(file)
            fault = (faults.pop(0) if faults else None) or {}
        if "status" in fault:
            return send(handler, fault["status"], fault.get("headers", {}))
        data = fault.get("data", self.repositories[name].files[file])
        etag = fault.get("etag", f'"{digest(file, data)}"')
        time.sleep(fault.get("silent", 0))
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if_range = handler.headers.get("If-Range")
        status, begin, headers = 200, 0, {"ETag": etag}
        if asked and not fault.get("no_ranges") and if_range in (None, etag):
            begin, status = int(asked[1]), 206
            if begin >= len(data):
                return send(handler, 416, {"Content-Range": f"bytes */{len(data)}"})
            begin += fault.get("shift", 0)
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        body = data[begin:]
        start(handler, status, {**headers, "Content-Length": str(len(body))})
        rate = fault.get("rate", 0)
        step = max(1, rate // 20) if rate else 1 << 16
        body = body[:fault.get("break_after", len(body))]
        for at in range(0, len(body), step):
            handler.wfile.write(body[at:at + step])
            handler.wfile.flush()
            if rate:
                time.sleep(0.05)
        if "break_after" in fault:
            handler.close_connection = True
        return None


def start(handler, status, headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def send(handler, status, headers, body=b""):
    start(handler, status, {**headers, "Content-Length": str(len(body))})
    handler.wfile.write(body)


def send_json(handler, value, headers=None):
    send(handler, 200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())


def send_error(handler, status, code):
    send(handler, status, {"X-Error-Code": code} if code else {}, b'{"error":"no"}')
