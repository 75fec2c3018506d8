#!/usr/bin/env python3
"""Streaming clients against a running server: throughput, time to the first token, time between tokens, fairness.

    bench/serve_load.py http://127.0.0.1:8080 --clients 64 --seconds 120 --idle 1000 [--csv bench/results/serve.csv]

Each client asks, reads the whole answer as it streams, and asks again, with a prompt of its own. `--idle` opens further
connections that ask for the server's health every half minute, which keeps them open. Works with any server of OpenAI's protocol; memory
is read from /status where there is one, or from a process by --pid. Exits with 1 if anything failed.
"""
import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from urllib.parse import urlparse

from record import append


class Client:
    def __init__(self, options, number):
        self.options, self.number = options, number
        self.first, self.gaps, self.tokens, self.answers, self.errors = [], [], 0, 0, []

    def body(self, turn):
        words = " ".join(f"word{(self.number * 7 + i * (turn % 3 + 1)) % 97}" for i in range(self.options.prompt_words))
        prompt = {"prompt": words} if self.options.completions else {"messages": [{"role": "user", "content": words}]}
        return json.dumps({"model": self.options.model, "stream": True, "temperature": self.options.temperature, "top_k": 40,
                           "top_p": 0.95, "seed": self.number,
                           "max_tokens": self.options.max_tokens, "ignore_eos": True,
                           "stream_options": {"include_usage": True}, **prompt}).encode()

    async def run(self, end):
        reader = writer = None
        turn = 0
        while time.monotonic() < end:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(self.options.host, self.options.port)
                await self.ask(reader, writer, turn)
                turn += 1
            except Closed:
                writer.close()
                writer = None
            except (OSError, ValueError, asyncio.IncompleteReadError) as e:
                self.errors.append(f"{type(e).__name__}: {e}")
                if writer is not None:
                    writer.close()
                writer = None
                await asyncio.sleep(0.1)
        if writer is not None:
            writer.close()

    async def ask(self, reader, writer, turn):
        body = self.body(turn)
        start = time.monotonic()
        path = "/v1/completions" if self.options.completions else "/v1/chat/completions"
        writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        status, headers = await read_head(reader)
        if status != 200:
            length = int(headers.get("content-length", 0))
            raise ValueError(f"status {status}: {(await reader.readexactly(length))[:200]!r}")
        last, text, whole = None, b"", False
        while True:
            size = int(await reader.readline(), 16)
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                break
            text += chunk[:-2]
            *events, text = text.split(b"\n\n")
            for event in events:
                if event == b"data: [DONE]":
                    whole = True
                if not event.startswith(b"data: {"):
                    continue
                data = json.loads(event[6:])
                if "error" in data:
                    raise ValueError(data["error"]["message"])
                if data.get("usage"):
                    self.tokens += data["usage"]["completion_tokens"]
                choice = (data.get("choices") or [{}])[0]
                if not any(choice.get("delta", choice).get(k) for k in ("text", "content", "reasoning_content")):
                    continue
                now = time.monotonic()
                self.first.append(now - start) if last is None else self.gaps.append(now - last)
                last = now
        if not whole:
            raise ValueError("the stream ended without [DONE]")
        self.answers += 1


class Closed(Exception):
    """The server ended a connection between two answers, as it may."""


async def read_head(reader):
    first = await reader.readline()
    if not first:
        raise Closed
    status, headers = int(first.split()[1]), {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    return status, headers


async def get(options, path):
    reader, writer = await asyncio.open_connection(options.host, options.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    status, headers = await read_head(reader)
    body = await reader.read()
    writer.close()
    return status, body


async def resident(options):
    if options.pid:
        with open(f"/proc/{options.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    status, body = await get(options, "/status")
    return json.loads(body)["memory"]["rss_bytes"] if status == 200 else 0


def share(values, p):
    return sorted(values)[min(int(len(values) * p), len(values) - 1)] if values else float("nan")


async def stay(options, end, errors):
    """A connection that is idle, but for a question now and then."""
    try:
        reader, writer = await asyncio.open_connection(options.host, options.port)
        while True:
            await asyncio.sleep(max(0, min(30, end - time.monotonic())))
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, headers = await read_head(reader)
            await reader.readexactly(int(headers.get("content-length", 0)))
            if status != 200:
                errors.append(f"an idle connection: status {status}")
            if time.monotonic() >= end:
                return writer.close()
    except (OSError, Closed, asyncio.IncompleteReadError) as e:
        errors.append(f"an idle connection: {e!r}")


async def measure(options):
    start = time.monotonic()
    clients = [Client(options, i) for i in range(options.clients)]
    errors = []
    running = [asyncio.create_task(stay(options, start + options.seconds, errors)) for _ in range(options.idle)]
    running += [asyncio.create_task(c.run(start + options.seconds)) for c in clients]
    await asyncio.sleep(options.seconds / 4)
    warm = await resident(options)
    await asyncio.gather(*running)
    seconds = time.monotonic() - start
    grown = await resident(options) - warm
    errors += [e for c in clients for e in c.errors]
    tokens = [c.tokens for c in clients]
    row = {"server": options.name, "clients": options.clients, "idle": options.idle, "seconds": round(seconds, 1),
           "answers": sum(c.answers for c in clients), "tokens_per_second": round(sum(tokens) / seconds, 1),
           "first_token_p50_ms": round(1e3 * share([x for c in clients for x in c.first], 0.5), 2),
           "first_token_p99_ms": round(1e3 * share([x for c in clients for x in c.first], 0.99), 2),
           "between_tokens_p50_ms": round(1e3 * share([x for c in clients for x in c.gaps], 0.5), 3),
           "between_tokens_p99_ms": round(1e3 * share([x for c in clients for x in c.gaps], 0.99), 3),
           "least_to_mean_tokens": round(min(tokens) / max(statistics.mean(tokens), 1), 3),
           "memory_mib": round(warm / 2**20, 1), "memory_growth_mib": round(grown / 2**20, 2), "errors": len(errors)}
    for name, value in row.items():
        print(f"{name:24} {value}")
    for e in errors[:5]:
        print(e, file=sys.stderr)
    if options.csv:
        append(options.csv, [row])
    return not errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--prompt-words", type=int, default=20)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--completions", action="store_true", help="prompts as they are, for a model without template")
    parser.add_argument("--model", default=None)
    parser.add_argument("--name", default="dure")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--csv")
    options = parser.parse_args()
    url = urlparse(options.url)
    options.host, options.port = url.hostname, url.port or 80
    sys.exit(0 if asyncio.run(measure(options)) else 1)


if __name__ == "__main__":
    main()
