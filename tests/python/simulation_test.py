#!/usr/bin/env python3
"""mfld.Simulation: exact steps, the same bits whatever way they are made, and what can be seen between them."""
import gc
import resource
import time
import unittest

import numpy as np

import mfld
import package
from package import arrays, experiment, with_arrays


class Steps(package.PackageTest):
    METHODS = {
        "mfld": {},
        "sgd-mfld": {"batch_size": 8},
        "svrg-mfld": {"batch_size": 4, "snapshot_every": 7},
        "underdamped-mfld": {"friction": 1.0},
    }

    def test_in_parts_are_those_at_once(self):
        for method, keys in self.METHODS.items():
            for precision in ("double", "single"):
                with self.subTest(method, precision=precision):
                    value = experiment(network__precision=precision)
                    value["phase"] = [value["phase"][0] | {"method": method, "steps": 120} | keys,
                                      value["phase"][0] | {"steps": 80, "step": "leimkuhler-matthews"}]
                    whole = mfld.Simulation(value, threads=1)
                    self.assertEqual(whole.run(200), 200)
                    parts = mfld.Simulation(value, threads=2)
                    self.assertEqual([parts.run(50), parts.run(0), parts.run(149), parts.run(100)], [50, 0, 149, 1])
                    self.assert_bits(whole.particles, parts.particles)
                    self.assert_bits(whole.metrics.to_numpy(), parts.metrics.to_numpy())
                    self.assert_bits(whole.metrics.to_numpy(), mfld.run(value).metrics.to_numpy())
                    self.assertEqual((whole.step, whole.phase, whole.num_steps), (200, 2, 200))
                    self.assertAlmostEqual(whole.time, 10.0)

    def test_are_exactly_as_many_as_asked(self):
        sim = mfld.Simulation(experiment())
        for count in (1, 7, 100):
            before = sim.step
            self.assertEqual(sim.run(count), count)
            self.assertEqual(sim.step, before + count)
        self.assertEqual(sim.run(), 92)
        self.assertEqual(sim.run(5), 0)
        self.assert_refused(ValueError, lambda: sim.run(-1), "steps = -1")
        self.assertRaises(TypeError, lambda: sim.run(1.5))

    def test_callbacks_change_nothing(self):
        seen = []

        def look(sim):
            seen.append((sim.step, sim.observe("train_loss")["train_loss"], float(np.abs(sim.drift()).max())))

        plain, watched = mfld.Simulation(experiment()), mfld.Simulation(experiment())
        plain.run()
        watched.run(15, callback=look, every=10)
        watched.run(callback=look, every=10)
        self.assertEqual([step for step, *_ in seen], list(range(10, 201, 10)))
        self.assert_bits(plain.particles, watched.particles)
        self.assertEqual(seen[4][1], plain.metrics["train_loss"][1])

    def test_a_callback_stops_them(self):
        sim = mfld.Simulation(experiment())
        self.assertEqual(sim.run(100, callback=lambda sim: sim.step == 42, every=7), 42)
        self.assertEqual(sim.run(100, callback=lambda sim: True), 1)

        def fail(sim):
            raise LookupError(sim.step)

        with self.assertRaisesRegex(LookupError, "50"):
            sim.run(100, callback=fail, every=25)
        sim.run()
        plain = mfld.Simulation(experiment())
        plain.run()
        self.assert_bits(sim.particles, plain.particles)
        self.assert_refused(ValueError, lambda: sim.run(1, callback=fail, every=0), "every = 0")

    def test_rules_end_phases_as_in_a_run(self):
        value = experiment(observe={"every": 5})
        value["phase"][0]["until"] = {"column": "step", "above": 50}
        value["phase"].append(value["phase"][0] | {"until": {"column": "train_loss", "below": 1e9}})
        sim = mfld.Simulation(value)
        while sim.run(3):
            pass
        self.assertEqual(sim.step, 60)
        self.assert_bits(sim.metrics.to_numpy(), mfld.run(value).metrics.to_numpy())

    def test_one_that_diverges_says_where(self):
        sim = mfld.Simulation(experiment(phase__0__step_size=1e200))
        sentence = self.assert_refused(mfld.Diverged, lambda: sim.run(100), "diverged at step")
        self.assertIsInstance(mfld.Diverged(sentence), ArithmeticError)
        self.assertFalse(np.isfinite(sim.particles).all())

    def test_cost_little_beyond_themselves(self):
        X, y = arrays(n=1, d=2)
        sim = mfld.Simulation(with_arrays(X, y, network__width=1, observe={"at": []}, phase__0__steps=10**6))
        sim.run(1000)
        together, alone = [], []
        for _ in range(50):
            start = time.perf_counter()
            sim.run(200)
            together.append((time.perf_counter() - start) / 200)
            start = time.perf_counter()
            for _ in range(200):
                sim.run(1)
            alone.append((time.perf_counter() - start) / 200)
        cost = min(alone) - min(together)
        print(f"a call of run costs {cost * 1e6:.2f} us, and a step of one neuron {min(together) * 1e6:.2f} us")
        self.assertLess(cost, 20e-6 * package.PATIENCE)


