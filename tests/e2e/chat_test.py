#!/usr/bin/env python3
"""`dure chat` as a user meets it, at a terminal and in a pipe. The model is random: what it says is noise."""

import json
import os
import shutil
import signal
import stat
import tempfile
import unicodedata
import unittest
from pathlib import Path

from program import MODEL, Terminal, main, run

LEFT, UP, HOME, END, WORD_LEFT = "\x1b[D", "\x1b[A", "\x1b[H", "\x1b[F", "\x1b[1;5D"
ERASE, CTRL_C, CTRL_D, CTRL_K, CTRL_U, CTRL_W = "\x7f", "\x03", "\x04", "\x0b", "\x15", "\x17"


def chat(*arguments, **options):
    return Terminal("chat", MODEL, "--seed", "1", *arguments, **options)


def ask_for_long(t, message):
    """Sends a message and returns in the midst of the answer."""
    t.expect_frame(["> "])
    t.keys(message + "\r")
    t.wait_for(lambda t: len(t.text().partition(f"> {message}\n")[2]) > 50)


class Editing(unittest.TestCase):
    def test_first_screen_and_leaving(self):
        with chat() as t:
            t.expect("serve-tiny: deepseek_v3")
            t.expect("context of 8192 tokens")
            t.expect("/help lists commands")
            t.expect_frame(["> "])
            self.assertFalse(t.echoes())
            t.keys(CTRL_D)
            self.assertEqual(t.exit_code(), 0)
            self.assertTrue(t.echoes())

    def test_hangul_is_erased_by_syllable(self):
        with chat() as t:
            t.expect_frame(["> "])
            t.keys("두레 한글")
            t.expect_frame(["> 두레 한글"])
            t.keys(ERASE)
            t.expect_frame(["> 두레 한"])
            t.keys(unicodedata.normalize("NFD", "글"))
            t.expect_frame(["> 두레 한글"])
            t.keys(ERASE)
            t.expect_frame(["> 두레 한"])
            t.keys(LEFT + LEFT + ERASE)
            t.expect_frame(["> 두 한"])

    def test_joined_emoji_are_one_character(self):
        with chat() as t:
            t.expect_frame(["> "])
            t.keys("a👩‍👩‍👧🇰🇷")
            t.expect_frame(["> a👩‍👩‍👧🇰🇷"])
            t.keys(ERASE + ERASE)
            t.expect_frame(["> a"])

    def test_wraps_syllables_at_the_edge(self):
        with chat(columns=20) as t:
            t.expect_frame(["> "])
            t.keys("안녕하세요 두레일꾼 여러분")
            t.expect_frame(["> 안녕하세요 두레일", "꾼 여러분"])  # 2 + 17 cells: no half of a syllable fits
            t.keys(ERASE * 6)
            t.expect_frame(["> 안녕하세요 두레"])

    def test_words_lines_and_killing(self):
        with chat() as t:
            t.expect_frame(["> "])
            t.keys("one two three" + CTRL_W)
            t.expect_frame(["> one two "])
            t.keys(WORD_LEFT + "X" + CTRL_K)
            t.expect_frame(["> one X"])
            t.keys(HOME + "Y" + END + "Z")
            t.expect_frame(["> Yone XZ"])
            t.keys(CTRL_U)
            t.expect_frame(["> "])

    def test_ctrl_c_clears_the_line_then_leaves(self):
        with chat() as t:
            t.expect_frame(["> "])
            t.keys("never mind")
            t.expect_frame(["> never mind"])
            t.keys(CTRL_C)
            t.expect_frame(["> "])
            t.keys(CTRL_C)
            t.expect("(Ctrl-C again or Ctrl-D leaves)")
            t.keys(CTRL_C)
            # It may arrive between two prompts, where it is a signal and leaves as well.
            self.assertIn(t.exit_code(), (0, -signal.SIGINT))
            self.assertTrue(t.echoes())

    def test_history_is_kept_and_private(self):
        with tempfile.TemporaryDirectory() as state:
            with chat(XDG_STATE_HOME=state) as t:
                t.expect_frame(["> "])
                t.keys("/stats\r")
                t.expect("KV cache")
                t.keys("한 줄\\\r둘\\n\x15")  # continued, then cleared in its second line
                t.keys("둘\r")
                t.expect("tokens/s")
                t.keys(CTRL_D)
                self.assertEqual(t.exit_code(), 0)
            file = Path(state, "dure/history")
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
            self.assertEqual(file.read_text().splitlines(), ["/stats", "한 줄\\n둘"])
            with chat(XDG_STATE_HOME=state) as t:
                t.expect_frame(["> "])
                t.keys("draft" + UP)
                t.expect_frame(["> 한 줄", "  둘"])
                t.keys(UP + UP)  # over the first line, into the entry before
                t.expect_frame(["> /stats"])
                t.keys("\x1b[B\x1b[B\x1b[B")
                t.expect_frame(["> draft"])

    def test_what_is_typed_ahead_counts(self):
        with chat("-n", "400") as t:
            t.expect_frame(["> "])
            t.keys("hello\r/undo\r/undo\r" + CTRL_D)
            t.expect("0 left")
            t.expect("there is nothing to undo")
            self.assertEqual(t.exit_code(), 0)
            self.assertTrue(t.echoes())

    def test_history_is_done_without_where_it_cannot_be_written(self):
        with chat(XDG_STATE_HOME="/proc/none") as t:
            t.expect_frame(["> "])
            t.keys("/undo\r")
            t.expect("there is nothing to undo")
            t.keys(CTRL_D)
            self.assertEqual(t.exit_code(), 0)

    def test_a_paste_is_one_message(self):
        with chat("-n", "2") as t:
            t.expect_frame(["> "])
            t.keys("\x1b[200~one\rtwo\r\x1b[201~")
            t.expect_frame(["> one", "  two", "  "])
            t.keys("\r")
            end = t.expect("tokens/s")
            t.keys("/stats\r")
            t.expect("answers      1, 2 tokens", end)


