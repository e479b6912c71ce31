#!/usr/bin/env python3
"""mfld.results reads back what the C++ writer wrote, and says in one sentence what is missing.

The first class needs the program that writes a sample: MFLD_SAMPLE_RUN=<build>/tests/plots_sample_run.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PLOTS = pathlib.Path(__file__).resolve().parents[2] / "plots"
sys.path.insert(0, str(PLOTS))
import interpreter  # noqa: E402, F401  (may start the file over)

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from mfld import results  # noqa: E402

METRICS = "# a comment\nstep,phase,time,gradient_evaluations,train_loss\n"


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mfld-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def assert_refused(self, action, *parts):
        with self.assertRaises(results.Error) as caught:
            action()
        sentence = str(caught.exception)
        for part in parts:
            self.assertIn(part, sentence)
        self.assertEqual(sentence.count("\n"), 0, sentence)
        self.assertTrue(sentence.endswith("."), sentence)


class Import(unittest.TestCase):
    def test_the_folder_of_scripts_has_the_same_reader(self):
        program = f"import sys; sys.path.insert(0, {str(PLOTS)!r}); import results, mfld; print(results is mfld.results)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={}, check=True)
        self.assertEqual(done.stdout, "True\n")


class WrittenByTheProgram(Folder):
    def setUp(self):
        super().setUp()
        self.assertIn("MFLD_SAMPLE_RUN", os.environ, "set it to the program plots_sample_run of the build")
        subprocess.run([os.environ["MFLD_SAMPLE_RUN"], self.folder / "out"], check=True)
        self.run_ = results.load(self.folder / "out")

    def test_one_run(self):
        self.assertIsInstance(self.run_, results.Run)
        self.assertEqual((self.run_.name, self.run_.case, self.run_.keys), ("out", "", {}))

    def test_config(self):
        self.assertEqual(self.run_.config["network"]["width"], 8)
        self.assertEqual(self.run_.config["phase"], [{"method": "mfld", "step_size": 1e-3}])

    def test_metrics_bit_for_bit(self):
        metrics = self.run_.metrics
        self.assertEqual(
            list(metrics), ["step", "phase", "time", "gradient_evaluations", "train_loss", "teacher_cosine_1"]
        )
        self.assertEqual(metrics["step"].tolist(), [0, 1, 10])
        self.assertEqual(metrics["gradient_evaluations"].dtype, np.int64)
        np.testing.assert_array_equal(metrics["train_loss"], [1, 0.1 + 0.2, np.inf])
        np.testing.assert_array_equal(metrics["teacher_cosine_1"], [0, 5e-324, np.nan])
        self.assertTrue(np.signbit(metrics["teacher_cosine_1"][0]))

    def test_summary_is_json(self):
        summary = self.run_.summary
        self.assertEqual(summary["ending"], "diverged")
        self.assertEqual(summary["message"], 'a "quote" \\ and\ttab, é, \ufffd')
        self.assertEqual((summary["step"], summary["time"], summary["first_bad_particle"]), (10, 0.1, 4))
        self.assertEqual(summary["wall_seconds"], 2)
        self.assertEqual(summary["wall_seconds_by_part"], {"step": 1e-7, "outputs": 0, "observe": 0, "write": 0})
        self.assertEqual(summary["final"], {"train_loss": None, "teacher_cosine_1": 0.1 + 0.2})

    def test_trajectory(self):
        trajectory = self.run_.trajectory
        frame, particle, parameter = np.ogrid[:2, :3, :4]
        np.testing.assert_array_equal(trajectory.positions, 100 * frame + 10 * particle + parameter)
        np.testing.assert_array_equal(trajectory.velocities, -trajectory.positions)
        self.assertEqual(trajectory.steps.tolist(), [0, 10])
        self.assertEqual(trajectory.times.tolist(), [0, 0.5])
        self.assertEqual(trajectory.ids.tolist(), [0, 3, 5])
        self.assertEqual(trajectory.names, ["r", "w_1", "w_2", "b"])

    def test_data(self):
        data = self.run_.data
        self.assertEqual(
            set(data), {"train_inputs", "train_targets", "test_inputs", "test_targets", "relevant_subspace"}
        )
        np.testing.assert_array_equal(data["train_inputs"], np.full((6, 2), 0.5))
        np.testing.assert_array_equal(data["train_targets"], np.arange(6))
        np.testing.assert_array_equal(data["relevant_subspace"], [[0.6], [0.8]])
        self.assertEqual(data["test_inputs"].shape, (0, 2))

    def test_predictions_bit_for_bit(self):
        predictions = self.run_.predictions
        self.assertEqual(list(predictions), ["x_1", "x_2", "target", "output", "std"])
        np.testing.assert_array_equal(predictions[["x_1", "x_2"]], [[0.1 + 0.2, -1], [1e-300, 2]])
        np.testing.assert_array_equal(predictions["target"], [1, -1])
        np.testing.assert_array_equal(predictions["output"], [0.1, -np.inf])
        np.testing.assert_array_equal(predictions["std"], [5e-324, np.nan])

    def test_trajectory_file_is_h5md(self):
        # What version 1.1 of the format demands of every file, and of a group of particles.
        with h5py.File(self.folder / "out/trajectory.h5") as file:
            self.assertEqual(file["h5md"].attrs["version"].tolist(), [1, 1])
            self.assertIn("name", file["h5md/author"].attrs)
            self.assertEqual(_text(file["h5md/creator"].attrs["name"]), "mfld")
            self.assertRegex(_text(file["h5md/creator"].attrs["version"]), r"^\d+\.\d+\.\d+$")
            neurons = file["particles/neurons"]
            self.assertEqual(neurons["box"].attrs["dimension"], 4)
            self.assertEqual([_text(wall) for wall in neurons["box"].attrs["boundary"]], ["none"] * 4)
            position = neurons["position"]
            self.assertEqual(position["value"].maxshape, (None, 3, 4))
            self.assertEqual((position["step"].maxshape, position["time"].maxshape), ((None,), (None,)))
            self.assertEqual(position["step"].dtype, np.int64)
            velocity = neurons["velocity"]
            self.assertEqual(velocity["value"].maxshape, (None, 3, 4))
            self.assertEqual((velocity["step"], velocity["time"]), (position["step"], position["time"]))  # one object
            self.assertEqual(len(neurons["id"]), position["value"].shape[1])
            self.assertEqual(_text(file["data"].attrs["description"]), "y = x, é")
            self.assertEqual(file["parameters"].attrs["step_size"], 1e-3)

    def test_checkpoint_is_hdf5(self):
        with h5py.File(self.folder / "out/checkpoint.h5") as file:
            self.assertEqual(file.attrs["format_version"], 2)
            self.assertEqual(file.attrs["experiment_hash"], 2**64 - 1)
            np.testing.assert_array_equal(file["particles"], np.full((3, 4), 2.0))


class MadeByHand(Folder):
    def write_run(self, path, rows):
        path.mkdir(parents=True)
        (path / "metrics.csv").write_text(METRICS + "".join(f"{step},0,{step / 10},0,{loss}\n" for step, loss in rows))
        (path / "experiment.toml").write_text("seed = 1\n")
        (path / "summary.json").write_text('{"ending": "finished"}')

    def write_sweep(self):
        lines = ["run,case,network.width,seed,ending,step,wall_seconds,train_loss"]
        for case in ("mean-field", "ntk"):
            for width in (64, 256):
                for seed in (1, 2, 3):
                    name = f"{case}_width={width}_seed={seed}"
                    self.write_run(self.folder / name, [(0, 1), (10, seed * width), (20 + seed, 0.5)])
                    lines.append(f"{name},{case},{width},{seed},finished,20,0.1,nan")
        (self.folder / "index.csv").write_text("\n".join(lines) + "\n")
        return results.load(self.folder)

    def test_a_row_being_written_is_left_out(self):
        self.write_run(self.folder / "out", [(0, 1.5), (1, 1.25)])
        with open(self.folder / "out/metrics.csv", "a", encoding="utf-8") as file:
            file.write("2,0,0.2,0,1")
        self.assertEqual(results.load(self.folder / "out").metrics["train_loss"].tolist(), [1.5, 1.25])

    def test_no_rows_yet(self):
        self.write_run(self.folder / "out", [])
        (self.folder / "out/summary.json").unlink()
        run = results.load(self.folder / "out")
        self.assertEqual((len(run.metrics), run.summary, run.trajectory, run.data), (0, {}, None, None))
        self.assertIsNone(run.predictions)

    def test_frames_are_those_that_all_parts_hold(self):
        self.write_run(self.folder / "out", [])
        with h5py.File(self.folder / "out/trajectory.h5", "w") as file:
            file["particles/neurons/position/value"] = np.zeros((3, 2, 4))
            file["particles/neurons/position/step"] = np.arange(3)
            file["particles/neurons/position/time"] = np.arange(2.0)
        trajectory = results.load(self.folder / "out").trajectory
        self.assertEqual(
            (trajectory.positions.shape, len(trajectory.steps), len(trajectory.times)), ((2, 2, 4), 2, 2)
        )
        self.assertIsNone(trajectory.velocities)

    def test_sweep(self):
        runs = self.write_sweep()
        self.assertEqual(len(runs), 12)
        self.assertEqual((runs.cases, runs.keys), (["mean-field", "ntk"], ["network.width", "seed"]))
        self.assertEqual(runs.values("network.width"), [64, 256])
        self.assertEqual(runs[0].name, "mean-field_width=64_seed=1")
        self.assertEqual(runs[0].keys, {"network.width": 64, "seed": 1})
        self.assertEqual(runs[-1].metrics["train_loss"].tolist(), [1, 768, 0.5])
        self.assertEqual([run.name for run in runs[:2]], [runs[0].name, runs[1].name])

    def test_select(self):
        runs = self.write_sweep()
        self.assertEqual(len(runs.select(case="ntk")), 6)
        chosen = runs.select({"network.width": 256}, case="ntk")
        self.assertEqual([run.name for run in chosen], [f"ntk_width=256_seed={seed}" for seed in (1, 2, 3)])
        self.assertEqual(len(chosen.select({"seed": 2})), 1)
        self.assert_refused(lambda: runs.select({"network.width": 65}), "network.width = 65")
        self.assert_refused(lambda: runs.select({"width": 64}), "width", "network.width, seed")
        self.assert_refused(lambda: runs.select(case="nkt"), "case nkt")

    def test_aggregate_over_common_steps(self):
        band = self.write_sweep().select({"network.width": 64}, case="ntk").aggregate("train_loss")
        self.assertEqual(band.index.tolist(), [0, 10])
        self.assertEqual(band["time"].tolist(), [0, 1])
        self.assertEqual(band.loc[10, ["median", "low", "high"]].tolist(), [128, 96, 160])
        self.assertEqual(band.loc[0, ["median", "low", "high"]].tolist(), [1, 1, 1])

    def test_aggregate_says_what_is_missing(self):
        runs = self.write_sweep()
        self.assert_refused(lambda: runs.aggregate("test_loss"), "metrics.csv", "test_loss", "train_loss")
        self.write_run(self.folder / "other", [(5, 1)])
        apart = results.Runs([runs[0], results.load(self.folder / "other")])
        self.assert_refused(lambda: apart.aggregate("train_loss"), "no recorded step in common")

    def test_missing_parts(self):
        self.assert_refused(lambda: results.load(self.folder / "none"), "none is not a folder")
        self.assert_refused(lambda: results.load(self.folder), "neither metrics.csv nor index.csv")
        self.write_run(self.folder / "out", [])
        run = results.load(self.folder / "out")
        (run.path / "experiment.toml").unlink()
        self.assert_refused(lambda: run.config, "experiment.toml", "No such file")
        with h5py.File(run.path / "trajectory.h5", "w"):
            pass
        self.assert_refused(lambda: run.trajectory.positions, "trajectory.h5 has no /particles/neurons/position")
        self.assert_refused(lambda: run.data, "has no /data")

    def test_damaged_parts(self):
        self.write_run(self.folder / "out", [(0, "x")])
        for name, text in (("experiment.toml", "seed ="), ("summary.json", "{"), ("trajectory.h5", "text")):
            (self.folder / "out" / name).write_text(text)
        run = results.load(self.folder / "out")
        self.assert_refused(lambda: run.metrics, "metrics.csv is damaged")
        self.assert_refused(lambda: run.config, "experiment.toml is not valid TOML")
        self.assert_refused(lambda: run.summary, "summary.json is not valid JSON")
        self.assert_refused(lambda: run.trajectory.steps, "cannot read", "trajectory.h5")
        (run.path / "metrics.csv").write_text("# only a comment\n")
        self.assert_refused(lambda: results.load(run.path).metrics, "no line with the names")
        for text, part in (("target,output\n1,x\n", "damaged"), ("1,2\n", "no line with the names"), ("", "no line")):
            (run.path / "predictions.csv").write_text(text)
            self.assert_refused(lambda: results.load(run.path).predictions, "predictions.csv", part)

    def test_index_names_a_run_that_is_not_there(self):
        self.write_sweep()
        shutil.rmtree(self.folder / "ntk_width=64_seed=1")
        self.assert_refused(lambda: results.load(self.folder), "index.csv lists the run ntk_width=64_seed=1")

    def test_an_error_is_an_ordinary_exception(self):
        self.assertTrue(issubclass(results.Error, Exception))
        self.assertFalse(issubclass(results.Error, SystemExit))

    def test_only_a_newline_ends_a_line(self):
        odd = "\r \x0b \x0c \x1c \x85 \u2028 \x1b[2J \0".encode() + b"\xf6"
        self.write_run(self.folder / "out", [(0, 1.5), (1, 1.25)])
        for name in ("metrics.csv", "experiment.toml", "predictions.csv"):
            path = self.folder / "out" / name
            rest = path.read_bytes() if path.exists() else b"target,output\n1,2\n"
            path.write_bytes(b"# data: " + odd + b"\n# " + odd + b"\n" + rest)
        run = results.load(self.folder / "out")
        self.assertEqual(run.metrics["train_loss"].tolist(), [1.5, 1.25])
        self.assertEqual(run.predictions["output"].tolist(), [2])
        self.assertEqual(run.config, {"seed": 1})

    def test_fields_of_the_index_are_quoted_where_they_must_be(self):
        values = ['plain', '"a, b"', '"say ""so"""', '"two\nlines"', 'carriage\rreturn', '1e-3', 'true', '-7', '""""']
        rows = []
        for number, value in enumerate(values):
            self.write_run(self.folder / f"r{number}", [(0, 1)])
            rows.append(f"r{number},,{value},finished,0,0,nan\n")
        (self.folder / "index.csv").write_bytes(
            ("run,case,task.path,ending,step,wall_seconds,train_loss\n" + "".join(rows)).encode())
        read = [run.keys["task.path"] for run in results.load(self.folder)]
        self.assertEqual(read, ["plain", "a, b", 'say "so"', "two\nlines", "carriage\rreturn", 1e-3, True, -7, '"'])

    def test_a_row_that_lost_fields_is_damage(self):
        self.write_run(self.folder / "out", [(0, 1.5)])
        with open(self.folder / "out/metrics.csv", "a", encoding="utf-8") as file:
            file.write("1,0,0.1\n2,0,0.2,0,1\n")
        self.assert_refused(lambda: results.load(self.folder / "out").metrics, "metrics.csv is damaged", "row 2")
        self.write_sweep()
        with open(self.folder / "index.csv", "a", encoding="utf-8") as file:
            file.write("more,ntk\n")
        self.assert_refused(lambda: results.load(self.folder), "index.csv is damaged", "row 13")

    def test_how_many_runs_a_sweep_has(self):
        self.assertIsNone(self.write_sweep().planned)
        (self.folder / "experiment.toml").write_text(
            '# paths start at /\n[sweep]\nseed = [1, 2, 3]\nnetwork.width = [64, 256]\n'
            '[[case]]\nname = "mean-field"\n[[case]]\nname = "ntk"\n')
        self.assertEqual(results.load(self.folder).planned, 12)
        (self.folder / "index.csv").unlink()
        stopped = results.load(self.folder)
        self.assertEqual((len(stopped), stopped.planned), (0, 12))

    def test_whether_a_run_has_ended(self):
        self.write_run(self.folder / "out", [(0, 1), (7, 1)])
        for ending, ended in (("finished", True), ("diverged", True), ("interrupted", False), ("running", False)):
            (self.folder / "out/summary.json").write_text(json.dumps({"ending": ending}))
            self.assertEqual(results.load(self.folder / "out").ended, ended)
        (self.folder / "out/summary.json").unlink()
        (self.folder / "out/experiment.toml").write_text("[[phase]]\nsteps = 30\n[[phase]]\nsteps = 10\n")
        run = results.load(self.folder / "out")
        self.assertEqual((run.ended, run.progress), (False, "step 7 of 40"))

    def test_outputs_of_replicas_and_their_variance(self):
        rows = {"out_a": [1, 2], "out_b": [2, 4], "out_c": [3, 6]}
        for name, outputs in rows.items():
            self.write_run(self.folder / name, [(0, 1)])
            text = "x_1,target,output\n" + "".join(f"{x},0,{value}\n" for x, value in enumerate(outputs))
            (self.folder / name / "predictions.csv").write_text(text)
        runs = results.Runs([results.load(self.folder / name) for name in rows], self.folder)
        self.assertEqual(runs.outputs().tolist(), list(rows.values()))
        self.assertEqual(runs.variance_of_outputs().value, 2.5)
        self.assert_refused(runs[:2].variance_of_outputs, "three replicas")
        (self.folder / "out_c/predictions.csv").write_text("x_1,target,output\n5,0,1\n1,0,1\n")
        changed = results.Runs([results.load(self.folder / name) for name in rows], self.folder)
        self.assert_refused(changed.outputs, "out_c", "test inputs")
        (self.folder / "out_b/predictions.csv").unlink()
        missing = results.Runs([results.load(self.folder / name) for name in rows], self.folder)
        self.assert_refused(missing.outputs, "out_b", "observe.predictions")

    def test_what_is_nested_too_deep_or_of_another_type_is_damage(self):
        self.write_run(self.folder / "out", [(0, 1)])
        for name, text in (("summary.json", "[" * 100000), ("summary.json", "[1]"), ("experiment.toml", ""),
                           ("experiment.toml", "x = " + "[" * 100000)):
            (self.folder / "out" / name).write_text(text)
            part = "summary" if name == "summary.json" else "config"
            self.assert_refused(lambda part=part: getattr(results.load(self.folder / "out"), part), name)
        (self.folder / "out/experiment.toml").write_text("network = 3\n")
        self.assert_refused(lambda: results.load(self.folder / "out").setting("network.width"), "no network.width")


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
    unittest.main()
