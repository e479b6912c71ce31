#!/usr/bin/env python3
"""Figures of what particles and networks come to: chaos that is propagated, mini-batches, velocities, sizes and angles of
neurons, samples, deep networks. From runs that are made up, but for the kernels of deep networks."""

from drawing import DrawingTest, write_run, write_runs  # first: it may start the test over

import re
import unittest

import h5py
import numpy as np

import deep_networks
import kinetic_versus_overdamped
import propagation_of_chaos

NETWORK = "seed = {{seed}}\n[seeds]\ndata = 1\n[network]\nwidth = {width}\n[[phase]]\nmethod = \"mfld\"\n"
SEEDS = range(1, 65)


class PropagationOfChaosTest(DrawingTest):
    def write(self, power=-0.5, seeds=SEEDS, **changes):
        """Outputs whose standard deviation is N^power, and a loss N^-1 above the limit."""
        generator, runs = np.random.default_rng(1), []
        for width in (10, 100, 1000, 10000):
            for seed in seeds:
                outputs = 0.5 + generator.normal(size=50) * float(width) ** power
                noise = generator.normal() * float(width) ** power
                columns = {"train_loss": 0.1 + (1 + 0.1 * noise) / width, "objective": 1 + noise, **changes}
                runs.append((f"{width}-{seed}", "square", width, seed,
                             {"columns": columns, "width": width, "experiment": NETWORK.replace("{{seed}}", str(seed)),
                              "predictions": {"target": outputs, "output": outputs}}))
        write_runs(self.folder / "run", ["network.width", "seed"], runs)

    def slope(self, what):
        printed = self.draw("propagation_of_chaos").stdout
        match = re.search(rf"square: {what} against N, slope (\S+), 95 % interval (\S+) to (\S+)", printed)
        return [float(number) for number in match.groups()]

    def test_slopes_of_independent_particles_are_minus_one(self):
        # 64 replicas at 50 inputs: the slope over three decades has a standard error of 0.005, and 0.1 is 20 of them.
        self.write()
        for what, sure in (("variance of f", 0.1), ("loss above the widest", 0.1)):
            slope, low, high = self.slope(what)
            self.assertLess(abs(slope + 1), sure)
            self.assertTrue(low < slope < high)
            self.assertLess(high - low, sure)
        self.assert_written("propagation_of_chaos")

    def test_particles_that_are_not_have_another_slope(self):
        self.write(power=-0.25)
        self.assertLess(abs(self.slope("variance of f")[0] + 0.5), 0.1)

    def test_intervals_cover_the_slope_as_often_as_they_say(self):
        # 200 made-up studies of 24 replicas: between 180 and 199 of the intervals of 95 % hold the slope, but for 2 in 1000.
        generator, inside = np.random.default_rng(2), 0
        widths = np.array([16, 64, 256, 1024])
        for _ in range(200):
            outputs = [generator.normal(size=(24, 20)) / np.sqrt(width) for width in widths]
            values = np.array([[each[rows].var(axis=0, ddof=1).mean() for each in outputs]
                               for rows in propagation_of_chaos.left_out(24)])
            interval, _ = propagation_of_chaos.power_of(widths, values)
            inside += interval.low <= -1 <= interval.high
        self.assertTrue(180 <= inside <= 199, inside)

    def test_two_seeds_are_refused(self):
        self.write(seeds=(1, 2))
        self.assert_refuses("propagation_of_chaos", "three seeds")

    def test_columns_that_are_missing_are_named(self):
        write_runs(self.folder / "run", ["network.width", "seed"],
                   [(str(width), "a", width, 1, {"columns": {"train_loss": 1}, "width": width}) for width in (10, 20)])
        self.assert_refuses("propagation_of_chaos", "objective")


