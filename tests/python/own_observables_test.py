#!/usr/bin/env python3
"""Observables, rules and schedules of one's own."""
import unittest

import numpy as np

import mfld
import package
from package import arrays, experiment, with_arrays


class Observables(package.PackageTest):
    def test_are_columns_beside_the_others(self):
        calls = []

        def second_moment(look):
            calls.append(look.step)
            return np.mean(np.sum(look.particles**2, axis=1))

        own = {"mine": second_moment, "half_loss": lambda look: look.objective / 2}
        for precision in ("double", "single"):
            for threads in (1, 2):
                with self.subTest(precision=precision, threads=threads):
                    calls.clear()
                    value = experiment(network__precision=precision)
                    run, plain = mfld.run(value, observables=own, threads=threads), mfld.run(value)
                    self.assertEqual(list(run.metrics), [*plain.metrics, "mine", "half_loss"])
                    self.assert_bits(run.metrics[list(plain.metrics)].to_numpy(), plain.metrics.to_numpy())
                    np.testing.assert_allclose(run.metrics["mine"], plain.metrics["second_moment"], rtol=1e-12)
                    self.assertEqual(calls, [0, 50, 100, 150, 200])
                    sim = mfld.Simulation(value, observables=own, threads=threads)
                    sim.run(70)
                    sim.run()
                    self.assert_bits(sim.metrics.to_numpy(), run.metrics.to_numpy())
                    self.assertEqual(sim.observe("mine"), {"mine": run.metrics["mine"].iloc[-1]})
        folder = mfld.run(experiment(), out=self.root / "folder", observables=own)
        self.assert_bits(folder.metrics["mine"].to_numpy(), mfld.run(experiment(), observables=own).metrics["mine"].to_numpy())

    def test_see_what_the_method_predicts_with(self):
        X, y = arrays()
        seen = {}

        def look_at(look):
            seen[look.step] = (look.outputs(X), look.train_outputs, look.drift, look.initial_particles, look.particles)
            return 0

        value = with_arrays(X, y, phase__0__method="averaged-sgd", phase__0__steps=40, phase__0__batch_size=1)
        del value["phase"][0]["lambda2"]
        sim = mfld.Simulation(value, observables={"mine": look_at})
        start = sim.particles.copy()
        sim.run()
        outputs, train, drift, initial, particles = seen[40]
        self.assert_bits(outputs, sim.outputs(X))
        np.testing.assert_allclose(train, outputs, rtol=1e-12)
        self.assert_bits(initial, start)
        self.assert_bits(particles, sim.particles)
        self.assertEqual(drift.shape, start.shape)

    def test_a_look_is_over_when_its_function_is(self):
        kept = []
        mfld.run(experiment(), observables={"mine": lambda look: kept.append(look) or 1.0})
        for ask in (lambda: kept[0].step, lambda: kept[0].particles, lambda: kept[-1].outputs([[1.0] * 4])):
            self.assertRaisesRegex(RuntimeError, "over", ask)

    def test_end_phases_by_their_columns(self):
        value = experiment(observe={"every": 10})
        value["phase"][0]["until"] = {"column": "mine", "above": 55}
        run = mfld.run(value, observables={"mine": lambda look: look.step})
        self.assertEqual(run.summary["step"], 60)
        self.assertIn("mine", run.summary["message"])

    def test_what_they_raise_passes_through_and_the_state_is_good(self):
        left = [3]

        def tired(look):
            left[0] -= 1
            if left[0] == 0:
                raise LookupError("tired")
            return 1

        sim = mfld.Simulation(experiment(), observables={"mine": tired})
        with self.assertRaisesRegex(LookupError, "tired"):
            sim.run()
        self.assertEqual(sim.step, 100)
        sim.run()
        plain = mfld.Simulation(experiment())
        plain.run()
        self.assert_bits(sim.particles, plain.particles)
        self.assert_bits(sim.metrics.drop(columns="mine").to_numpy(), plain.metrics.to_numpy())
        left[0] = 2
        with self.assertRaisesRegex(LookupError, "tired"):
            mfld.run(experiment(), observables={"mine": tired})

    def test_refusals(self):
        def run(observables, **changes):
            return lambda: mfld.run(experiment(**changes), observables=observables)

        self.assert_refused(ValueError, run({"train_loss": lambda look: 1}), "train_loss", "there already")
        self.assert_refused(ValueError, run({"step": lambda look: 1}), "step", "there already")
        self.assert_refused(ValueError, run({"a,b": lambda look: 1}), "a,b", "letters")
        self.assert_refused(ValueError, run({"": lambda look: 1}), "letters")
        self.assert_refused(ValueError, run({"mine": 3}), "observables.mine", "function")
        self.assert_refused(ValueError, run([1]), "observables", "dictionary")
        self.assert_refused(ValueError, run({"mine": lambda look: np.ones(3)}), "\"mine\" returned ndarray", "number")
        self.assert_refused(ValueError, run({"mine": lambda look: None}), "\"mine\" returned NoneType")
        self.assert_refused(ValueError, run({"mine": lambda look: look.outputs([[1.0]])}), "X: has 1 columns")
        self.assert_refused(ValueError, lambda: mfld.run(experiment(), until=3), "until", "function")
        self.assertRaises(AttributeError, run({"mine": lambda look: look.paricles}))


