#!/usr/bin/env python3
"""What a cache on disk is worth: the time to the first token of a long conversation that goes on after a restart.

    bench/restart.py DURE MODEL [--words 3500] [--csv bench/results/restart.csv] [OPTIONS of dure serve]

Serves MODEL with a fresh --cache-dir, asks for one token behind a long prompt (cold), stops the server, starts it again,
and asks the same conversation with one more turn (warm). Prints both times and how much of the prompt was in the cache.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request

from record import append


def start(options, folder):
    server = subprocess.Popen([options.dure, "serve", options.model, "--port", "0", "--cache-dir", folder, *options.rest],
                              stdout=subprocess.PIPE, text=True)
    said = next((line for line in server.stdout if "http://" in line), None)
    if said is None:
        raise SystemExit(f"{options.dure} serve {options.model} did not start")
    url = said[said.index("http://"):].split()[0].rstrip("/")
    while True:
        try:
            urllib.request.urlopen(url + "/health")
            return server, url
        except OSError:
            time.sleep(0.05)


def first_token(url, prompt):
    """Seconds to the first token, tokens of the prompt, and those of them that were cached."""
    body = {"prompt": prompt, "max_tokens": 1, "temperature": 0, "ignore_eos": True}
    request = urllib.request.Request(url + "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    begin = time.monotonic()
    usage = json.load(urllib.request.urlopen(request))["usage"]
    return time.monotonic() - begin, usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dure")
    parser.add_argument("model")
    parser.add_argument("--words", type=int, default=3500)
    parser.add_argument("--csv")
    options, options.rest = parser.parse_known_args()
    prompt = " ".join(f"word{i * 37 % 1009}" for i in range(options.words))
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for more in ("", " and one more question"):
            server, url = start(options, folder)
            first_token(url, "warm up")
            times.append(first_token(url, prompt + more))
            server.send_signal(signal.SIGTERM)
            server.wait()
        size = sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    (cold, tokens, _), (warm, longer, cached) = times
    row = {"model": os.path.basename(options.model.rstrip("/")), "prompt_tokens": tokens, "cold_seconds": round(cold, 3),
           "warm_seconds": round(warm, 3), "warm_to_cold": round(warm / cold, 4), "cached_share": round(cached / longer, 4),
           "cache_mib": round(size / 2**20, 1)}
    for name, value in row.items():
        print(f"{name:16} {value}")
    if options.csv:
        append(options.csv, [row])


if __name__ == "__main__":
    main()
