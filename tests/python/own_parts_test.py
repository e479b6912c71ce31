#!/usr/bin/env python3
"""A loss and an objective of one's own."""
import threading
import time
import unittest

import numpy as np

import mfld
import package
from package import arrays, experiment, with_arrays


class Squared:
    """The loss of the table, written again."""
    formula = "0.5 (u - y)^2"
    calls = 0

    def value(self, outputs, targets):
        return 0.5 * (outputs - targets) * (outputs - targets)

    def derivative(self, outputs, targets):
        type(self).calls += 1
        return 2 * 0.5 * (outputs - targets)


class Quadratic:
    """R = a/2 mean |theta_j|^2 + b/2 |mean theta_j|^2."""
    formula = "a/2 mean |theta|^2 + b/2 |mean theta|^2"

    def __init__(self, a=1.0, b=0.5):
        self.a, self.b, self.calls = a, b, 0

    def value(self, theta):
        return self.a / 2 * np.mean(np.sum(theta**2, axis=1)) + self.b / 2 * np.sum(np.mean(theta, axis=0) ** 2)

    def drift(self, theta):
        self.calls += 1
        return self.a * theta + self.b * np.mean(theta, axis=0)


def course(method="gd", steps=50, **keys):
    return {"seed": 5, "phase": [{"method": method, "steps": steps, "step_size": 0.1, **keys}]}


class OwnLoss(package.PackageTest):
    def test_makes_the_bits_of_the_same_one_of_the_table(self):
        for keys in ({}, {"method": "sgd-mfld", "batch_size": 7}, {"method": "svrg-mfld", "batch_size": 3}):
            with self.subTest(keys):
                value = experiment(network__precision="double")
                value["phase"][0] |= keys
                own, usual = mfld.run(value, loss=Squared()), mfld.run(value)
                self.assertEqual(list(own.metrics), list(usual.metrics))
                self.assert_bits(own.metrics.to_numpy(), usual.metrics.to_numpy())
                sim = mfld.Simulation(value, loss=Squared(), threads=2)
                sim.run()
                self.assert_bits(sim.metrics.to_numpy(), usual.metrics.to_numpy())

    def test_is_called_once_a_step_and_named_in_the_formulas(self):
        sim = mfld.Simulation(experiment(observe={"at": []}), loss=Squared())
        sim.run(1)
        Squared.calls = 0
        sim.run(100)
        self.assertEqual(Squared.calls, 100)
        self.assertIn("own: Squared, l(u, y) = 0.5 (u - y)^2", str(sim))

    def test_columns_and_methods_that_need_more_of_a_loss_are_refused(self):
        value = experiment(observe={"columns": ["dual_gap"]})
        self.assert_refused(ValueError, lambda: mfld.run(value, loss=Squared()), "dual_gap", "conjugate")
        value = experiment(phase=[{"method": "natural-gradient", "steps": 1, "step_size": 1.0}])
        self.assert_refused(ValueError, lambda: mfld.run(value, loss=Squared()), "squared loss", "own: Squared")
        value = experiment(loss={"kind": "huber"})
        self.assert_refused(ValueError, lambda: mfld.run(value, loss=Squared()), "loss.kind", "left out")

    def test_what_it_raises_passes_through_and_the_state_is_good(self):
        class Tired(Squared):
            left = 30

            def derivative(self, outputs, targets):
                self.left -= 1
                if self.left == 0:
                    raise LookupError("tired")
                return super().derivative(outputs, targets)

        for every in (1, 50):  # at each step the derivative is asked for before the row, which needs its outputs
            value = experiment(observe={"every": every})
            sim, plain = mfld.Simulation(value, loss=Tired(), threads=2), mfld.Simulation(value, loss=Squared())
            with self.assertRaisesRegex(LookupError, "tired"):
                sim.run()
            self.assertLess(sim.step, 30)
            sim.run()
            plain.run()
            self.assert_bits(sim.particles, plain.particles)
            self.assertEqual(list(sim.metrics), list(plain.metrics))
            for name, column in plain.metrics.items():
                self.assert_bits(sim.metrics[name], column)

    def test_what_it_may_not_return(self):
        for result, *parts in ((np.ones(3), "loss.derivative: has the shape (3,)", "must have (60,)"),
                               ("x", "loss.derivative", "<U1"), (None, "loss.derivative", "object")):
            loss = Squared()
            loss.derivative = lambda outputs, targets: result  # noqa: B023
            self.assert_refused(ValueError, lambda: mfld.run(experiment(), loss=loss), *parts)  # noqa: B023
        self.assert_refused(ValueError, lambda: mfld.run(experiment(), loss=3), "loss: has no value(outputs, targets)")

    def test_is_checked_against_differences(self):
        u, y = np.linspace(-1, 1, 9), np.zeros(9)
        mfld.check_loss(Squared(), u, y)
        loss = Squared()
        loss.derivative = lambda outputs, targets: 2 * (outputs - targets)
        self.assert_refused(ValueError, lambda: mfld.check_loss(loss, u, y), "loss.derivative: is -2 at [0]")