class Views(package.PackageTest):
    def test_of_particles_are_live_read_only_and_outlive_the_simulation(self):
        sim = mfld.Simulation(experiment())
        view, copy = sim.particles, sim.particles.copy()
        self.assertEqual((view.shape, view.dtype, len(sim.parameter_names)), ((30, 6), np.float64, 6))
        self.assertEqual(sim.parameter_names, ["r", "w_1", "w_2", "w_3", "w_4", "b"])
        with self.assertRaises(ValueError):
            view[0, 0] = 1
        with self.assertRaises(ValueError):
            view.setflags(write=True)
        sim.run(10)
        self.assertFalse((view == copy).any())
        self.assertTrue(np.shares_memory(view, sim.particles))
        last = sim.particles.copy()
        del sim
        gc.collect()
        self.assert_bits(view, last)

    def test_of_an_average_come_into_the_same_place(self):
        value = experiment(phase__0__averaging=True)
        value["phase"].append(value["phase"][0] | {"averaging": False})
        sim = mfld.Simulation(value)
        view = sim.particles
        sim.run()
        self.assertTrue(np.shares_memory(view, sim.particles))
        self.assert_bits(view, sim.particles)

    def test_of_a_million_particles_take_no_memory(self):
        X, y = arrays(n=1, d=30)
        sim = mfld.Simulation(with_arrays(X, y, network__width=10**6, observe={"at": [], "columns": ["train_loss"]}))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        view = sim.particles
        self.assertEqual(view.shape, (10**6, 32))
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 1000)

    def test_single_precision(self):
        self.assertEqual(mfld.Simulation(experiment(network__precision="single")).particles.dtype, np.float32)


class Looks(package.PackageTest):
    def setUp(self):
        super().setUp()
        self.X, self.y = arrays()
        self.value = with_arrays(self.X, self.y, network__activation="tanh")
        self.sim = mfld.Simulation(self.value)
        self.sim.run(20)

    def network(self, theta, X):
        return np.tanh(X @ theta[:, 1:-1].T + theta[:, -1]) @ theta[:, 0] / len(theta)

    def test_outputs_are_those_of_the_formula(self):
        X = np.random.default_rng(1).normal(size=(17, 3))
        np.testing.assert_allclose(self.sim.outputs(X), self.network(self.sim.particles, X), rtol=1e-12, atol=1e-14)
        self.assertEqual(self.sim.outputs(X[:0]).shape, (0,))
        self.assert_refused(ValueError, lambda: self.sim.outputs(X[:, :2]), "X: has 2 columns", "have 3")
        X[3, 1] = np.nan
        self.assert_refused(ValueError, lambda: self.sim.outputs(X), "X: row 3, column 1 (from 0) is nan")

    def test_drift_is_n_times_the_derivative_of_the_objective(self):
        theta = self.sim.particles.copy()

        def objective(theta):
            return np.mean((self.network(theta, self.X) - self.y) ** 2) / 2 + 0.01 * np.mean(np.sum(theta**2, axis=1))

        drift = self.sim.drift()
        for where in ((0, 0), (7, 2), (29, 4)):
            above, below = theta.copy(), theta.copy()
            above[where] += 1e-5
            below[where] -= 1e-5
            self.assertAlmostEqual(drift[where], 30 * (objective(above) - objective(below)) / 2e-5, places=7)

    def test_observables_are_those_of_the_rows(self):
        self.sim.run(30)
        observed = self.sim.observe()
        for name, value in observed.items():
            self.assertEqual(value, self.sim.metrics[name].iloc[-1] if self.sim.step in list(self.sim.metrics["step"])
                             else value)
        self.assertEqual(list(self.sim.observe("movement_mean", "train_loss")), ["movement_mean", "train_loss"])
        loss = np.mean((self.sim.outputs(self.X) - self.y) ** 2) / 2
        self.assertAlmostEqual(self.sim.observe("train_loss")["train_loss"], loss, places=13)
        self.assert_refused(ValueError, lambda: self.sim.observe("train_los"), "observe", "did you mean \"train_loss\"")

    def test_print_and_notebooks_show_the_formulas(self):
        self.assertEqual(repr(self.sim), "<mfld.Simulation at step 20 of 200>")
        self.assertIn("phase 0: mfld", str(self.sim))
        self.assertEqual(str(self.sim).split("\n")[1:], self.sim.formulas)
        self.assertIn("<tr><th style='text-align:left'>data</th>", self.sim._repr_html_())
        self.assertNotIn("<-", self.sim._repr_html_())  # escaped

    def test_refusals(self):
        self.assert_refused(ValueError, lambda: mfld.Simulation(experiment(sweep={"seed": [1, 2]})), "2 runs (seed=1, seed=2)", "makes one")
        kernel = experiment(phase=[{"method": "kernel-regression", "kernel": "tangent"}])
        self.assert_refused(ValueError, lambda: mfld.Simulation(kernel), "kernel-regression", "mfld.run")
        self.assert_refused(ValueError, lambda: mfld.Simulation(self.value, particles=np.ones((2, 2))), "network.init.particles")


if __name__ == "__main__":
    unittest.main()
