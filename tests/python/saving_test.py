#!/usr/bin/env python3
"""Simulations that are saved, resumed, and changed between their steps."""
import unittest

import numpy as np

import mfld
import package
from own_parts_test import Quadratic, Squared, course
from package import arrays, experiment, with_arrays

METHODS = {
    "mfld": {},
    "svrg-mfld": {"batch_size": 4, "snapshot_every": 7},
    "underdamped-mfld": {"friction": 1.0},
    "averaged-sgd": {"batch_size": 1, "steps": 50, "lambda2": None},
}


def with_method(method, keys, **changes):
    value = experiment(observe={"every": 10, "trajectory": {"particles": 3, "every": 25}}, **changes)
    value["phase"][0] |= {"method": method, "steps": 90} | keys
    value["phase"][0] = {key: item for key, item in value["phase"][0].items() if item is not None}
    value["phase"].append({"method": "gd", "steps": 20, "step_size": 0.1})
    return value


class Saving(package.PackageTest):
    def test_goes_on_to_the_same_bits(self):
        for method, keys in METHODS.items():
            for precision in ("double", "single"):
                with self.subTest(method, precision=precision):
                    value = with_method(method, keys, network__precision=precision)
                    whole, first = mfld.Simulation(value), mfld.Simulation(value)
                    whole.run()
                    first.run(37)
                    folder = self.root / f"{method}_{precision}"
                    first.save(folder)
                    first.run()
                    resumed = mfld.resume(folder, threads=2)
                    self.assertEqual((resumed.step, resumed.phase, resumed.time), (37, 0, resumed.time))
                    resumed.run(5)
                    resumed.run()
                    for sim in (first, resumed):
                        self.assert_bits(sim.particles, whole.particles)
                        self.assert_bits(sim.metrics.to_numpy(), whole.metrics.to_numpy())
                    self.assert_bits(resumed.result().trajectory.positions, whole.result().trajectory.positions)

    def test_is_a_run_directory_that_the_command_line_goes_on_with(self):
        for name, steps in (("middle", 37), ("start", 0), ("end", 110), ("border", 90)):
            with self.subTest(name):
                value = with_method("mfld", {})
                value["observe"]["predictions"] = True
                whole = mfld.run(value, out=self.root / f"{name}_whole")
                sim = mfld.Simulation(value)
                sim.run(steps)
                sim.save(self.root / name)
                loaded = mfld.load(self.root / name)
                self.assertEqual(loaded.summary["ending"], "finished" if steps == 110 else "interrupted")
                status, errors = self.program("resume", name, "--quiet")
                self.assertEqual(status, 0, errors)
                files = ["metrics.csv", "predictions.csv"]
                files += ["checkpoint.h5", "trajectory.h5"] if steps < 110 else []
                for file in files:
                    self.assertEqual((self.root / name / file).read_bytes(), (whole.path / file).read_bytes(), file)

    def test_what_the_command_line_left_is_resumed(self):
        value = with_method("mfld", {})
        whole = mfld.run(value, out=self.root / "whole")
        value["checkpoint"] = {"every_steps": 30}
        mfld.run(value, out=self.root / "run")
        sim = mfld.resume(self.root / "run")
        self.assertEqual((sim.step, sim.run()), (110, 0))
        (self.root / "run/checkpoint.h5").unlink()
        sim = mfld.resume(self.root / "run")
        self.assertLess(sim.step, 110)
        sim.run()
        self.assert_bits(sim.metrics.to_numpy(), whole.metrics.to_numpy())

    def test_arrays_and_parts_in_python(self):
        X, y = arrays()
        value = with_arrays(X, y, phase__0__steps=40, phase__0__step_size=lambda step: 0.1 / (1 + step / 10))
        own = {"loss": Squared(), "observables": {"largest": lambda look: np.abs(look.particles).max()}}
        whole, sim = mfld.Simulation(value, **own), mfld.Simulation(value, **own)
        whole.run()
        sim.run(11)
        sim.save(self.root / "saved")
        resumed = mfld.resume(self.root / "saved", **own)
        resumed.run()
        self.assert_bits(resumed.particles, whole.particles)
        self.assert_bits(resumed.metrics.to_numpy(), whole.metrics.to_numpy())
        self.assert_refused(ValueError, lambda: mfld.resume(self.root / "saved", loss=own["loss"]), "largest")
        self.assert_refused(ValueError, lambda: mfld.resume(self.root / "saved"), "loss.kind")
        (self.root / "saved/arrays.npz").write_bytes(b"no")
        self.assert_refused(OSError, lambda: mfld.resume(self.root / "saved", **own), "arrays.npz")

    def test_of_an_objective(self):
        theta = np.random.default_rng(2).normal(size=(40, 3))
        for step in ("euler-maruyama", "leimkuhler-matthews", "kinetic"):
            with self.subTest(step):
                value = course("mfld", 60, lambda2=0.1, step=step)
                whole = mfld.Simulation(value, objective=Quadratic(), particles=theta)
                whole.run()
                sim = mfld.Simulation(value, objective=Quadratic(), particles=theta)
                sim.run(20)
                sim.save(self.root / step)
                resumed = mfld.resume(self.root / step, objective=Quadratic())
                self.assertEqual(resumed.step, 20)
                resumed.run()
                self.assert_bits(resumed.particles, whole.particles)
        self.assert_refused(OSError, lambda: mfld.resume(self.root / "nowhere", objective=Quadratic()), "nowhere")

    def test_refusals(self):
        sim = mfld.Simulation(experiment())
        sim.save(self.root / "saved")
        self.assert_refused(ValueError, lambda: sim.save(self.root / "saved"), "saved", "not empty")
        self.assert_refused(OSError, lambda: mfld.resume(self.root / "nowhere"), "nowhere")
        self.assert_refused(OSError, lambda: sim.save("/proc/nowhere"), "/proc/nowhere")
        (self.root / "saved/checkpoint.h5").write_bytes(b"no checkpoint")
        self.assert_refused(OSError, lambda: mfld.resume(self.root / "saved"), "checkpoint")
        runs = experiment(phase__0__steps=1)
        runs["sweep"] = {"seed": [1, 2]}
        mfld.run(runs, out=self.root / "runs")
        self.assert_refused(ValueError, lambda: mfld.resume(self.root / "runs"), "several runs")