class OwnObjective(package.PackageTest):
    def setUp(self):
        super().setUp()
        self.theta = np.random.default_rng(2).normal(size=(40, 3))

    def test_descends_by_its_closed_form(self):
        objective = Quadratic()
        sim = mfld.Simulation(course(), objective=objective, particles=self.theta)
        sim.run()
        self.assertEqual(objective.calls, 50)
        mean = self.theta.mean(axis=0)
        expected = (self.theta - mean) * 0.9**50 + mean * (1 - 0.1 * 1.5) ** 50
        np.testing.assert_allclose(sim.particles, expected, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(sim.drift(), Quadratic().drift(sim.particles), rtol=1e-14)
        self.assertIn("R = a/2 mean |theta|^2 + b/2 |mean theta|^2", str(sim))
        self.assertIsNone(sim.metrics)
        self.assertEqual(sim.parameter_names, ["theta_1", "theta_2", "theta_3"])

    def test_penalty_is_added(self):
        sim = mfld.Simulation(course(lambda1=0.3), objective=Quadratic(b=0.0), particles=self.theta)
        np.testing.assert_allclose(sim.drift(), 1.6 * self.theta, rtol=1e-14)
        sim.run(10)
        np.testing.assert_allclose(sim.particles, self.theta * 0.84**10, rtol=1e-12)

    # Discrete stationary variances of Euler-Maruyama, Leimkuhler-Matthews and the kinetic middle scheme for the force
    # a theta: T / (a (1 - eta a / 2)), T / a and T / a. Each is the mean of 60000 numbers that are independent but for a
    # correlation over steps: 5 standard errors of sqrt(2 / 60000) = 0.6 % are 3 %; one false alarm in 10^6.
    def test_noise_has_its_stationary_variance(self):
        theta = np.zeros((20000, 3))
        for step, variance in (("euler-maruyama", 0.2 / 0.95), ("leimkuhler-matthews", 0.2), ("kinetic", 0.2)):
            with self.subTest(step):
                sim = mfld.Simulation(course("mfld", 400, lambda2=0.2, step=step), objective=Quadratic(b=0.0),
                                      particles=theta)
                sim.run()
                self.assertAlmostEqual(np.var(sim.particles), variance, delta=0.03 * variance)

    def test_bits_whatever_the_parts_and_threads(self):
        whole = mfld.Simulation(course("mfld", 200, lambda2=0.1), objective=Quadratic(), particles=self.theta, threads=1)
        parts = mfld.Simulation(course("mfld", 200, lambda2=0.1), objective=Quadratic(), particles=self.theta, threads=2)
        whole.run(200)
        parts.run(50, callback=lambda sim: sim.drift() is None, every=9)
        parts.run(150)
        self.assert_bits(whole.particles, parts.particles)

    def test_costs_its_own_time(self):
        """A step beside the call of the objective in it: whatever else the machine does is in both."""
        class Pairs(Quadratic):
            seconds, result = 0.0, None

            def drift(self, theta):
                start = time.perf_counter()
                self.result = self.of_pairs(theta)  # what memory this and the one before give back is in its own time
                self.seconds = time.perf_counter() - start
                return self.result

            def of_pairs(self, theta):
                differences = theta[:, None, :] - theta[None, :, :]
                return theta - np.mean(differences * np.exp(-np.sum(differences**2, axis=2, keepdims=True)), axis=1)

        theta = np.random.default_rng(0).normal(size=(600, 4))
        objective = Pairs()
        sim = mfld.Simulation(course(steps=10**6), objective=objective, particles=theta)
        sim.run(5)
        beside, own = [], []
        for _ in range(15):
            start = time.perf_counter()
            sim.run(1)
            beside.append(time.perf_counter() - start - objective.seconds)
            own.append(objective.seconds)
        print(f"a step takes {min(beside) * 1e6:.0f} us beside the {min(own) * 1e6:.0f} us of its objective")
        self.assertLess(min(beside), 0.05 * min(own))

    def test_what_it_sees_is_read_only_and_its_to_keep(self):
        kept = []

        class Keeping(Quadratic):
            def drift(self, theta):
                kept.append(theta)
                return super().drift(theta)

        sim = mfld.Simulation(course(), objective=Keeping(), particles=self.theta)
        sim.run(3)
        last = sim.particles.copy()
        del sim
        self.assert_bits(kept[0], last)
        with self.assertRaises(ValueError):
            kept[0][0, 0] = 1

    def test_what_it_raises_passes_through_and_the_state_is_good(self):
        class Tired(Quadratic):
            def drift(self, theta):
                if self.calls == 20:
                    self.calls += 1
                    raise LookupError("tired")
                return super().drift(theta)

        sim = mfld.Simulation(course(), objective=Tired(), particles=self.theta)
        with self.assertRaisesRegex(LookupError, "tired"):
            sim.run()
        self.assertEqual(sim.step, 20)
        sim.run()
        plain = mfld.Simulation(course(), objective=Quadratic(), particles=self.theta)
        plain.run()
        self.assert_bits(sim.particles, plain.particles)

    def test_calls_out_of_the_middle_of_a_step_are_turned_away(self):
        class Curious(Quadratic):
            def drift(self, theta):
                sim.run(1)

        sim = mfld.Simulation(course(), objective=Curious(), particles=self.theta)
        with self.assertRaisesRegex(RuntimeError, "one thing at a time"):
            sim.run(1)

    def test_what_it_may_not_return(self):
        for result, *parts in ((np.ones(3), "objective.drift: has the shape (3,)", "must have (40, 3)"),
                               (self.theta.T, "(3, 40)"), (None, "objective.drift", "object")):
            objective = Quadratic()
            objective.drift = lambda theta: result  # noqa: B023
            sim = mfld.Simulation(course(), objective=objective, particles=self.theta)
            self.assert_refused(ValueError, lambda: sim.run(1), *parts)  # noqa: B023

    def test_refusals(self):
        def make(value, objective=Quadratic(), particles=self.theta):
            return lambda: mfld.Simulation(value, objective=objective, particles=particles)

        bad = self.theta.copy()
        bad[3, 1] = np.nan
        self.assert_refused(ValueError, make(course(), particles=bad), "particles: row 3, column 1 (from 0) is nan")
        self.assert_refused(ValueError, make(course(), particles=None), "particles: are missing")
        self.assert_refused(ValueError, make(course("sgd", batch_size=1)), "phase.0.method = \"sgd\"", "neither")
        self.assert_refused(ValueError, make(course("kernel-regression")), "phase.0.method", "samples")
        self.assert_refused(ValueError, make(course("mfl")), "phase.0.method = \"mfl\"", "did you mean \"mfld\"")
        self.assert_refused(ValueError, make({**course(), "network": {"width": 3}}), "unknown key network")
        self.assert_refused(ValueError, make(course(until={"column": "step", "above": 3})), "until", "columns")
        self.assert_refused(ValueError, make(course(), objective=3), "objective: has no value(theta)")
        self.assert_refused(ValueError, lambda: make(course())().observe("train_loss"), "observables")
        self.assert_refused(ValueError, lambda: make(course())().outputs(self.theta), "network")
        self.assert_refused(ValueError, make({"seed": 1}), "phase")

    def test_is_checked_against_differences(self):
        mfld.check_objective(Quadratic(), self.theta[:5])
        wrong = Quadratic()
        wrong.drift = lambda theta: theta
        self.assert_refused(ValueError, lambda: mfld.check_objective(wrong, self.theta[:5]), "objective.drift: is")


class Threads(package.PackageTest):
    def test_of_python_run_while_it_computes(self):
        X, y = arrays(n=400, d=20)
        sims = [mfld.Simulation(with_arrays(X, y, network__width=400, phase__0__steps=10**9, observe={"at": []}))
                for _ in range(2)]
        counted = [0]
        done = threading.Event()

        def count():
            while not done.is_set():
                counted[0] += 1
                time.sleep(0.001)

        threads = [threading.Thread(target=count)] + [threading.Thread(target=sim.run, args=(300,)) for sim in sims]
        for thread in threads:
            thread.start()
        for thread in threads[1:]:
            thread.join()
        done.set()
        threads[0].join()
        self.assertGreater(counted[0], 10)
        self.assert_bits(sims[0].particles, sims[1].particles)


if __name__ == "__main__":
    unittest.main()