class Talking(unittest.TestCase):
    def test_ctrl_c_stops_the_answer_and_a_second_leaves(self):
        with chat() as t:
            ask_for_long(t, "hello")
            t.keys(CTRL_C)
            end = t.expect("(stopped)")
            t.expect("context", end)
            t.keys("/save " + t.home.name + "/chat.json\r")
            t.expect("saved 1 messages", end)
            messages = json.loads(Path(t.home.name, "chat.json").read_text())["messages"]
            self.assertEqual([m["role"] for m in messages], ["user", "assistant"])
            self.assertGreater(len(messages[1]["content"]), 20)
            ask_for_long(t, "again")
            t.keys(CTRL_C)
            t.expect("(stopped)", end)
            t.expect_frame(["> "])
            t.keys(CTRL_C)
            self.assertEqual(t.exit_code(), 0)
            self.assertTrue(t.echoes())

    def test_terminal_is_restored_when_the_program_is_ended(self):
        for busy in (False, True):
            with chat() as t:
                t.expect_frame(["> "])
                if busy:
                    ask_for_long(t, "hello")
                self.assertFalse(t.echoes())
                os.kill(t.pid, signal.SIGTERM)
                self.assertEqual(t.exit_code(), -signal.SIGTERM)
                self.assertTrue(t.echoes())

    def test_prefix_of_a_long_conversation_is_known(self):
        with chat("-n", "20") as t:
            t.expect_frame(["> "])
            t.keys("a rather long first message, so that much is shared\r")
            end = t.expect("0 of them known")
            t.keys("and another\r")
            known = t.expect("prompt ", t.expect("tokens/s | ", end))
            t.expect("of them known", known)
            line = t.text()[known:].split("\n")[0]
            self.assertGreater(int(line.split(", ")[1].split(" ")[0]), 16, line)

    def test_no_colour(self):
        with chat("-n", "2", NO_COLOR="1") as t:
            t.expect_frame(["> "])
            t.keys("hi\r")
            t.expect("tokens/s")
            self.assertNotIn("\x1b[2m", t.output)
            self.assertNotIn("\x1b[1m", t.output)

    def test_context_full(self):
        with chat("-c", "128") as t:
            t.expect_frame(["> "])
            t.keys("hello\r")
            end = t.expect("the context is full; /undo takes the last exchange back")
            t.keys("more\r")
            t.expect("leave no room for an answer", end)
            t.keys("/undo\r")
            t.expect("0 left", end)


