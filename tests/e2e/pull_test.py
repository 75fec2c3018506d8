#!/usr/bin/env python3
"""`dure pull`, `list` and `rm` against a hub on this machine (hub.py), and pulled models by their names."""

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from hub import COMMIT, Hub, Repository, blob_digest, digest
from program import DURE, MODEL, PATIENCE, Terminal, main, run

NAME = "dure-test/Tiny-Model"
WEIGHTS = "model.safetensors"
OTHER_COMMIT = "89abcdef" * 5


def noise(size, seed=1):
    """Bytes that repeat nowhere, so that a piece in the wrong place is noticed."""
    out = bytearray()
    while len(out) < size:
        seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        out += seed.to_bytes(8, "little")
    return bytes(out[:size])


class HubTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.cache = Path(self.folder.name, "hub")
        self.hub = Hub()
        self.addCleanup(self.hub.close)
        self.weights = noise(300_000)
        self.repository = Repository({"config.json": b"{}", "tokenizer.json": b'{"version": "1.0"}',
                                      WEIGHTS: self.weights, "README.md": b"read me", "pytorch_model.bin": b"twice"})
        self.hub.repositories[NAME] = self.repository

    def environment(self, **more):
        return {"HF_ENDPOINT": self.hub.url, "HF_HOME": self.folder.name, "HF_HUB_CACHE": str(self.cache),
                "HF_TOKEN": "", "HF_TOKEN_PATH": "", "HF_HUB_OFFLINE": "", "no_proxy": "*", **more}

    def dure(self, *arguments, **environment):
        return run(*arguments, **self.environment(**environment))

    def start(self, *arguments, **environment):
        return subprocess.Popen([DURE, *arguments], env={**os.environ, **self.environment(**environment)},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def pull(self, *arguments, **environment):
        """Must succeed; returns the snapshot's folder."""
        code, out, err = self.dure("pull", *(arguments or [NAME]), **environment)
        self.assertEqual(code, 0, err)
        return Path(out.strip())

    def refused(self, *parts, arguments=("pull", NAME), **environment):
        """Must fail with one line that holds these parts."""
        code, out, err = self.dure(*arguments, **environment)
        self.assertEqual((code, out), (1, ""), err)
        *before, last, end = err.split("\n")
        self.assertEqual((last[:6], end), ("dure: ", ""), err)
        self.assertFalse(any(line.startswith("dure: ") for line in before), err)
        for part in parts:
            self.assertIn(part, last)
        return err

    def model_folder(self, name=NAME):
        return self.cache / ("models--" + name.replace("/", "--"))

    def blob(self, path):
        return self.model_folder() / "blobs" / digest(path, self.repository.files[path])

    def partial(self, path=WEIGHTS):
        return Path(f"{self.blob(path)}.incomplete")

    def assert_whole(self, folder):
        for path in ("config.json", "tokenizer.json", WEIGHTS):
            self.assertEqual((folder / path).read_bytes(), self.repository.files[path], path)
        self.assertEqual(list(self.cache.rglob("*.incomplete")), [])


class Layout(HubTest):
    def test_is_that_of_hugging_face(self):
        folder = self.pull()
        model = self.model_folder()
        self.assertEqual(folder, model / "snapshots" / COMMIT)
        self.assert_whole(folder)
        self.assertEqual((model / "refs/main").read_text(), COMMIT)
        self.assertEqual(os.readlink(folder / "config.json"), f"../../blobs/{blob_digest(b'{}')}")
        self.assertEqual(os.readlink(folder / WEIGHTS), f"../../blobs/{digest(WEIGHTS, self.weights)}")
        self.assertEqual(sorted(p.name for p in folder.iterdir()), ["config.json", WEIGHTS, "tokenizer.json"])
        locks = sorted(p.name for p in (self.cache / ".locks" / model.name).iterdir())
        self.assertEqual(locks, sorted(p.name + ".lock" for p in (model / "blobs").iterdir()))
        self.assertTrue((self.cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55"))

    def test_files_in_folders_and_names_to_be_encoded(self):
        self.repository.files = {"config.json": b"{}", "a b/ü#?.safetensors": b"x" * 50, WEIGHTS: self.weights}
        folder = self.pull(NAME, "--include", "*")
        self.assertEqual((folder / "a b/ü#?.safetensors").read_bytes(), b"x" * 50)
        self.assertTrue(os.readlink(folder / "a b/ü#?.safetensors").startswith("../../../blobs/"))

    def test_revisions(self):
        self.repository.revisions = {"main": COMMIT, "refs/pr/1": OTHER_COMMIT, "v1.0": OTHER_COMMIT}
        folder = self.pull(NAME + ":refs/pr/1")
        self.assertEqual(folder.name, OTHER_COMMIT)
        self.assertEqual((self.model_folder() / "refs/refs/pr/1").read_text(), OTHER_COMMIT)
        self.assertIn("/revision/refs%2Fpr%2F1", self.hub.requests[0].path)
        self.assertFalse((self.model_folder() / "refs/main").exists())
        self.assertEqual(self.pull(f"{NAME}:{COMMIT}").name, COMMIT)
        self.assertFalse((self.model_folder() / "refs/main").exists())
        self.pull()
        self.assertEqual(len(self.hub.seen("content", WEIGHTS)), 1)  # one content, three revisions

    def test_a_second_pull_asks_for_no_file(self):
        self.pull()
        before = len(self.hub.requests)
        self.pull()
        self.assertTrue(all("/api/" in r.path for r in self.hub.requests[before:]))

    def test_what_another_program_fetched_is_taken(self):
        blob = self.blob(WEIGHTS)
        blob.parent.mkdir(parents=True)
        blob.write_bytes(self.weights)
        self.assert_whole(self.pull())
        self.assertEqual(self.hub.seen("content"), [])

    def test_an_empty_file_and_two_names_of_one_content(self):
        self.repository.files.update({"merges.txt": b"", "tokenizer_config.json": b"{}"})
        folder = self.pull()
        self.assertEqual((folder / "merges.txt").read_bytes(), b"")
        self.assertEqual(os.readlink(folder / "config.json"), os.readlink(folder / "tokenizer_config.json"))


class Choosing(HubTest):
    def test_dry_run_writes_nothing(self):
        code, out, err = self.dure("pull", NAME, "--dry-run")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("293.0 KiB", out)
        self.assertIn("3 files, ", out)
        self.assertNotIn("README", out)
        self.assertFalse(self.cache.exists())

    def test_patterns(self):
        self.assertEqual([p.name for p in self.pull(NAME, "--include", "*.md").iterdir()], ["README.md"])
        names = sorted(p.name for p in self.pull(NAME, "--exclude", "*.safetensors", "--include", "*.*s*").iterdir())
        self.assertEqual(names, ["README.md", "config.json", "tokenizer.json"])
        self.refused("none of its 5 files", arguments=("pull", NAME, "--include", "*.onnx"))

    def test_no_weights_that_dure_knows(self):
        del self.repository.files[WEIGHTS]
        self.refused("no safetensors and no GGUF", NAME)

    def test_one_of_several_gguf_models(self):
        self.repository.files = {"config.json": b"{}", "tiny-Q4_K_M.gguf": b"4" * 100, "mmproj-F16.gguf": b"m",
                                 "Q8_0/tiny-Q8_0-00001-of-00002.gguf": b"8" * 30_000,
                                 "Q8_0/tiny-Q8_0-00002-of-00002.gguf": b"8" * 30_001}
        err = self.refused("--include")
        self.assertIn("holds 2 models", err)
        self.assertIn("tiny-Q4_K_M.gguf                     100 bytes", err)
        self.assertIn("Q8_0/tiny-Q8_0-?????-of-00002.gguf    58.6 KiB", err)
        self.refused("not here", arguments=("info", NAME))
        folder = self.pull(NAME, "--include", "Q8_0/tiny-Q8_0-?????-of-00002.gguf")
        self.assertEqual(len(list(folder.rglob("*.gguf"))), 2)
        self.refused(str(folder / "Q8_0/tiny-Q8_0-00001-of-00002.gguf"), arguments=("info", NAME))  # found, no GGUF
        self.pull(NAME, "--include", "*Q4_K_M*")
        self.refused("holds 2 models", NAME + "/tiny-Q4_K_M.gguf", arguments=("info", NAME))
        self.refused(str(folder / "tiny-Q4_K_M.gguf"), arguments=("info", NAME + "/tiny-Q4_K_M.gguf"))
        self.refused("--include 'tiny-Q2_K.gguf'", arguments=("info", NAME + "/tiny-Q2_K.gguf"))

    def test_the_only_gguf_model_needs_no_choice(self):
        self.repository.files = {"config.json": b"{}", "tiny.gguf": b"GGUF"}
        self.assertEqual([p.name for p in self.pull().iterdir()], ["tiny.gguf"])

    def test_a_quantisation_is_no_revision(self):
        self.refused("has no revision 'Q4_K_M'", "--include '*Q4_K_M*'", arguments=("pull", NAME + ":Q4_K_M"))

    def test_names_that_are_none(self):
        for name in ("tiny", "a/b/c", "../x", "a/..", "a--b/c", "/a/b", "a/b:", "a/b:../x", "a/b:x y", "a/b\n"):
            with self.subTest(name):
                self.refused("expected", arguments=("pull", name))
        self.assertEqual(self.hub.requests, [])


class Token(HubTest):
    def test_is_for_the_hub_alone(self):
        for where in ({"HF_TOKEN": Hub.TOKEN}, {"HF_TOKEN_PATH": str(self.token_file())}, {}):
            with self.subTest(where):
                self.hub.requests.clear()
                code, out, err = self.dure("pull", NAME, **where)
                self.assertEqual(code, 0, err)
                self.assertNotIn(Hub.TOKEN, out + err)
                self.assertEqual({r.token for r in self.hub.seen("hub")}, {f"Bearer {Hub.TOKEN}"})
                self.assertEqual({r.token for r in self.hub.seen("content")}, {None})
                self.assertTrue(self.hub.seen("content"))
                shutil.rmtree(self.cache)

    def token_file(self):
        file = Path(self.folder.name, "token")  # HF_HOME/token, where other tools leave it
        file.write_text(Hub.TOKEN + "\n")
        return file

    def test_gated(self):
        self.repository.gated = "auto"
        self.refused("is gated: accept its terms at", f"{self.hub.url}/{NAME}", "HF_TOKEN")
        self.refused("your account has no access yet", f"{self.hub.url}/{NAME}", HF_TOKEN=Hub.TOKEN)
        self.repository.granted = True
        self.pull(HF_TOKEN=Hub.TOKEN)

    def test_private_or_missing(self):
        self.repository.private = True
        self.refused("has no such model, or it is private: then set HF_TOKEN")
        self.pull(HF_TOKEN=Hub.TOKEN)
        missing = ("pull", "dure-test/none")
        self.refused("dure-test/none", "has no such model", arguments=missing)
        self.refused("your token does not open it", arguments=missing, HF_TOKEN=Hub.TOKEN)

    def test_refused_or_impossible(self):
        err = self.refused("does not accept your token", "HF_TOKEN", HF_TOKEN="hf_wrong")
        self.assertNotIn("hf_wrong", err)
        err = self.refused("characters that no token has", HF_TOKEN="hf_a\r\nX-Evil: 1")
        self.assertNotIn("Evil", err)

    def test_missing_revision(self):
        self.refused("has no revision 'v9'", arguments=("pull", NAME + ":v9"))


class BadNetwork(HubTest):
    def ranges(self):
        return [r.range for r in self.hub.seen("content", WEIGHTS)]

    def test_goes_on_where_a_connection_broke(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000}, {"break_after": 50_000}]
        self.assert_whole(self.pull())
        self.assertEqual(self.ranges(), [None, "bytes=100000-299999", "bytes=150000-299999"])
        self.assertEqual([r.if_range for r in self.hub.seen("content", WEIGHTS)],
                         [None] + [f'"{digest(WEIGHTS, self.weights)}"'] * 2)

    def test_small_files_break_too(self):
        self.hub.faults["tokenizer.json"] = [{"break_after": 3}]
        self.assert_whole(self.pull())

    def test_a_server_without_ranges_begins_anew(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000}, {"no_ranges": True}]
        self.assert_whole(self.pull())

    def test_a_content_that_changed_meanwhile_begins_anew(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000, "data": noise(300_000, 9), "etag": '"old"'}]
        self.assert_whole(self.pull())

    def test_the_wrong_piece(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000}, {"shift": 7}]
        self.assert_whole(self.pull())

    def test_no_answer_before_and_between(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 0}, {"silent": 3}]
        self.assert_whole(self.pull(HF_HUB_DOWNLOAD_TIMEOUT="1"))

    def test_busy_servers(self):
        self.hub.api_faults = [{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}]
        self.hub.faults[WEIGHTS] = [{"status": 429, "headers": {"Retry-After": "2"}}, {"status": 503}, {"status": 403}]
        begin = time.monotonic()
        self.assert_whole(self.pull())
        self.assertGreater(time.monotonic() - begin, 3)

    def test_a_busy_server_that_asks_for_too_much(self):
        self.hub.api_faults = [{"status": 429, "headers": {"Retry-After": "86400"}}]
        self.refused("429", "86400 seconds")

    def test_gives_up(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000}] + [{"break_after": 0}] * 9
        err = self.refused(WEIGHTS, "gave up after 2 attempts", "what has arrived is kept",
                           arguments=("pull", NAME, "--retries", "1"))
        self.assertNotIn("s3cret", err)
        self.assertEqual(self.partial().stat().st_size, 100_000)
        self.hub.faults.clear()
        self.assert_whole(self.pull())
        self.assertEqual(self.ranges()[-1], "bytes=100000-299999")

    def test_a_server_without_ranges_that_always_breaks(self):
        self.hub.faults[WEIGHTS] = [{"break_after": 100_000, "no_ranges": True}] * 99
        self.refused("gave up", arguments=("pull", NAME, "--retries", "1"))

    def test_wrong_content(self):
        for path in ("config.json", WEIGHTS):
            with self.subTest(path):
                wrong = bytes(len(self.repository.files[path]))
                self.hub.faults[path] = [{"data": wrong}]
                self.refused(path, "digest")
                self.assertFalse(self.blob(path).exists())
                self.assertFalse((self.model_folder() / "refs/main").exists())
                self.assertFalse((self.model_folder() / "snapshots" / COMMIT).exists())
                shutil.rmtree(self.cache)

    def test_more_and_less_than_announced(self):
        self.hub.faults[WEIGHTS] = [{"data": self.weights + b"x"}]
        self.refused("more than 300000 bytes")
        self.hub.faults[WEIGHTS] = [{"data": self.weights[:1000]}] * 3
        self.partial().unlink()
        self.refused(WEIGHTS, arguments=("pull", NAME, "--retries", "1"))

    def test_a_spoilt_partial_file_is_noticed(self):
        self.partial().parent.mkdir(parents=True)
        for spoilt in (bytes(1000), self.weights + b"more", bytes(300_000)):
            with self.subTest(len(spoilt)):
                self.partial().write_bytes(spoilt)
                self.assert_whole(self.pull())
                self.blob(WEIGHTS).unlink()

    def test_redirects(self):
        self.hub.location = f"/{NAME}/resolve/{COMMIT}/config.json"  # relative; the content is then a wrong one
        self.refused(WEIGHTS)
        for location, part in ((f"/{NAME}/resolve/{COMMIT}/{WEIGHTS}", "redirects"), ("file:///etc/passwd", "no http"),
                               ("gopher://x/", "no http"), ("http://user:pw@127.0.0.1/", "no http"), ("", "no http")):
            with self.subTest(location):
                self.hub.location = location or " "
                self.refused(part)

    def test_nobody_there(self):
        self.refused("127.0.0.1:1", arguments=("pull", NAME, "--retries", "0"), HF_ENDPOINT="http://127.0.0.1:1")
        for endpoint in ("ftp://x", "nonsense", "http://", "http://u:p@x", "file:///"):
            self.refused("HF_ENDPOINT", HF_ENDPOINT=endpoint)


