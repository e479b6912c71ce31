#!/usr/bin/env python3
"""Scripts of figures where things are odd: settings of the user, files, descriptors, names, numbers, unfinished runs.
They end with the figure or with one sentence."""

from drawing import PLOTS, STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import os
import subprocess
import sys
import unittest

import numpy as np

import plane
from mfld import results
import series
import trajectories
import two_phase
import words

LOSSES = {"train_loss": np.geomspace(1, 1e-9, 11), "test_loss": np.geomspace(2, 1e-8, 11)}
GARBAGE = b"\xff\xfe not: utf-8\n"


class Surroundings(DrawingTest):
    def setUp(self):
        super().setUp()
        write_run(self.folder / "run", LOSSES)

    def shell(self, command, status=0, cwd=None, **environment):
        """A command line of a shell, in which $FIGURE draws self.folder/run."""
        environment = {**os.environ, "FIGURE": str(PLOTS / "two_phase.py"), "RUN": str(self.folder / "run"),
                       **environment}
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False,
                              env=environment, cwd=cwd or self.folder)
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))
        self.assertNotIn(b"Traceback", done.stderr)
        return done

    def test_the_same_file_whatever_the_settings(self):
        """A file of settings that asks for what this machine lacks, and files that are not even text."""
        self.shell('"$FIGURE" "$RUN" --out plain')
        odd = self.folder / "odd"
        (odd / "stylelib").mkdir(parents=True)
        (odd / "stylelib" / "mine.mplstyle").write_bytes(GARBAGE)
        (odd / "matplotlibrc").write_bytes(GARBAGE)
        (self.folder / "rc").write_text("text.usetex: True\naxes.grid: True\nfont.family: serif\nsavefig.dpi: 30\n")
        settings = {"MATPLOTLIBRC": str(self.folder / "rc"), "MPLBACKEND": "none such", "MPLCONFIGDIR": str(odd),
                    "LANG": "de_DE.ISO-8859-1", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "HOME": "/nonexistent",
                    "SOURCE_DATE_EPOCH": "1", "PYTHONWARNINGS": "error"}
        self.shell('"$FIGURE" "$RUN" --out ../theirs', cwd=odd, **settings)
        for kind in ("png", "pdf", "svg"):
            self.assertEqual((self.folder / f"plain/two_phase.{kind}").read_bytes(),
                             (self.folder / f"theirs/two_phase.{kind}").read_bytes(), kind)

    def test_modules_in_the_current_folder_are_not_pythons(self):
        for name in ("inspect", "numpy", "results"):
            (self.folder / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
        for path in ("", ".:", str(self.folder)):
            self.shell('"$FIGURE" "$RUN" --out out', PYTHONPATH=path)
        self.assert_written("two_phase")

    def test_readers_that_go_away_and_descriptors_that_are_closed(self):
        for ending in ("2>&1 | head -c 1 >&2", "<&- >&- 2>&-", "2>/dev/full"):
            self.shell(f'"$FIGURE" "$RUN" --out out {ending}')
            self.assert_written("two_phase")
            for path in (self.folder / "out").iterdir():
                path.unlink()

    def test_output_that_is_full_is_said(self):
        done = self.shell('"$FIGURE" "$RUN" --out out >/dev/full', status=4)
        self.assertEqual(done.stderr, b"cannot write to standard output: No space left on device.\n")
        self.assert_written("two_phase")
        self.shell('"$FIGURE" --help >/dev/full', status=4)

    def test_every_script_is_a_command(self):
        for script in sorted(PLOTS.glob("*.py")):
            if os.access(script, os.X_OK):
                done = self.shell('"$FIGURE" --help', FIGURE=str(script))
                self.assertIn(f"plots/{script.name} RUN_DIR".encode(), done.stdout)

    def test_an_isolated_interpreter_finds_their_modules(self):
        for option in ("-I", "-P"):
            done = self.shell(f'"$PYTHON" {option} "$FIGURE" --help', PYTHON=sys.executable)
            self.assertIn(b"plots/two_phase.py RUN_DIR", done.stdout)

    def test_an_interruption_ends_without_a_word(self):
        program = (f"import sys; sys.path.insert(0, {str(PLOTS)!r}); import interpreter, os, signal, time; "
                   "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")
        done = self.shell('exec "$PYTHON" -c "$PROGRAM"', status=130, PYTHON=sys.executable, PROGRAM=program)
        self.assertEqual(done.stderr, b"")

class Sentences(DrawingTest):
    def assert_one_sentence(self, run, status, part, *options, figure="two_phase"):
        done = self.draw(figure, *options, status=status, run=run)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(part, done.stderr)

    def test_what_is_no_run(self):
        for name in ("run", "begun"):
            write_run(self.folder / name, LOSSES)
            (self.folder / name / "experiment.toml").write_text("")
        (self.folder / "begun/metrics.csv").unlink()
        (self.folder / "nothing").mkdir()
        for run, part in (("none", "not a folder"), ("nothing", "neither"), ("begun", "is empty"), ("run", "is empty")):
            self.assert_one_sentence(run, 4, part)

    def test_wrong_use(self):
        write_run(self.folder / "run", LOSSES)
        self.assert_one_sentence("run", 2, "--help", "--nonsense")
        self.assert_one_sentence("run", 2, "~/x", "--out", "~/x")
        self.assert_one_sentence("run", 2, "single run", "--only", "seed=1")
        self.assert_one_sentence("run", 2, "1,1", "--plane", "1,1", figure="trajectories")
        self.assert_one_sentence("run", 2, "'0'", "--particles", "0", figure="trajectories")

    def test_a_folder_that_cannot_be_written(self):
        write_run(self.folder / "run", LOSSES)
        (self.folder / "out").write_text("")
        done = self.draw("two_phase", status=4)
        self.assertRegex(done.stderr, "^cannot write .*two_phase.png: .*--out FOLDER")


class Unfinished(DrawingTest):
    def test_of_a_sweep_those_that_ended_are_drawn_and_counted(self):
        runs = [(f"seed={seed}", "", seed, {"columns": LOSSES}) for seed in range(1, 5)]
        write_runs(self.folder / "run", ["seed"], runs)
        (self.folder / "run/experiment.toml").write_text("[sweep]\nseed = [1, 2, 3, 4, 5, 6]\n")
        (self.folder / "run/seed=4/summary.json").write_text('{"ending": "interrupted"}')
        done = self.draw("two_phase")
        self.assertIn("3 of 6 runs", done.stderr)
        svg = (self.folder / "out/two_phase.svg").read_text()
        self.assertIn("3 of 6 runs", svg)
        self.assertIn("each of 3 seeds", svg)

    def test_a_single_run_is_marked(self):
        write_run(self.folder / "run", LOSSES)
        (self.folder / "run/summary.json").write_text('{"ending": "running"}')
        experiment = self.folder / "run/experiment.toml"
        experiment.write_text(experiment.read_text().replace("steps = 50", "steps = 500"))
        self.assertIn("not finished: step 100 of 1000", self.draw("two_phase").stderr)
        self.assertIn("not finished: step 100 of 1000", (self.folder / "out/two_phase.svg").read_text())

    def test_a_sweep_without_a_finished_run_is_refused(self):
        (self.folder / "run").mkdir()
        (self.folder / "run/experiment.toml").write_text("[sweep]\nseed = [1, 2]\n")
        self.assert_refuses("two_phase", "0 of 2 runs")


class Alike(DrawingTest):
    def write(self, experiments, keys=("seed",)):
        runs = [(f"run{index}", "", *values, {"columns": {**LOSSES, "movement_relative": 1}, "experiment": text})
                for index, (values, text) in enumerate(experiments)]
        write_runs(self.folder / "run", keys, runs)

    def test_seeds_of_different_tasks_are_not_pooled(self):
        text = "seed = {seed}\n[task]\nsparsity = {sparsity}\n[network]\nwidth = 4\n[[phase]]\nname = 'x'\n"
        self.write([([seed], text.format(seed=seed, sparsity=seed)) for seed in (1, 2)])
        self.assert_refuses("two_phase", "task.sparsity")
        self.assert_refuses("ntk_vs_mean_field", "task.sparsity")

    def test_values_of_another_key_are_not_seeds(self):
        text = "[network]\nwidth = {width}\nalpha = {alpha}\n"
        self.write([([alpha, width], text.format(width=width, alpha=alpha)) for alpha in (1, 10) for width in (4, 8)],
                   keys=("network.alpha", "network.width"))
        self.assert_refuses("lazy_to_rich", "network.width", "--only")
        self.draw("lazy_to_rich", "--only", "network.width=8")
        self.assert_refuses_only("network.width=9", "4, 8")

    def assert_refuses_only(self, choice, there):
        done = self.draw("lazy_to_rich", "--only", choice, status=2)
        self.assertIn(there, done.stderr)

    def test_what_follows_from_the_axis_may_differ(self):
        def run(samples, batch):
            config = {"task": {"num_train": samples}, "phase": [{"batch_size": batch}]}
            made = results.Run("x")
            made.config = config
            return made

        series.require_alike([run(8, 2), run(27, 3)], "it", ["task.num_train"])
        with self.assertRaisesRegex(results.Error, "task.num_train, phase.0.batch_size"):
            series.require_alike([run(8, 2), run(27, 3)], "it")

    def test_more_cases_than_can_be_told_apart(self):
        runs = [(f"case{number}", f"case{number}", {"columns": LOSSES}) for number in range(6)]
        write_runs(self.folder / "run", [], runs)
        for figure in ("two_phase", "ntk_vs_mean_field"):
            self.assert_refuses(figure, "at most 5", "--only")
        self.draw("two_phase", "--only", "case=case1", "--only", "case=case5")


class Numbers(DrawingTest):
    def test_losses_that_are_no_numbers(self):
        for name, values in (("nan", np.nan), ("zero", 0.0), ("inf", np.where(STEPS > 50, np.inf, 1))):
            write_run(self.folder / name / "run", {"train_loss": values, "test_loss": values})
            self.folder = self.folder / name
            self.draw("ntk_vs_mean_field")
            self.draw("two_phase")
            self.folder = self.folder.parent

    def test_numbers_that_have_no_axis_are_refused(self):
        write_run(self.folder / "run", LOSSES, frames=np.full((2, 1, 3), [1, 1.75e308, 0]))
        self.assert_refuses("trajectories", "cannot draw")

    def test_one_row(self):
        write_run(self.folder / "run", {**LOSSES, "movement_mean": 0}, frames=np.ones((1, 1, 3)))
        path = self.folder / "run/metrics.csv"
        path.write_text("\n".join(path.read_text().split("\n")[:3]) + "\n")
        for figure in ("two_phase", "ntk_vs_mean_field", "trajectories"):
            self.draw(figure)

    def test_what_has_reached_success(self):
        write_run(self.folder / "run", {**LOSSES, "teacher_cosine_1": np.linspace(0, 1, 11)})
        run = results.load(self.folder / "run")
        self.assertTrue(two_phase.judge(run)["success"] is False)  # 4.5 decades
        run.config["phase"].pop()
        self.assertIsNone(two_phase.judge(run)["success"])  # one phase
        write_run(self.folder / "other", LOSSES)
        self.assertIsNone(two_phase.judge(results.load(self.folder / "other"))["success"])  # no teacher
        self.assertEqual(two_phase.decades_of(0.0, 1.0), np.inf)
        self.assertTrue(np.isnan(two_phase.decades_of(np.nan, 1.0)))

    def test_names_that_are_formulas_or_hidden_or_long(self):
        content = {"columns": LOSSES, "frames": np.ones((2, 3, 3))}
        runs = [(name, name, content) for name in ("_hidden", "n" * 150)]
        write_runs(self.folder / "run", [], runs)
        for figure in ("two_phase", "ntk_vs_mean_field", "trajectories"):
            self.draw(figure)
            self.assertIn("_hidden", (self.folder / f"out/{figure}.svg").read_text())
        self.assertEqual(words.in_figure("a$b^{"), r"a\$b^{")
        self.assertEqual(words.printable("\x1b[2J\udcf6\u2028é"), r"\x1b[2J\xf6\xe2\x80\xa8é")


class Planes(unittest.TestCase):
    TEACHERS = np.array([[2.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 3]])

    def test_of_teachers_directions_and_inputs(self):
        data = {"teacher_directions": self.TEACHERS, "relevant_subspace": np.eye(4)[:, [3, 0, 1]]}
        chosen = plane.of(data, 4)
        np.testing.assert_array_equal(chosen.basis, np.eye(4)[:, [3, 0]])
        np.testing.assert_array_equal(plane.of(data, 4, ("inputs", 2, 3)).basis, np.eye(4)[:, [1, 2]])
        chosen = plane.of(data, 4, (None, 1, 2))
        np.testing.assert_allclose(chosen.basis, np.eye(4)[:, [0, 1]], atol=1e-15)
        self.assertIn("across", chosen.names[1])
        self.assertNotIn("across", plane.of(data, 4, ("teachers", 1, 3)).names[1])

    def test_what_spans_no_plane_is_refused(self):
        data = {"teacher_directions": np.array([[1.0, 0, 0], [2, 0, 0], [0, 0, 0]])}
        for choice in ((None, 1, 2), ("teachers", 1, 3), ("teachers", 3, 1)):
            with self.assertRaisesRegex(results.Error, "parallel"):
                plane.of(data, 3, choice)
        with self.assertRaisesRegex(results.Error, "teacher directions is 3"):
            plane.of(data, 3, (None, 1, 4))
        with self.assertRaisesRegex(results.Error, "--plane inputs:1,2"):
            plane.of({}, 3)

    def test_a_teacher_at_a_right_angle_has_no_ray(self):
        shown = trajectories.rays(self.TEACHERS, np.eye(4)[:, :2], "case")
        np.testing.assert_allclose(shown, [[1, 0], [0.5**0.5, 0.5**0.5]])

    def test_one_input(self):
        self.assertEqual(trajectories.plane_of_one_input(["r", "w_1", "b"], "case")[0], [1, 2])
        self.assertEqual(trajectories.plane_of_one_input(["r", "w_1"], "case")[0], [1, 0])
        with self.assertRaisesRegex(results.Error, "single parameter"):
            trajectories.plane_of_one_input(["w_1"], "case")


if __name__ == "__main__":
    unittest.main()
