"""`dure chat --server` with `dure serve` behind it, and with servers of other people, which may fail it."""

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from program import MODEL, Terminal, main, run
from serve import Server

GREEDY = ("--temp", "0", "--max-tokens", "24")


def ask(url, *arguments, stdin="Hello\n", **environment):
    return run("chat", "--server", url, *arguments, stdin=stdin, **environment)


class Other(ThreadingHTTPServer):
    """A server of other people: answers are lines that it sends as they are."""

    def __init__(self, lines=(), status=200, models=({"id": "a"}, {"id": "b"})):
        self.requests = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                handler.reply(200, "application/json", json.dumps({"object": "list", "data": models}).encode())

            def do_POST(handler):
                self.requests.append((handler.path, dict(handler.headers),
                                      json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))))
                handler.reply(status, "text/event-stream", "".join(lines).encode())

            def reply(handler, code, kind, body):
                handler.send_response(code)
                handler.send_header("Content-Type", kind)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def chunk(delta, reason=None):
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': reason}]})}\n\n"


class ChatWithServer(unittest.TestCase):
    def test_answers_are_those_of_a_chat_without_a_server(self):
        here = run("chat", MODEL, *GREEDY, stdin="Hello\nAnd then?\n")
        self.assertEqual(here[0], 0)
        # A proxy that leads nowhere: what runs on this machine is reached without it.
        with Server("--no-cache-dir") as server:
            there = ask(server.url, *GREEDY, stdin="Hello\nAnd then?\n", http_proxy="http://127.0.0.1:9")
            self.assertEqual(there[:2], here[:2], there[2])
            named = ask(server.url + "/v1", "serve-tiny", *GREEDY, stdin="Hello\nAnd then?\n")
            self.assertEqual(named[:2], here[:2], named[2])

    def test_stops_and_goes_on(self):
        with Server("--no-cache-dir") as server:
            with Terminal("chat", "--server", server.url, "--seed", "1") as t:
                t.expect(f"serve-tiny at {server.url}, context of 8192 tokens")
                t.expect_frame(["> "])
                t.keys("a story\r")
                t.wait_for(lambda t: len(t.text().partition("> a story\n")[2]) > 50)
                t.keys("\x03")
                at = t.expect("(stopped)")
                server.wait_for_rest()
                self.assertEqual(server.status()["requests"]["cancelled"], 1)
                t.keys("/set max_tokens 3\r")
                at = t.expect("max_tokens is 3", at)
                t.keys("more\r")
                at = t.expect("3 tokens, ", at)
                t.expect("of them known", at)
                t.keys("/set\r")
                at = t.expect("what is not listed is as the server has it", at)
                t.keys("/stats\r")
                t.expect("of 8192 tokens", at)
                t.keys("\x04")
                self.assertEqual(t.exit_code(), 0)

    def test_what_goes_wrong_is_one_line(self):
        with Server("--no-cache-dir", "--api-key", "right") as server:
            for arguments, environment, complaint in (
                    ((), {}, "the server wants a key: give --api-key, or set DURE_API_KEY"),
                    (("--api-key", "wrong"), {}, "the server does not accept the key"),
                    (("other", "--api-key", "right"), {}, "there is no model 'other'; there is 'serve-tiny'"),
                    (("--api-key", "right", "--temp", "-1"), {}, "temperature"),
                    (("--max-tokens", "2"), {"DURE_API_KEY": "right"}, "(cut off at max_tokens)")):
                code, out, complaints = ask(server.url, *arguments, **environment)
                self.assertEqual(code, 0 if out else 1, complaints)
                self.assertEqual(len(complaints.splitlines()), 1, complaints)
                self.assertIn(complaint, complaints)
            url = server.url
        code, _, complaints = ask(url)
        self.assertEqual(code, 1)
        self.assertIn(f"{url}: no server answers there", complaints)
        self.assertEqual(ask("ftp://x")[0], 1)
        self.assertEqual(ask(url, "--exact")[0], 2)  # that is the server's own choice
        self.assertEqual(run("chat")[0], 1)

    def test_other_servers(self):
        answer = [": wait\n\n", chunk({"role": "assistant", "content": None}), chunk({"reasoning": "hm"}),
                  chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop"), "data: [DONE]\n\n"]
        with Other(answer) as server:
            code, out, complaints = ask(server.url, "b", "--api-key", "k", "--top-p", "1")
            self.assertEqual((code, out), (0, "<think>\nhm\n</think>\n\nHello\n"), complaints)
            path, headers, request = server.requests[0]
            self.assertEqual((path, headers["Authorization"]), ("/v1/chat/completions", "Bearer k"))
            self.assertEqual(request, {"model": "b", "messages": [{"role": "user", "content": "Hello"}], "stream": True,
                                       "stream_options": {"include_usage": True}, "top_p": 1.0})
        with Other(answer[:-2]) as server:
            self.assertIn("the answer broke off", ask(server.url)[2])
        with Other(['data: {"error": {"message": "out of\\nmemory"}}\n\n']) as server:
            self.assertIn("out of\\x0amemory", ask(server.url)[2])
        with Other(['{"error": "no"}'], status=500) as server:
            self.assertIn("the server answers 500: 'no'", ask(server.url)[2])
        with Other(models=()) as server:
            self.assertIn("the server lists no model", ask(server.url)[2])


if __name__ == "__main__":
    main()