class Ends(HubTest):
    def setUp(self):
        super().setUp()
        self.hub.faults[WEIGHTS] = [{"rate": 150_000}]

    def wait_for_bytes(self, count):
        limit = time.monotonic() + PATIENCE
        while not self.partial().exists() or self.partial().stat().st_size < count:
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.02)

    def test_kill_and_go_on(self):
        process = self.start("pull", NAME)
        self.wait_for_bytes(50_000)
        process.kill()
        process.communicate()
        self.refused("not completely here", arguments=("info", NAME))
        self.assert_whole(self.pull())
        self.assertGreaterEqual(int(self.hub.seen("content", WEIGHTS)[-1].range[6:].split("-")[0]), 50_000)

    def test_ctrl_c(self):
        process = self.start("pull", NAME)
        self.wait_for_bytes(20_000)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertIn("what has arrived is kept", err.splitlines()[-1])
        self.assert_whole(self.pull())

    def test_two_at_once(self):
        both = [self.start("pull", NAME) for _ in range(2)]
        for process in both:
            _, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(self.hub.seen("content", WEIGHTS)), 1)
        self.assert_whole(self.model_folder() / "snapshots" / COMMIT)

    def test_rm_while_somebody_fetches(self):
        process = self.start("pull", NAME)
        self.wait_for_bytes(10_000)
        self.refused("another program", arguments=("rm", NAME, "--yes"))
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)

    def test_progress_at_a_terminal(self):
        with Terminal("pull", NAME, **self.environment()) as t:
            t.expect("model.safetensors  [")
            t.expect("/s, ")
            t.expect("is here: dure chat " + NAME)
            self.assertEqual(t.exit_code(), 0)
            self.assertNotIn("[=", t.output.rsplit("\x1b[J", 1)[-1])  # the bars are wiped

    def test_progress_elsewhere(self):
        _, _, err = self.dure("pull", NAME)
        self.assertNotIn("\x1b", err)
        self.assertNotIn("\r", err)
        self.assertIn(f"{WEIGHTS} (293.0 KiB)\n", err)


