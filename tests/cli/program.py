"""What the tests of the command line share: the program, started in a folder of its own."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv[1])
# Sanitizers make the program many times slower: MFLD_TEST_PATIENCE stretches what is only there to end a hang.
PATIENCE = float(os.environ.get("MFLD_TEST_PATIENCE", "1"))
TIMEOUT = 120 * PATIENCE

# An experiment on a table, for the tests of what a table may be.
ON_A_TABLE = """\
seed = 1
[task]
kind = "file"
path = "t.csv"
test_fraction = 0.0
[network]
width = 3
[[phase]]
method = "gd"
steps = 2
step_size = 0.001
[observe]
every = 1
"""


class ProgramTest(unittest.TestCase):
    """Each test has a new folder `root`, with the experiment of its class in a.toml."""
    EXPERIMENT = ""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = Path(self.directory.name)
        (self.root / "a.toml").write_text(self.EXPERIMENT)

    def tearDown(self):
        self.directory.cleanup()

    def mfld(self, *arguments, **how):
        return subprocess.run([PROGRAM, *arguments], cwd=self.root, capture_output=True, text=True, timeout=TIMEOUT,
                              **how)

    def launch(self, *arguments):
        """The program in the background."""
        return subprocess.Popen([PROGRAM, *arguments], cwd=self.root, stderr=subprocess.PIPE, text=True)

    def wait_until(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def wait_for_step(self, out, step):
        """Until a run in `out` has recorded the step."""
        metrics = self.root / out / "metrics.csv"
        self.wait_until(lambda: metrics.exists() and f"\n{step},".encode() in metrics.read_bytes())

    def stop(self, process, number):
        """Sends a signal; what the program said."""
        process.send_signal(number)
        errors = process.communicate(timeout=TIMEOUT)[1]
        self.assertEqual(process.returncode, 130, errors)
        return errors

    def assert_same(self, one, other, files=("metrics.csv", "checkpoint.h5")):
        for file in files:
            self.assertEqual((self.root / one / file).read_bytes(), (self.root / other / file).read_bytes(), file)

    def assert_sentence(self, result, status, *parts):
        """Exit status, and one line on stderr that has the parts."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)


def read_screen(terminal):
    """All that was drawn on a terminal whose other end closes, which closes this one."""
    screen = b""
    try:
        while chunk := os.read(terminal, 4096):
            screen += chunk
    except OSError:  # the other end has closed
        pass
    os.close(terminal)
    return screen


def main():
    unittest.main(argv=sys.argv[:1])
