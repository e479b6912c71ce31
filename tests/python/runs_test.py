#!/usr/bin/env python3
"""mfld.run: what the command line does, from a file or a dictionary, in a folder or in memory."""
import os
import tomllib
import unittest

import h5py
import numpy as np

import mfld
import package
from package import SIMS, arrays, experiment, with_arrays

def shortened(name):
    """The experiment as text, without cases and sweep, and with fewer steps."""
    value = tomllib.loads((SIMS / f"{name}.toml").read_text())
    value.pop("sweep", None)
    for case in value.pop("case", [])[:1]:
        for key, item in case.items():
            if key != "name":
                value[key] = {**value.get(key, {}), **item} if isinstance(item, dict) else item
    for phase in value.get("phase", []):
        phase["steps"] = 150
    return value


class Runs(package.PackageTest):
    def test_the_bytes_of_the_command_line(self):
        for name in ("two_phase", "trajectories", "lazy_to_rich", "annealing", "overparameterised_gd"):
            with self.subTest(name):
                value = shortened(name)
                result = mfld.run(value, out=self.root / name, threads=2)
                # What a dictionary says, the run directory says as a file.
                experiment_file = self.root / f"{name}.toml"
                experiment_file.write_text((self.root / name / "experiment.toml").read_text())
                status, errors = self.program("run", experiment_file, "--out", f"{name}_program", "--quiet")
                self.assertEqual(status, 0, errors)
                for file in ("metrics.csv", "checkpoint.h5"):
                    self.assertEqual((self.root / name / file).read_bytes(),
                                     (self.root / f"{name}_program" / file).read_bytes(), file)
                memory = mfld.run(str(experiment_file), threads=1)
                self.assertEqual(list(memory.metrics), list(result.metrics))
                self.assertEqual(list(memory.metrics.dtypes), list(result.metrics.dtypes))
                self.assert_bits(memory.metrics.to_numpy(), result.metrics.to_numpy())
                self.assertEqual(memory.config, result.config)
                self.assertEqual(memory.summary["ending"], "finished")
                self.assertEqual(memory.summary["message"], result.summary["message"])

    def test_settings_are_those_of_the_command_line(self):
        path = self.root / "a.toml"
        first = mfld.run(experiment(), out=self.root / "first")
        path.write_text((self.root / "first/experiment.toml").read_text())
        changes = {"phase.0.steps": 40, "network.width": np.int64(12), "phase.0.lambda2": np.float64(0.01),
                   "observe.columns": ["train_loss", "movement_mean"], "network.neuron": "bounded-r"}
        result = mfld.run(path, set={**changes, "network.bound": 2})
        self.assertEqual(result.summary["step"], 40)
        self.assertEqual(result.setting("network.width"), 12)
        self.assertEqual(list(result.metrics)[4:], ["train_loss", "movement_mean"])
        self.assertEqual(first.summary["step"], 200)
        sentence = self.assert_refused(ValueError, lambda: mfld.run(path, set={"network.widht": 3}), "unknown key")
        self.assertEqual(self.program("run", path, "--set", "network.widht=3", "--out", "b")[1], f"mfld: {sentence}\n")

    def test_trajectory_and_predictions_are_those_of_the_files(self):
        value = experiment(observe={"every": 50, "predictions": True, "trajectory": {"particles": [4, 1], "every": 60}})
        value["phase"][0] |= {"method": "underdamped-mfld", "friction": 2.0}
        value["observe"]["trajectory"]["velocities"] = True
        memory, files = mfld.run(value), mfld.run(value, out=self.root / "out")
        for part in ("positions", "velocities", "steps", "times", "ids"):
            self.assert_bits(getattr(memory.trajectory, part), getattr(files.trajectory, part))
        self.assertEqual(memory.trajectory.names, files.trajectory.names)
        self.assertEqual(list(memory.predictions), list(files.predictions))
        self.assert_bits(memory.predictions.to_numpy(), files.predictions.to_numpy())
        self.assertEqual(sorted(memory.data), sorted(files.data))
        for name, values in files.data.items():
            self.assert_bits(memory.data[name], values)
        with h5py.File(self.root / "out/trajectory.h5") as file:  # in one process
            self.assertEqual(file["particles/neurons/position/value"].shape, memory.trajectory.positions.shape)

    def test_nothing_stays_on_the_disk(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.root)
        mfld.run(experiment())
        self.assertEqual(list(self.root.iterdir()), [])

    def test_a_sweep_is_a_directory_of_runs(self):
        value = experiment(sweep={"seed": [1, 2], "network": {"width": np.array([5, 9])}})
        self.assert_refused(ValueError, lambda: mfld.run(value), "out", "4 runs", "only")
        runs = mfld.run(value, out=self.root / "out", jobs=2)
        self.assertEqual([run.name for run in runs], ["seed=1_width=5", "seed=1_width=9", "seed=2_width=5", "seed=2_width=9"])
        alone = mfld.run(experiment(), set={"seed": 2, "network.width": 9})
        self.assert_bits(alone.metrics.to_numpy(), runs[3].metrics.to_numpy())
        self.assertEqual(len(mfld.load(self.root / "out").select({"network.width": 5})), 2)

    def test_one_run_of_a_sweep(self):
        text = SIMS / "two_phase.toml"
        short = {"phase.0.steps": 100, "phase.1.steps": 50}
        mfld.run(text, set=short, out=self.root / "all", only="seed=3")
        status, errors = self.program("run", text, "--set=phase.0.steps=100", "--set=phase.1.steps=50",
                                      "--set=sweep.seed=[3]", "--out", "one", "--quiet")
        self.assertEqual(status, 0, errors)
        self.assertEqual((self.root / "all/metrics.csv").read_bytes(),
                         (self.root / "one/seed=3/metrics.csv").read_bytes())
        self.assertEqual(mfld.Simulation(text, set={"sweep.seed": [3]}).num_steps, 28000)
        self.assert_refused(ValueError, lambda: mfld.run(text, only="seed=9"), "only = \"seed=9\"", "such as seed=1")

    def test_kernel_regression(self):
        value = experiment(phase=[{"method": "kernel-regression", "kernel": "tangent", "ridge": 0.01}])
        value["observe"] = {"predictions": True}
        memory, files = mfld.run(value), mfld.run(value, out=self.root / "out")
        self.assert_bits(memory.metrics.to_numpy(), files.metrics.to_numpy())
        self.assert_bits(memory.predictions.to_numpy(), files.predictions.to_numpy())

    def test_one_that_diverges_is_a_result(self):
        result = mfld.run(experiment(), set={"phase.0.step_size": 1e200})
        self.assertEqual(result.summary["ending"], "diverged")
        self.assertIn("diverged at step", result.summary["message"])

    def test_progress(self):
        told = []
        mfld.run(experiment(phase__0__steps=2000), progress=told.append)
        self.assertEqual(told[-1]["step"], 2000)
        self.assertEqual(sorted(told[-1]), ["num_steps", "seconds_left", "step", "steps_per_second", "train_loss"])
        script = "import mfld; mfld.run({!r}, progress={!r})"
        self.assertEqual(self.python(script.format(experiment(), None)).stderr, "")
        self.assertIn("step 200/200", self.python(script.format(experiment(), True)).stderr)

    def test_what_a_progress_function_raises_passes_through(self):
        def stop(progress):
            raise LookupError("enough")
        with self.assertRaisesRegex(LookupError, "enough"):
            mfld.run(experiment(phase__0__steps=10**7), progress=stop, out=self.root / "out")
        self.assertEqual(mfld.load(self.root / "out").summary["ending"], "interrupted")