class Disk(HubTest):
    def test_full(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        done = subprocess.run([DURE, "pull", NAME], env={**os.environ, **self.environment()}, capture_output=True,
                              preexec_fn=limit, timeout=PATIENCE, check=False)
        err = done.stderr.decode()
        self.assertEqual(done.returncode, 1, err)
        self.assertRegex(err.splitlines()[-1], "^dure: .*incomplete: .*make room.*what has arrived is kept")
        self.assertEqual(self.partial().stat().st_size, 100_000)
        self.assert_whole(self.pull())
        self.assertEqual(self.hub.seen("content", WEIGHTS)[-1].range, "bytes=100000-299999")

    def test_too_small_from_the_start(self):
        self.repository.listed[WEIGHTS] = {"lfs": {"oid": "a" * 64, "size": 1 << 49}}
        self.refused("512.0 TiB are to be fetched", "make room", "HF_HUB_CACHE")
        self.assertEqual(self.hub.seen("content"), [])

    def test_a_cache_that_cannot_be_written(self):
        self.refused("cannot write", HF_HUB_CACHE="/proc/no/such/folder")
        file = Path(self.folder.name, "file")
        file.write_text("")
        self.refused("cannot write", HF_HUB_CACHE=str(file / "cache"))

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_read_only_cache(self):
        self.cache.mkdir(mode=0o555)
        self.refused("cannot write: Permission denied", "HF_HUB_CACHE")


class HostileHub(HubTest):
    def test_names_that_lead_elsewhere(self):
        for path in ("../evil.safetensors", "/tmp/evil.safetensors", "a/../../evil.safetensors", "a//b.safetensors",
                     "./x.safetensors", "a\nb.safetensors", "a\u0085b.safetensors", "a\\b.safetensors", "", "x" * 300,
                     "a/" * 600 + "x", "a\0b", WEIGHTS + "/x.safetensors"):
            with self.subTest(path):
                self.repository.files = {WEIGHTS: b"w", path: b"evil"}
                self.refused("tree")
                self.assertFalse(self.cache.exists())

    def test_fields_that_cannot_be_true(self):
        for fields in ({"size": -1, "lfs": None}, {"lfs": {"oid": "a" * 64, "size": 1 << 60}}, {"lfs": {"oid": "../../x", "size": 1}},
                       {"lfs": {"oid": "A" * 64, "size": 1}}, {"lfs": []}, {"lfs": {"size": 1}}, {"path": 3},
                       {"path": "config.json"}, {"lfs": {"oid": "a" * 64, "size": 1.5}}):
            with self.subTest(fields):
                self.repository.listed = {WEIGHTS: fields}
                self.refused("tree")

    def test_answers_that_are_none(self):
        for body in (b"", b"[]", b"{", b'{"sha": 1}', b'{"sha": "../../x"}', b"[" * 5000, b"\xff\xfe"):
            with self.subTest(body[:20]):
                self.hub.api_faults = [{"status": 200, "body": body}]
                self.refused("revision/main")
        self.hub.api_faults = [None, {"status": 200, "body": b'{"error": "x"}'}]
        self.refused("expected an array")

    def test_a_list_without_end(self):
        page = {"status": 200, "body": b"[]", "headers": {"Link": '<?recursive=true>; rel="next"'}}
        self.hub.api_faults = [None] + [page] * 2000
        self.refused("pages")

    def test_a_next_page_elsewhere_gets_no_token(self):
        page = {"status": 200, "body": b"[]", "headers": {"Link": f'<{self.hub.content_url}/content/a/b/c>; rel="next"'}}
        self.hub.repositories["a/b"] = Repository({"c": b"[]"})
        self.hub.api_faults = [None, page]
        self.refused("none of its 0 files", HF_TOKEN=Hub.TOKEN)
        self.assertEqual([r.token for r in self.hub.seen("content")], [None])


class Offline(HubTest):
    def test_only_what_is_here(self):
        self.refused("offline", NAME, HF_HUB_OFFLINE="1")
        self.refused("offline", arguments=("pull", NAME, "--offline"))
        self.assertEqual(self.hub.requests, [])
        folder = self.pull()
        self.hub.requests.clear()
        self.assertEqual(self.pull(HF_HUB_OFFLINE="1"), folder)
        self.assertEqual(self.pull(NAME, "--offline"), folder)
        self.assertEqual(self.hub.requests, [])


class Names(HubTest):
    """The fixture model, pulled and then used by its name."""

    def setUp(self):
        super().setUp()
        self.repository.files = {p.name: p.read_bytes() for p in MODEL.iterdir() if p.name != "golden.json"}

    def test_a_pulled_model_runs(self):
        ask = ("-p", "hello", "-n", "5", "--temp", "0")
        self.refused(f"{NAME} is not here; fetch it with: dure pull {NAME}", arguments=("run", NAME, *ask))
        self.pull()
        self.assertEqual(self.dure("run", NAME, *ask), run("run", MODEL, *ask))
        self.assertEqual(self.dure("run", f"{NAME}:{COMMIT}", *ask), run("run", MODEL, *ask))
        self.assertEqual(self.dure("tokenize", NAME, "hi"), run("tokenize", MODEL, "hi"))
        code, out, _ = self.dure("info", NAME, "--json")
        self.assertEqual((code, json.loads(out)["architecture"]), (0, "deepseek_v3"))
        with Terminal("chat", NAME, **self.environment()) as t:
            t.expect(f"{NAME}: deepseek_v3")

    def test_an_existing_path_comes_first(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(MODEL, Path(folder, NAME))
            done = subprocess.run([DURE, "info", NAME], cwd=folder, env={**os.environ, **self.environment()},
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_is_clearly_a_path(self):
        for path in ("/no/such", "./a/b", "../a/b", "folder/model.gguf", "model.gguf", "a/b/"):
            with self.subTest(path):
                self.refused(path, "no such file or folder", arguments=("info", path))


class Housekeeping(HubTest):
    def listed(self):
        code, out, _ = self.dure("list", "--json")
        self.assertEqual(code, 0)
        return json.loads(out)

    def test_list(self):
        code, out, _ = self.dure("list")
        self.assertEqual(code, 0)
        self.assertIn("no models in", out)
        self.assertEqual(self.listed(), [])
        folder = self.pull()
        (model,) = self.listed()
        self.assertEqual((model["name"], model["kind"], model["revisions"]), (NAME, "safetensors", ["main"]))
        self.assertEqual((model["path"], model["commit"]), (str(folder), COMMIT))
        self.assertEqual(model["bytes"], sum(p.stat().st_size for p in folder.iterdir()))
        self.hub.repositories["a/gguf"] = Repository({"x.gguf": b"GGUF"})
        self.pull("a/gguf")
        partial = self.cache / "models--a--gguf/blobs" / ("b" * 64 + ".incomplete")
        partial.write_bytes(bytes(5000))
        code, out, _ = self.dure("list")
        rows = [line.split() for line in out.splitlines()]
        self.assertEqual(rows[0], ["model", "revision", "size", "fetched", "kind"])
        self.assertEqual([(r[0], r[-1]) for r in rows[1:4]],
                         [("a/gguf", "GGUF"), ("a/gguf", "unfinished"), (NAME, "safetensors")])

    def test_rm_of_a_revision_keeps_what_others_need(self):
        first = self.pull()
        shared = self.blob("config.json")
        old = self.blob(WEIGHTS)
        self.repository.files[WEIGHTS] = noise(200_000, 5)
        self.repository.revisions = {"main": OTHER_COMMIT, "v1": COMMIT}
        second = self.pull()
        code, out, err = self.dure("rm", f"{NAME}:{COMMIT[:8]}", "--yes")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("293.0 KiB freed", out)
        self.assertFalse(first.exists() or old.exists())
        self.assertTrue(shared.exists())
        self.assert_whole(second)
        self.assertEqual((self.model_folder() / "refs/main").read_text(), OTHER_COMMIT)
        self.refused("has no revision", arguments=("rm", NAME + ":v7", "--yes"))

    def test_rm_of_everything(self):
        self.pull()
        self.refused("--yes", arguments=("rm", NAME))
        self.assertTrue(self.model_folder().exists())
        code, out, _ = self.dure("rm", NAME, "--yes")
        self.assertEqual(code, 0)
        self.assertIn("293.0 KiB freed", out)
        self.assertFalse(self.model_folder().exists())
        self.assertFalse((self.cache / ".locks" / self.model_folder().name).exists())
        self.refused("is not here", arguments=("rm", NAME, "--yes"))

    def test_rm_asks_at_a_terminal(self):
        self.pull()
        for answer, left in (("n\r", True), ("y\r", False)):
            with Terminal("rm", NAME, **self.environment()) as t:
                t.expect("[y/N]")
                t.keys(answer)
                self.assertEqual(t.exit_code(), 1 if left else 0)
            self.assertEqual(self.model_folder().exists(), left)

    def test_rm_follows_no_links(self):
        folder = self.pull()
        outside = Path(self.folder.name, "outside")
        outside.mkdir()
        (outside / "precious").write_text("keep")
        (folder / "folder").symlink_to(outside)
        (folder / "file").symlink_to(outside / "precious")
        (self.model_folder() / "blobs/linked").symlink_to(outside)
        self.assertEqual(self.dure("rm", NAME, "--yes")[0], 0)
        self.assertEqual((outside / "precious").read_text(), "keep")
        self.model_folder().symlink_to(outside)
        self.refused("a link", arguments=("rm", NAME, "--yes"))
        self.model_folder().unlink()
        (self.model_folder() / "snapshots").mkdir(parents=True)
        (self.model_folder() / "blobs").symlink_to(outside)
        self.refused("a link", arguments=("rm", NAME, "--yes"))
        self.assertEqual((outside / "precious").read_text(), "keep")


if __name__ == "__main__":
    main()