class Rules(package.PackageTest):
    def test_end_phases(self):
        value = experiment(observe={"every": 10})
        value["phase"].append(value["phase"][0] | {"steps": 30})
        asked = []

        def until(look):
            asked.append(look.step)
            return look.step == 70

        run = mfld.run(value, until=until)
        self.assertEqual(run.summary["step"], 100)
        self.assertEqual(asked, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
        sim = mfld.Simulation(value, until=until)
        sim.run(15)
        sim.run()
        self.assertEqual((sim.step, sim.phase), (100, 2))
        self.assert_bits(sim.metrics.to_numpy(), run.metrics.to_numpy())

    def test_what_they_raise_passes_through(self):
        def until(look):
            raise LookupError("no")

        with self.assertRaisesRegex(LookupError, "no"):
            mfld.run(experiment(), until=until)
        with self.assertRaises(ValueError):
            mfld.run(experiment(), until=lambda look: look.particles)  # the truth of an array


class Schedules(package.PackageTest):
    def test_functions_and_arrays_are_those_of_the_table(self):
        halving = experiment(phase__0__step_size={"kind": "halving", "value": 0.08, "timescale": 50})
        calls = []

        def by_step(step):
            calls.append(step)
            return 0.08 * 2.0 ** -(step // 50)

        own = experiment(phase__0__step_size=by_step)
        given = experiment(phase__0__step_size=np.array([by_step(step) for step in range(200)]))
        calls.clear()
        runs = [mfld.run(value) for value in (halving, own, given)]
        self.assertEqual(calls, list(range(200)))
        for run in runs[1:]:
            self.assert_bits(run.metrics.to_numpy(), runs[0].metrics.to_numpy())
        self.assertRegex(runs[1].setting("phase")[0]["step_size"], "^200 x 1 numbers, [0-9a-f]{16}$")
        self.assertEqual(runs[1].config, runs[2].config)
        self.assertIn("200 given values", str(mfld.Simulation(own)))
        by_set = mfld.run(experiment(), set={"phase.0.step_size": by_step})
        self.assert_bits(by_set.metrics.to_numpy(), runs[0].metrics.to_numpy())

    def test_of_temperature_and_penalty(self):
        off = experiment(phase__0__lambda2={"value": 0.01, "off_fraction": 0.5}, phase__0__lambda1=0.3)
        own = experiment(phase__0__lambda2=lambda step: 0.01 if step < 100 else 0.0, phase__0__lambda1=lambda step: 0.3)
        self.assert_bits(mfld.run(own).metrics["train_loss"].to_numpy(), mfld.run(off).metrics["train_loss"].to_numpy())
        # One that begins at 0 is no less a penalty.
        late = experiment(phase__0__lambda1=lambda step: 0.0 if step < 100 else 0.3, phase__0__anchor="start")
        value = experiment(phase__0__lambda1=0.0, phase__0__steps=100)
        value["phase"].append(value["phase"][0] | {"lambda1": 0.3, "anchor": "start"})
        self.assert_bits(mfld.run(late).metrics["second_moment"].to_numpy(),
                         mfld.run(value).metrics["second_moment"].to_numpy())

    def test_of_an_objective(self):
        theta = np.ones((4, 2))

        class Own:
            def value(self, theta):
                return 0.0

            def drift(self, theta):
                return theta

        phase = {"method": "gd", "steps": 3, "step_size": lambda step: [0.5, 0.25, 0.5][step]}
        sim = mfld.Simulation({"seed": 1, "phase": [phase]}, objective=Own(), particles=theta)
        sim.run()
        self.assertEqual(sim.particles.tolist(), [[0.1875, 0.1875]] * 4)

    def test_refusals(self):
        def run(**changes):
            return lambda: mfld.run(experiment(**changes))

        self.assert_refused(ValueError, run(phase__0__step_size=lambda step: -1.0), "phase.0.step_size", "> 0")
        self.assert_refused(ValueError, run(phase__0__step_size=np.ones(10)), "phase.0.step_size", "200 steps")
        self.assert_refused(ValueError, run(phase__0__lambda1=np.full(200, np.nan)), "phase.0.lambda1: row 0", "nan")
        self.assert_refused(ValueError, run(phase__0__step_size=lambda step: 1.0, phase__0__steps="many"), "'many'")
        self.assert_refused(ValueError, run(phase__0__friction=lambda step: 1.0), "phase.0.friction", "function")
        self.assert_refused(ValueError, run(phase__0__step_size="fast"), "phase.0.step_size = \"fast\"")

        def fail(step):
            raise LookupError(step)

        self.assertRaises(LookupError, run(phase__0__step_size=fail))


if __name__ == "__main__":
    unittest.main()
