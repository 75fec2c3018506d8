"""The examples of docs/server.md are run as they stand; answers have at least what the page shows."""

import json
import re
import shutil
import subprocess
import sys
import unittest

from program import PATIENCE, ROOT, SKIP, main
from serve import Server

EXAMPLE = re.compile(r"^```sh\n(curl .*?)```\n```json\n(.*?)```", re.MULTILINE | re.DOTALL)


def missing(shown, answer, place="answer"):
    """Names of what is shown and not in the answer, or of another type there. Of lists, the first items count."""
    if isinstance(shown, dict):
        if not isinstance(answer, dict):
            return [place]
        return [m for key, value in shown.items()
                for m in ([f"{place}.{key}"] if key not in answer else missing(value, answer[key], f"{place}.{key}"))]
    if isinstance(shown, list):
        if not isinstance(answer, list) or (shown and not answer):
            return [place]
        return missing(shown[0], answer[0], place + "[0]") if shown else []
    alike = (int, float) if isinstance(shown, (int, float)) and not isinstance(shown, bool) else type(shown)
    return [] if isinstance(answer, alike) else [place]


class DocsTest(unittest.TestCase):
    def test_examples_answer_as_they_say(self):
        examples = EXAMPLE.findall((ROOT / "docs/server.md").read_text())
        self.assertGreater(len(examples), 8)
        with Server("--no-cache-dir", "--context", "512") as server:
            for command, shown in examples:
                with self.subTest(command):
                    done = subprocess.run(["bash", "-c", command.replace("http://127.0.0.1:8080", server.url)
                                           .replace("curl ", "curl -sS --fail-with-body ", 1)],
                                          capture_output=True, text=True, timeout=PATIENCE, check=False)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    text = done.stdout
                    if text.startswith("data: "):
                        self.assertTrue(text.endswith("data: [DONE]\n\n"))
                        text = text.split("\n")[0][len("data: "):]
                    self.assertEqual(missing(json.loads(shown), json.loads(text)), [], text)


if __name__ == "__main__":
    if not shutil.which("curl"):
        print("skipped: curl is missing")
        sys.exit(SKIP)
    main()