class Changing(package.PackageTest):
    def test_particles_go_where_they_are_put(self):
        for precision in ("double", "single"):
            sim = mfld.Simulation(experiment(network__precision=precision))
            sim.run(20)
            view = sim.particles
            theta = np.random.default_rng(0).normal(size=view.shape)
            sim.particles = theta
            self.assert_bits(view, theta.astype(view.dtype))
            self.assertEqual(sim.step, 20)
            self.assertRegex(sim.history[0], r"^changed at step 20: particles = 30 x 6 numbers, [0-9a-f]{16}$")
            self.assertEqual(sim.result().history, sim.history)
            sim.run()
            self.assertEqual(sim.step, 200)

    def test_particles_that_are_put_where_they_are_change_nothing(self):
        plain, put = mfld.Simulation(experiment()), mfld.Simulation(experiment())
        plain.run()
        for _ in range(4):
            put.run(50)
            put.particles = put.particles.copy()
        self.assert_bits(put.particles, plain.particles)

    def test_numbers_of_phases(self):
        # The same as an experiment whose phases have these numbers, for steps are functions of their number.
        value = experiment()
        value["phase"] = [value["phase"][0] | {"steps": 50}, value["phase"][0] | {"steps": 150, "step_size": 0.01,
                                                                                 "lambda2": 0.01}]
        two = mfld.Simulation(value)
        two.run()
        one = mfld.Simulation(experiment())
        one.run(50)
        one.set({"phase.0.step_size": 0.01, "phase.0.lambda2": 0.01})
        self.assertEqual(one.history, ["changed at step 50: phase.0.step_size = 0.01",
                                       "changed at step 50: phase.0.lambda2 = 0.01"])
        one.run()
        self.assert_bits(one.particles, two.particles)
        self.assertIn("eta = 0.01", str(one))

    def test_steps_and_schedules(self):
        sim = mfld.Simulation(experiment())
        sim.run(50)
        sim.set({"phase.0.steps": 300, "phase.0.step_size": lambda step: 0.1 if step < 100 else 0.05})
        self.assertEqual((sim.num_steps, sim.run()), (300, 250))
        self.assertAlmostEqual(sim.time, 50 * 0.05 + 50 * 0.1 + 200 * 0.05)
        self.assertEqual(sim.metrics["step"].iloc[-1], 300)

    def test_are_told_in_what_is_saved(self):
        sim = mfld.Simulation(experiment())
        sim.run(50)
        sim.set({"phase.0.step_size": 0.02})
        sim.particles = 2 * sim.particles
        sim.run(10)
        sim.save(self.root / "saved")
        sim.run()
        self.assertEqual(mfld.load(self.root / "saved").history, sim.history)
        resumed = mfld.resume(self.root / "saved")
        self.assertEqual(resumed.history, sim.history)
        resumed.run()
        self.assert_bits(resumed.particles, sim.particles)
        status, errors = self.program("resume", "saved", "--quiet")
        self.assertEqual(status, 0, errors)
        self.assert_bits(mfld.load(self.root / "saved").metrics.to_numpy(), sim.metrics.to_numpy())

    def test_of_an_objective(self):
        theta = np.random.default_rng(2).normal(size=(40, 3))
        sim = mfld.Simulation(course("gd", 50), objective=Quadratic(b=0.0), particles=theta)
        sim.run(10)
        sim.set({"phase.0.step_size": 0.2})
        sim.particles = theta
        sim.run(5)
        np.testing.assert_allclose(sim.particles, theta * 0.8**5, rtol=1e-12)
        self.assertEqual(len(sim.history), 2)
        self.assert_refused(ValueError, lambda: setattr(sim, "particles", theta[:, :2]), "(40, 2)", "(40, 3)")

    def test_refusals(self):
        sim = mfld.Simulation(experiment())
        sim.run(10)

        def put(theta):
            return lambda: setattr(sim, "particles", theta)

        bad = sim.particles.copy()
        bad[7, 2] = np.inf
        self.assert_refused(ValueError, put(bad), "particles: row 7, column 2 (from 0) is inf")
        bad = sim.particles.copy()
        self.assert_refused(ValueError, put(bad[:, :3]), "has the shape (30, 3)", "(30, 6)")
        self.assert_refused(ValueError, put(bad[:9]), "(9, 6)")
        self.assert_refused(ValueError, put("x"), "particles")
        self.assert_refused(ValueError, put(bad.astype(complex)), "complex128")

        def change(**keys):
            return lambda: sim.set({key.replace("__", "."): value for key, value in keys.items()})

        before = sim.particles.copy()
        self.assert_refused(ValueError, change(phase__0__step_size=-1), "phase.0.step_size = -1", "> 0")
        self.assert_refused(ValueError, change(phase__0__method="gd"), "phase.0.method", "has begun")
        self.assert_refused(ValueError, change(phase__0__steps=5), "10 steps already")
        self.assert_refused(ValueError, change(phase__1__steps=5), "phase.1.steps", "no key of one of the 1 phases")
        self.assert_refused(ValueError, change(network__width=5), "network.width")
        self.assert_refused(ValueError, change(phase__0__step_sise=5), "phase.0.step_sise")
        self.assert_refused(ValueError, change(phase__0__until={"column": "step", "above": 3}), "until", "callback")
        self.assertEqual((sim.history, sim.step), ([], 10))
        self.assert_bits(sim.particles, before)
        sim.run()
        self.assert_refused(ValueError, change(phase__0__steps=500), "phase 0 is over")
        plain = mfld.Simulation(experiment())
        plain.run()
        self.assert_bits(sim.particles, plain.particles)
        signs = mfld.Simulation(experiment(network__neuron="fixed-sign"))
        self.assert_refused(ValueError, lambda: setattr(signs, "particles", 2 * signs.particles), "-1 or +1")


if __name__ == "__main__":
    unittest.main()
