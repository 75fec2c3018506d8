"""What the end-to-end tests share: the program as users start it, in a pipe or at a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

# usage of the tests: x_test.py [DURE FIXTURES [unittest's options]]
ROOT = Path(__file__).resolve().parents[2]
DURE = Path(sys.argv[1]).resolve() if len(sys.argv) > 2 else ROOT / "build/release/dure"
FIXTURES = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else ROOT / "tests/fixtures"
MODEL = FIXTURES / "models-serve/serve-tiny"
SKIP = 77  # ctest's SKIP_RETURN_CODE

PATIENCE = 60  # seconds; sanitizers on a busy machine are slow
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def main():
    """Runs the tests of the calling file, or skips them all where something they need is missing."""
    for needed in (DURE, MODEL):
        if not needed.exists():
            print(f"skipped: {needed} is missing")
            sys.exit(SKIP)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


def sanitized():
    """Whether the program is a sanitizer's build: many times slower, and with memory of its own."""
    return any(name in DURE.read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def run(*arguments, stdin="", **environment):
    """The program's exit code, output and complaints; there is no terminal."""
    done = subprocess.run([str(DURE), *map(str, arguments)], input=stdin.encode(), capture_output=True,
                          timeout=PATIENCE, env={**os.environ, **environment}, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Terminal:
    """The program at a pseudo-terminal: keys go in, what is drawn comes out."""

    def __init__(self, *arguments, columns=80, rows=24, **environment):
        self.home = tempfile.TemporaryDirectory()
        self.bytes = b""
        self.output = ""
        variables = {**os.environ, "HOME": self.home.name, "TERM": "xterm", **environment}
        for name in ("XDG_STATE_HOME", "NO_COLOR"):
            if name not in environment:
                variables.pop(name, None)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Here and not in the parent, so that the program never sees a terminal of another size.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(DURE, [str(DURE), *map(str, arguments)], variables)
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.home.cleanup()

    def keys(self, text):
        os.write(self.fd, text.encode())

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the program has gone
            data = b""
        self.bytes += data
        self.output = self.bytes.decode(errors="ignore")
        return bool(data)

    def wait_for(self, condition, what=""):
        """Reads until condition(self) holds."""
        limit = time.monotonic() + PATIENCE
        while not condition(self):
            if time.monotonic() > limit:
                raise AssertionError(f"waited in vain for {what or condition}; the last output:\n{self.output[-2000:]!r}")
            self._read(0.1)

    def expect(self, text, after=0):
        """Reads until `text` appears in the output from `after` on; returns the position behind it."""
        self.wait_for(lambda t: t.text().find(text, after) >= 0, repr(text))
        return self.text().find(text, after) + len(text)

    def text(self):
        """Everything so far without control sequences and carriage returns."""
        return CONTROL.sub("", self.output).replace("\r", "")

    def frame(self):
        """The rows of the line editor as last drawn."""
        return CONTROL.sub("", self.output.rsplit("\r\x1b[J", 1)[-1]).rstrip("\r").split("\r\n")

    def expect_frame(self, rows):
        self.wait_for(lambda t: t.frame() == rows, rows)

    def echoes(self):
        """Whether the terminal shows what is typed, line by line: as a shell wants it."""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO and termios.tcgetattr(self.fd)[3] & termios.ICANON)

    def exit_code(self):
        """Waits for the end; negative: the signal that ended it."""
        limit = time.monotonic() + PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > limit:
                raise AssertionError(f"the program does not end; the last output:\n{self.output[-2000:]!r}")
            else:
                self._read(0.05)
        return self.status
