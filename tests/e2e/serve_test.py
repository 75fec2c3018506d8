"""`dure serve` as its users meet it: the same bytes in any company, prompts that outlast a restart, clients that leave,
keys, and stops."""

import json
import signal
import tempfile
import time
import unittest
from pathlib import Path

from program import MODEL, PATIENCE, main, run
from serve import Server, Streams, at_once

LONG = " ".join(f"word{i % 101}" for i in range(900))


class ServeTest(unittest.TestCase):
    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def test_the_same_bytes_alone_and_in_company(self):
        questions = [f"Question {i}" for i in range(16)]
        kinds = [{}, {"temperature": 1, "seed": 7}]
        with Server("--no-cache-dir", "--context", "512", "--parallel", "32") as server:
            calls = [lambda q=q, k=k: server.chat(q, **k)[0] for q in questions for k in kinds]
            for call in calls:  # from here on every prompt finds the same rows in the cache
                call()
            alone = [call() for call in calls]
            self.assertEqual(at_once(calls), alone)
        # A cache of few blocks: some of the company is thrown out midway, and computed again.
        options = ("--no-cache-dir", "--context", "512", "--parallel", "32", "--exact")
        longer = [{"max_tokens": 180, **k} for k in kinds]
        with Server(*options) as server:
            alone = [server.chat(q, **k)[0] for q in questions for k in longer]
        with Server(*options, "--cache-size", "0.0002") as server:
            self.assertEqual(at_once([lambda q=q, k=k: server.chat(q, **k)[0] for q in questions for k in longer]), alone)
            self.assertGreater(server.status()["models"][0]["preemptions"], 0)

    def test_a_long_prompt_is_found_again_after_a_restart(self):
        folder = self.folder()
        options = ("--cache-dir", folder, "--context", "8000", "--exact")
        with Server(*options) as server:
            first, usage = server.chat(LONG)
            self.assertGreater(usage["prompt_tokens"], 2000)
            self.assertEqual(usage["prompt_tokens_details"]["cached_tokens"], 0)
        with Server(*options) as server:
            again, usage = server.chat(LONG)
            self.assertEqual(again, first)
            self.assertGreaterEqual(usage["prompt_tokens_details"]["cached_tokens"], 0.95 * usage["prompt_tokens"])

    def test_exact_answers_do_not_depend_on_the_cache(self):
        folder = self.folder()
        options = ("--cache-dir", folder, "--context", "8000", "--exact")
        kinds = [{}, {"temperature": 1, "seed": 7}]
        prompts = [LONG, LONG[:len(LONG) // 2], "Hi"]  # the second one hits the first in the middle of a block
        calls = [(p, k) for k in kinds for p in prompts]

        def answers(server):
            given = [server.chat(p, **k) for p, k in calls]
            return [text for text, _ in given], [u["prompt_tokens_details"]["cached_tokens"] for _, u in given]
        alone = []
        for p, k in calls:  # each in a server that has read nothing else
            with Server("--no-cache-dir", *options[2:]) as server:
                text, usage = server.chat(p, **k)
                self.assertEqual(usage["prompt_tokens_details"]["cached_tokens"], 0)
                alone.append(text)
        with Server(*options) as server:
            self.assertEqual(answers(server)[0], alone)
            again, hits = answers(server)
            self.assertEqual(again, alone)
            self.assertTrue(all(hits), hits)
        with Server(*options) as server:
            again, hits = answers(server)
            self.assertEqual(again, alone)
            self.assertGreater(hits[0], 2000)
            self.assertEqual(at_once([lambda p=p, k=k: server.chat(p, **k)[0] for p, k in calls * 5]), alone * 5)

    def test_a_broken_cache_costs_speed_alone(self):
        folder = self.folder()
        with Server("--cache-dir", folder, "--exact") as server:
            first, _ = server.chat(LONG)
        files = [f for f in Path(folder).rglob("*") if f.is_file()]
        self.assertTrue(files)
        for i, file in enumerate(files):
            data = bytearray(file.read_bytes())
            if i % 3 == 0:
                data = data[:len(data) // 2]
            elif data:
                data[len(data) // 2] ^= 1
            file.write_bytes(data)
        with Server("--cache-dir", folder, "--exact") as server:
            self.assertEqual(server.chat(LONG)[0], first)

    def test_calls_are_replayed_after_a_restart(self):
        folder = self.folder()
        tools = [{"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False}}}]
        question = {"role": "user", "content": "Call f"}
        with Server("--cache-dir", folder) as server:
            status, answer = server.call("/v1/chat/completions", {
                "messages": [question], "tools": tools, "tool_choice": "required", "temperature": 0, "max_tokens": 200})
            self.assertEqual(status, 200, answer)
            message = answer["choices"][0]["message"]
            call = message["tool_calls"][0]
            call["function"]["arguments"] = json.dumps(json.loads(call["function"]["arguments"]), indent=4)
            conversation = {"messages": [question, message, {"role": "tool", "tool_call_id": call["id"], "content": "1"}],
                            "tools": tools}
            replayed = server.call("/apply-template", conversation)
        with Server("--cache-dir", folder) as server:
            self.assertEqual(server.call("/apply-template", conversation), replayed)
        with Server("--no-cache-dir") as server:
            rendered = server.call("/apply-template", conversation)
            self.assertEqual(rendered[0], 200)
            self.assertNotEqual(rendered, replayed)

    def test_clients_that_leave_free_their_places(self):
        with Server("--no-cache-dir", "--parallel", "4", "--queue", "64") as server:
            for stream in (True, False):
                streams = [Streams(server, stream=stream) for _ in range(12)]
                limit = time.monotonic() + PATIENCE
                while server.status()["slots"]["used"] < 4 and time.monotonic() < limit:
                    time.sleep(0.01)
                for s in streams:
                    s.socket.close()
                status = server.wait_for_rest()
                self.assertEqual(status["slots"]["used"], 0)
            self.assertEqual(server.chat("Still there?")[1]["completion_tokens"], 24)

    def test_a_full_queue_says_so(self):
        with Server("--no-cache-dir", "--parallel", "1", "--queue", "2") as server:
            streams = [Streams(server, max_tokens=8000) for _ in range(3)]
            limit = time.monotonic() + PATIENCE
            while ((now := server.status())["slots"]["used"], now["queue"]["waiting"]) != (1, 2):
                self.assertLess(time.monotonic(), limit, now)
            status, answer = server.call("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}],
                                                                  "max_tokens": 1})
            self.assertEqual((status, answer["error"]["code"]), (503, "overloaded"))
            for s in streams:
                s.socket.close()
            server.wait_for_rest()

    def test_answers_end_in_time(self):
        with Server("--no-cache-dir", "--request-timeout", "1") as server:
            status, answer = server.call("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "n": 8,
                                                                  "max_tokens": 8000, "ignore_eos": True})
            self.assertEqual((status, answer["choices"][0]["finish_reason"]), (200, "length"), answer)
            self.assertLess(answer["usage"]["completion_tokens"], 64000)

    def test_keys(self):
        with Server("--no-cache-dir", "--api-key", "secret") as server:
            self.assertEqual(server.call("/health")[0], 200)
            self.assertEqual(server.call("/v1/models")[0], 401)
            self.assertEqual(server.call("/v1/models", Authorization="Bearer secrets")[0], 401)
            self.assertEqual(server.call("/v1/models", Authorization="Bearer secret")[0], 200)
            self.assertEqual(server.call("/v1/models", x_api_key="secret")[0], 200)

    def test_ps(self):
        with Server("--no-cache-dir", "--api-key", "secret") as server:
            code, said, _ = run("ps", "--server", server.url, "--api-key", "secret")
            self.assertEqual((code, said.split()[0]), (0, "serve-tiny"), said)
            self.assertIn("0 of 32 running", said)
            code, _, complaint = run("ps", "--server", server.url)
            self.assertEqual((code, "wants a key" in complaint), (1, True), complaint)
        code, _, complaint = run("ps", "--server", server.url)
        self.assertEqual((code, complaint.count("\n")), (1, 1), complaint)

    def test_a_stop_lets_answers_end(self):
        with Server("--no-cache-dir", "--grace", "60") as server:
            stream = Streams(server, max_tokens=500)
            stream.socket.recv(1)
            server.process.send_signal(signal.SIGTERM)
            data = b""
            while part := stream.socket.recv(65536):
                data += part
            stream.socket.close()
            self.assertIn(b"data: [DONE]", data)
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_what_is_wrong_is_told_in_one_line(self):
        for arguments, complaint in (
                (("serve", "nowhere"), "nowhere"),
                (("serve",), "no model"),
                (("serve", MODEL, "--host", "0.0.0.0"), "API key"),
                (("serve", MODEL, "--tls-cert", "none.pem", "--tls-key", "none.pem"), "none.pem")):
            code, _, said = run(*arguments, "--port", "0", "--browser-storage", "--no-cache-dir")
            self.assertEqual(code, 1, said)
            self.assertIn(complaint, said)
            self.assertEqual(said.count("\n"), 1, said)


if __name__ == "__main__":
    main()