class MiniBatchTest(DrawingTest):
    def write(self, seconds=True):
        generator, runs = np.random.default_rng(1), []
        for case, method, shared in (("full", "mfld", 0.0), ("sgd", "sgd-mfld", 0.1)):
            for width in (100, 1000, 10000):
                for seed in range(1, 17):
                    outputs = generator.normal(size=20) / np.sqrt(width) + shared * generator.normal(size=20)
                    runs.append((f"{case}-{width}-{seed}", case, width, seed,
                                 {"columns": {"dual_gap": 10.0 ** -np.linspace(0, 5, 11), "dual_gap_error": 1e-4}, "width": width,
                                  "experiment": f"[network]\nwidth = {{width}}\n[[phase]]\n[[phase]]\nmethod = \"{method}\"\n",
                                  "predictions": {"target": outputs, "output": outputs}}))
        write_runs(self.folder / "run", ["network.width", "seed"], runs)
        if seconds:
            for name, *_ in runs:
                (self.folder / "run" / name / "summary.json").write_text(
                    '{"ending": "finished", "step": 100, "wall_seconds_by_part": {"step": 5.0}}')

    def test_an_error_that_particles_share_has_no_slope(self):
        self.write()
        printed = self.draw("sgd_versus_svrg").stdout
        slopes = {case: float(re.search(rf"{case}: slope (\S+),", printed)[1]) for case in ("full", "sgd")}
        self.assertLess(abs(slopes["full"] + 1), 0.1)
        self.assertLess(abs(slopes["sgd"]), 0.2)
        self.assertIn("full (16): below 0.001 after", printed)
        self.assert_written("sgd_versus_svrg")

    def test_runs_without_seconds_are_refused(self):
        self.write(seconds=False)
        self.assert_refuses("sgd_versus_svrg", "seconds of the steps")


class VelocitiesTest(DrawingTest):
    def test_steps_until_the_gap_stand_against_the_friction(self):
        falling = 10.0 ** -np.linspace(0, 5, 11)
        step = '[[phase]]\nlambda1 = 0.5\nstep = "{{step}}"\nfriction = 0.5\n'
        runs = [(name, name, 1, {"columns": {"dual_gap": gap, "dual_gap_error": 1e-4}, "experiment": step.replace("{{step}}", kind)})
                for name, gap, kind in (("slow", 5 * falling, "euler-maruyama"), ("fast", falling, "kinetic"),
                                        ("never", 0.5, "kinetic"))]
        write_runs(self.folder / "run", ["seed"], runs)
        printed = self.draw("kinetic_versus_overdamped").stdout
        self.assertIn(f"slow (1): gap below {kinetic_versus_overdamped.REACHED:g} after 80 steps", printed)
        self.assertIn("fast (1): gap below 0.001 after 70 steps", printed)
        self.assertIn("never (1): gap below 0.001 after inf steps", printed)
        self.assert_written("kinetic_versus_overdamped")

    def test_columns_that_are_missing_are_named(self):
        write_run(self.folder / "run", {"train_loss": 1})
        self.assert_refuses("kinetic_versus_overdamped", "dual_gap")


class LazyPathsTest(DrawingTest):
    def test_sizes_near_a_teacher_are_counted(self):
        turned = np.radians([[45, 10], [45, 45], [200, 200]])  # start and end of three neurons; teachers at 0 and 90
        frames = np.array([[[1 + size, np.cos(angle), np.sin(angle)] for size, angle in enumerate(angles)] for angles in turned.T])
        write_run(self.folder / "run", {"train_loss": 1}, frames=frames)
        printed = self.draw("lazy_paths").stdout
        self.assertIn("0.00 of the sizes within 20 degrees of a teacher at the start, 0.17 at the end", printed)
        self.assertIn("a neuron turns by", printed)
        self.assert_written("lazy_paths")

    def test_runs_without_trajectory_are_refused(self):
        write_run(self.folder / "run", {"train_loss": 1})
        self.assert_refuses("lazy_paths", "observe.trajectory.particles")

    def test_runs_without_teacher_are_refused(self):
        write_run(self.folder / "run", {"train_loss": 1}, frames=np.ones((2, 3, 3)))
        with h5py.File(self.folder / "run" / "trajectory.h5", "a") as file:
            del file["data/teacher_directions"]
        self.assert_refuses("lazy_paths", "teachers")


class MiddleTest(DrawingTest):
    def draw_with_ends_at(self, radius):
        """Whether a second row is drawn: 99 neurons stay near the origin, one goes so far."""
        frames = np.random.default_rng(1).uniform(-1, 1, size=(1, 100, 3)).repeat(2, axis=0)
        frames[1, 0] = [1, radius, 0]
        write_run(self.folder / "run", {"train_loss": 1}, frames=frames)
        self.draw("trajectories", "--no-animation")
        return "the middle" in (self.folder / "out" / "trajectories.svg").read_text()

    def test_the_middle_is_drawn_again_where_few_go_far(self):
        self.assertTrue(self.draw_with_ends_at(30))

    def test_and_not_where_none_does(self):
        self.assertFalse(self.draw_with_ends_at(1))


