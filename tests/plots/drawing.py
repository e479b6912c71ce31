"""Run directories made up for the tests of figures, and a test case that draws from one. Import it first of all."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "plots"))
import interpreter  # noqa: E402, F401  (first of the project's: it may start the test over)

import contextlib  # noqa: E402
import io  # noqa: E402
import runpy  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import unittest  # noqa: E402
import warnings  # noqa: E402

import h5py  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

PLOTS = pathlib.Path(__file__).resolve().parents[2] / "plots"

STEPS = np.arange(0, 101, 10)
EXPERIMENT = """
[task]
kind = "sparse-parity"
sparsity = 2
input_dim = 8
[network]
width = {width}
[[phase]]
name = "explore"
method = "gld"
steps = 50
[[phase]]
name = "converge"
method = "gd"
steps = 50
[observe]
every = 10
"""


def write_run(folder, columns, width=50, frames=None, experiment=EXPERIMENT, predictions=None):
    """A run of 100 steps in two phases; columns {name: values [11], or one value}; frames [f, N, 3] of (r, w_1, w_2);
    predictions {name: values}."""
    folder.mkdir(parents=True)
    (folder / "experiment.toml").write_text(experiment.format(width=width))
    (folder / "summary.json").write_text('{"ending": "finished"}')
    values = [np.broadcast_to(column, STEPS.shape) for column in columns.values()]
    rows = zip(STEPS, (STEPS >= 50).astype(int), STEPS * 0.1, STEPS * 7, *values)
    names = ["step", "phase", "time", "gradient_evaluations", *columns]
    lines = ["# made up", ",".join(names), *(",".join(str(value) for value in row) for row in rows)]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    if predictions is not None:
        rows = [",".join(predictions), *(",".join(map(str, row)) for row in zip(*predictions.values()))]
        (folder / "predictions.csv").write_text("# made up\n" + "\n".join(rows) + "\n")
    if frames is not None:
        with h5py.File(folder / "trajectory.h5", "w") as file:
            position = file.create_group("particles/neurons/position")
            position["value"] = frames
            position["step"] = np.arange(len(frames))
            position["time"] = 0.1 * np.arange(len(frames))
            file["particles/neurons/id"] = np.arange(frames.shape[1])
            file["parameters/names"] = [b"r", b"w_1", b"w_2"]
            file["data/teacher_directions"] = np.eye(2)
            file["data/relevant_subspace"] = np.eye(2)


def write_runs(folder, keys, runs):
    """runs: rows (run, case, *values of the keys, what write_run takes)."""
    lines = [",".join(["run", "case", *keys, "ending"])]
    for name, case, *values, content in runs:
        write_run(folder / name, **content)
        lines.append(",".join([name, case, *map(str, values), "finished"]))
    (folder / "index.csv").write_text("\n".join(lines) + "\n")


class DrawingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def draw(self, figure, *options, status=0, run="run"):
        """Runs plots/<figure>.py on self.folder/run, but in this process, which has read the modules already."""
        argv, streams = sys.argv, [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        sys.argv = [str(PLOTS / f"{figure}.py"), str(self.folder / run), "--out", str(self.folder / "out"), *options]
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the scripts do, but unittest shows them
            try:
                with self.assertRaises(SystemExit) as ended:
                    runpy.run_path(sys.argv[0], run_name="__main__")
            finally:
                sys.argv = argv
        out, err = (stream.buffer.getvalue().decode() for stream in streams)
        self.assertEqual(ended.exception.code, status, err)
        return subprocess.CompletedProcess(figure, status, out, err)

    def assert_written(self, stem):
        out = self.folder / "out"
        with Image.open(out / f"{stem}.png") as image:
            self.assertEqual(round(image.info["dpi"][0]), 300)
        self.assertTrue((out / f"{stem}.pdf").read_bytes().startswith(b"%PDF"))
        self.assertIn("<svg", (out / f"{stem}.svg").read_text()[:1000])

    def assert_refuses(self, figure, *words, options=(), status=2):
        done = self.draw(figure, *options, status=status)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse((self.folder / "out").exists())