class Thoughts(unittest.TestCase):
    """A template that opens <think>, unless told not to; the random model never closes it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = Path(cls.folder.name, "thinker")
        shutil.copytree(MODEL, cls.model)
        config = json.loads((MODEL / "tokenizer_config.json").read_text())
        config["chat_template"] = ("{{ bos_token }}{% for m in messages %}<｜{{ m.role }}｜>{{ m.content }}{% endfor %}"
                                   "<｜Assistant｜>{% if enable_thinking is not false %}<think>\n{% endif %}")
        (cls.model / "tokenizer_config.json").write_text(json.dumps(config))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_are_dim_and_can_be_folded(self):
        with Terminal("chat", self.model, "-n", "9", "--seed", "1") as t:
            t.expect_frame(["> "])
            t.keys("why\r")
            end = t.expect("tokens/s")
            answer = t.output.split("\x1b[?2004l")[2]
            self.assertEqual(answer.index("\x1b["), answer.index("\x1b[2m"), answer)
            t.keys("/fold\r")
            end = t.expect("thoughts are folded to one line", end)
            t.keys("why\r")
            end = t.expect("tokens/s", end)
            self.assertRegex(t.text(), r"\(thought for \d+\.\d s, 9 tokens\)\n")
            t.keys("/nothink\r")
            end = t.expect("asked to answer at once", end)
            t.keys("why\r")
            end = t.expect("tokens/s", end)
            self.assertEqual(t.text().count("(thought for"), 1)

    def test_are_tagged_in_a_pipe_and_kept_apart_in_files(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "chat.json")
            code, out, _ = run("chat", self.model, "-n", "9", "--seed", "1", stdin=f"why\n/save {file}\n")
            message = json.loads(file.read_text())["messages"][1]
            self.assertEqual((code, message["content"]), (0, ""))
            self.assertEqual(out, f"<think>\n{message['reasoning_content']}\n</think>\n\n")

    def test_a_question_about_the_tag_opens_no_thoughts(self):
        _, out, _ = run("chat", MODEL, "-n", "5", "--seed", "1", stdin="what does <think> mean?\n")
        self.assertNotIn("</think>", out)


class Commands(unittest.TestCase):
    def test_bad_commands_are_one_line(self):
        cases = {
            "/bogus": "there is no command '/bogus'; /help lists them",
            "/set temperature": "give a value: /set temperature VALUE",
            "/set temperature -1": "temperature is -1, must be",
            "/set heat 1": "there is no setting 'heat'",
            "/load /nowhere.json": "/nowhere.json: No such file",
            "/load": "name a file: /load FILE",
            "/file /nowhere": "/nowhere: No such file",
            "/regen": "there is no answer to make anew",
            "/undo": "there is nothing to undo",
            "/clear all": "/clear takes no argument",
        }
        for line, message in cases.items():
            with self.subTest(line):
                code, out, err = run("chat", MODEL, stdin=line + "\n")
                self.assertEqual((code, out, err.count("\n")), (1, "", 1), err)
                self.assertIn(message, err)

    def test_save_and_load(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "chat.json")
            talk = f"/system Be kind.\n/set temperature 0.5\nhello\n//tmp is a folder\n/save {file}\n"
            code, out, _ = run("chat", MODEL, "-n", "4", "--seed", "5", stdin=talk)
            self.assertEqual(code, 0)
            saved = json.loads(file.read_text())
            self.assertEqual([m["role"] for m in saved["messages"]],
                             ["system", "user", "assistant", "user", "assistant"])
            self.assertEqual(saved["messages"][3]["content"], "/tmp is a folder")
            self.assertEqual(saved["settings"]["temperature"], 0.5)
            self.assertIn(saved["messages"][2]["content"], out)

            # The same conversation, loaded and answered anew, says the same; a bad file changes nothing.
            bad = Path(folder, "bad.json")
            bad.write_text('{"messages": [{"role": "assistant", "content": "?"}]}')
            again = Path(folder, "again.json")
            talk = f"/load {file}\n/load {bad}\n/regen\n/save {again}\n"
            code, _, err = run("chat", MODEL, stdin=talk)
            self.assertEqual(code, 1)
            self.assertIn("bad.json: messages[0]: role is 'assistant', expected 'user'", err)
            self.assertEqual(json.loads(again.read_text()), saved)

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            text, binary, large, out = (Path(folder, n) for n in ("a.txt", "b.bin", "c.txt", "out.json"))
            text.write_text("알파")
            binary.write_bytes(b"\xff\xfe\x00")
            large.write_text("many words " * 9000)
            talk = f"/file {binary}\n/file {large}\n/file {text}\nwhat is it?\n/save {out}\n"
            _, _, err = run("chat", MODEL, "-n", "2", stdin=talk)
            self.assertIn("b.bin: not a text file (expected UTF-8)", err)
            self.assertRegex(err, r"c.txt: \d+ tokens, but only 8192 of the context's 8192 are free")
            question = json.loads(out.read_text())["messages"][0]["content"]
            self.assertEqual(question, "[file name]: a.txt\n[file content begin]\n알파\n[file content end]\nwhat is it?")

    def test_think_says_once_that_the_template_has_no_switch(self):
        _, _, err = run("chat", MODEL, stdin="/think\n/nothink\n")
        self.assertEqual(err.count("no switch for thinking"), 1)

    def test_pipe_has_nothing_but_answers_on_stdout(self):
        code, out, err = run("chat", MODEL, "-n", "3", "--seed", "1", stdin="hello\n\nworld\r\n/stats\n/exit\nnever\n")
        self.assertEqual(code, 0)
        self.assertNotIn("\x1b", out + err)
        self.assertIn("answers      2, 6 tokens", err)
        self.assertNotIn("tokens", out)
        self.assertEqual(run("chat", MODEL, "-n", "3", "--seed", "1", stdin="hello\nworld\n")[1], out)


if __name__ == "__main__":
    main()