class Arrays(package.PackageTest):
    def test_are_the_data_that_a_file_would_be(self):
        X, y = arrays()
        np.save(self.root / "data.npy", np.column_stack([X, y]))
        in_file = experiment(task={"kind": "file", "path": str(self.root / "data.npy"), "test_fraction": 0.0})
        self.assert_bits(mfld.run(with_arrays(X, y)).metrics["train_loss"], mfld.run(in_file).metrics["train_loss"])

    def test_of_any_order_and_number_are_the_same(self):
        X, y = arrays()
        usual = mfld.run(with_arrays(X, y)).metrics.to_numpy()
        wide = np.zeros((80, 6))
        wide[::2, ::2] = X
        for other in (np.asfortranarray(X), wide[::2, ::2], X.tolist(), X.astype(">f8")):
            self.assert_bits(mfld.run(with_arrays(other, y[:, None])).metrics.to_numpy(), usual)
        counts = np.arange(12).reshape(4, 3)
        self.assert_bits(mfld.run(with_arrays(counts, [0, 1, 0, 1])).data["train_inputs"], counts.astype(float))

    def test_test_samples(self):
        X, y = arrays()
        value = with_arrays(X[:30], y[:30])
        value["task"] |= {"test_inputs": X[30:], "test_targets": y[30:]}
        result = mfld.run(value, set={"observe.predictions": True})
        self.assertIn("test_loss", result.metrics)
        self.assert_bits(result.predictions["target"], y[30:])

    def test_in_a_sweep_and_by_set(self):
        X, y = arrays()
        value = with_arrays(X, y, sweep={"seed": [1, 2]})
        runs = mfld.run(value, out=self.root / "out")
        again = mfld.run(experiment(), set={"task": {"kind": "arrays", "train_inputs": X, "train_targets": y}, "seed": 2})
        self.assert_bits(runs[1].metrics.to_numpy(), again.metrics.to_numpy())

    def test_first_particles(self):
        sim = mfld.Simulation(experiment())
        theta = sim.particles.copy() * 0.5
        own = mfld.Simulation(experiment(network__init={"particles": theta}))
        self.assert_bits(own.particles, np.asfortranarray(theta))
        sentence = self.assert_refused(
            ValueError, lambda: mfld.Simulation(experiment(network__init={"particles": theta[:, :3]})),
            "network.init.particles", "30 rows and 6 columns")
        self.assertIn("30 x 3", sentence)
        self.assert_refused(ValueError, lambda: mfld.run(experiment(network__init={"particles": theta, "input_std": 2.0})),
                            "network.init.input_std = 2", "left out")
        signs = np.ones((30, 6))
        signs[3, 0] = 0.5
        value = experiment(network__neuron="fixed-sign", network__bias=True, network__init={"particles": signs})
        self.assert_refused(ValueError, lambda: mfld.run(value), "-1 or +1")

    def test_the_run_says_which_they_were_and_needs_them(self):
        X, y = arrays()
        mfld.run(with_arrays(X, y), out=self.root / "out")
        text = mfld.load(self.root / "out").setting("task.train_inputs")
        self.assertRegex(text, r"^40 x 3 numbers, [0-9a-f]{16}$")
        X[0, 0] += 1
        self.assertNotEqual(mfld.run(with_arrays(X, y)).setting("task.train_inputs"), text)
        status, errors = self.program("run", self.root / "out/experiment.toml", "--out", "b")
        self.assertEqual(status, 2)
        self.assertIn("is no array here", errors)

    def test_what_is_wrong_with_them(self):
        X, y = arrays()
        bad = X.copy()
        bad[7, 2] = np.nan
        infinite = y.copy()
        infinite[5] = np.inf
        for inputs, targets, *parts in (
            (bad, y, "task.train_inputs", "row 7, column 2 (from 0) is nan"),
            (X, infinite, "task.train_targets", "row 5 (from 0) is inf"),
            (X, y[:-1], "task.train_targets", "one number a row of the inputs, which are 40 x 3"),
            (X[None], y, "task.train_inputs", "shape (1, 40, 3)"),
            (X.astype(complex), y, "task.train_inputs", "complex128"),
            (X.astype(object), y, "task.train_inputs", "object"),
            (np.full(X.shape, "a"), y, "task.train_inputs", "<U1"),
            (X[:0], y[:0], "task.train_inputs", "a row and a column"),
            (None, y, "task.train_inputs", "object"),
        ):
            with self.subTest(parts=parts):
                self.assert_refused(ValueError, lambda: mfld.run(with_arrays(inputs, targets)), *parts)  # noqa: B023