class TwoPhaseRatesTest(DrawingTest):
    EXPERIMENT = ("[task]\nkind = \"teacher-student\"\ninput_dim = 5\nlabel_noise = \"{{noise}}\"\n[network]\nwidth = {width}\n"
                  "[[phase]]\nmethod = \"{{method}}\"\n")

    def content(self, loss, noise="uniform", method="gld"):
        return {"columns": {"test_loss": loss, "train_loss": 1e-9},
                "experiment": self.EXPERIMENT.replace("{{noise}}", noise).replace("{{method}}", method)}

    def test_slopes_and_the_best_ridge(self):
        runs = []
        for n in (100, 200, 400, 800):
            kernels = {"large": 0.5, "small": 50 / n}  # the large ridge is better at 100 samples alone
            kernels["small"] *= 1.01
            runs += [(f"student-{n}", "student", n, 1, self.content(10 / n)), (f"exact-{n}", "exact", n, 1, self.content(1, "none"))]
            runs += [(f"{ridge}-{n}", ridge, n, 1, self.content(loss, method="kernel-regression")) for ridge, loss in kernels.items()]
        write_runs(self.folder / "run", ["task.num_train", "seed"], runs)
        printed = self.draw("two_phase_rates").stdout
        self.assertIn("student: slope -1.00, 95 % interval -1.00 to -1.00", printed)
        self.assertIn("kernel, n = 100: the best of 2 is large", printed)
        self.assertIn("kernel, n = 200: the best of 2 is small", printed)
        self.assertIn("exact, n = 800: training loss 1e-09 at the end", printed)
        self.assert_written("two_phase_rates")

    def test_without_noise_there_is_no_rate(self):
        write_runs(self.folder / "run", ["task.num_train", "seed"],
                   [(f"{n}", "exact", n, 1, self.content(1, "none")) for n in (100, 200)])
        self.assert_refuses("two_phase_rates", "label_noise")


class DeepNetworksTest(unittest.TestCase):
    def test_limits_are_those_of_the_program(self):
        # mfld kernel --cosines=-1,0,0.5,1 --input-dim 2 --convention jacot --depth 4 --bias-variance 0.01
        found = deep_networks.limit_kernel([-1, 0, 0.5, 1], 4, 0.1)
        np.testing.assert_allclose(found, [0.064353770145465, 0.092702110174024, 0.13772306534308967, 0.2825], rtol=1e-12)

    def test_tangent_kernels_are_products_of_derivatives(self):
        network = deep_networks.DeepNetwork(np.random.default_rng(1), 2, 5, 4, 0.1)
        network.weights, network.biases = ([part.astype(float) for part in parts] for parts in (network.weights, network.biases))
        inputs, rows = np.array([[1.0, 0.0], [0.5, -0.5]]), []
        for part in (*network.weights, *network.biases):
            for place in np.ndindex(part.shape):
                sides = []
                for change in (1e-4, -2e-4):
                    part[place] += change
                    sides.append(network.outputs(inputs).astype(float))
                part[place] += 1e-4
                rows.append((sides[0] - sides[1]) / 2e-4)
        derivatives = np.array(rows)
        np.testing.assert_allclose(network.tangent_kernel(inputs, inputs), derivatives.T @ derivatives, rtol=2e-3)

    def test_wide_networks_have_the_kernel_of_the_limit_and_are_trained(self):
        # Relative deviations of single kernels at width 1000 are about 0.05; 0.3 is six of them.
        network = deep_networks.DeepNetwork(np.random.default_rng(1), 2, 1000, 4, 0.1)
        inputs = np.array([[1.0, 0.0], [0.0, 1.0]])
        np.testing.assert_allclose(network.tangent_kernel(inputs[:1], inputs)[0], deep_networks.limit_kernel([1, 0], 4, 0.1), rtol=0.3)
        self.assertLess(network.train(inputs, [1.0, -1.0], 60, 4.0), 1e-3)


if __name__ == "__main__":
    unittest.main()