class Refusals(package.PackageTest):
    def test_dictionaries(self):
        for value, *parts in (
            (experiment(network__widht=3), "unknown key network.widht", "network.width"),
            (experiment(network__width="many"), "network.width = \"many\""),
            (experiment(network__width=None), "network.width: is of type NoneType"),
            (experiment(seed=10**30), "seed: is an integer of more than 64 bits"),
            (experiment(network={3: 4}), "network", "must be strings"),
            ({}, "seed: is missing"),
            ([1], "the experiment is of type list"),
        ):
            with self.subTest(parts=parts):
                self.assert_refused(ValueError, lambda: mfld.run(value), *parts)  # noqa: B023

    def test_files_and_folders(self):
        self.assert_refused(OSError, lambda: mfld.run(self.root / "none.toml"), "none.toml")
        (self.root / "full").mkdir()
        (self.root / "full/x").write_text("")
        self.assert_refused(ValueError, lambda: mfld.run(experiment(), out=self.root / "full"), "full")
        self.assert_refused(OSError, lambda: mfld.load(self.root / "none"), "none is not a folder")
        self.assert_refused(OSError, lambda: mfld.run(experiment(), out=self.root / "full/x/y"), "full/x")

    def test_arguments(self):
        for threads in (0, 5000, "two", 1.5):
            self.assert_refused(ValueError, lambda: mfld.run(experiment(), threads=threads), "threads")  # noqa: B023
        self.assert_refused(ValueError, lambda: mfld.run(experiment(), progress=3), "progress")


if __name__ == "__main__":
    unittest.main()
