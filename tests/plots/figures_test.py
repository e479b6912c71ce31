#!/usr/bin/env python3
"""The figures, drawn from run directories made up here: what they show, write, print and refuse."""

from drawing import STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import types
import unittest

import numpy as np
from PIL import Image

from mfld import results
import series
import trajectories
import two_phase


def two_phases(last_loss, last_cosine):
    """Losses on a plateau of 0.1 until step 50, from there exponential; one cosine."""
    fall = np.clip((STEPS - 50) / 50, 0, 1)
    loss = 0.1 * (last_loss / 0.1) ** fall
    cosine = 0.5 + (last_cosine - 0.5) * fall
    return {"train_loss": loss, "test_loss": 2 * loss, "teacher_cosine_1": cosine, "teacher_cosine_2": cosine**0.5}


class FiguresTest(DrawingTest):
    def test_two_phase_counts_seeds_that_succeed(self):
        diverged = two_phases(1e-9, 0.9999)
        diverged["train_loss"] = np.where(STEPS > 60, np.nan, diverged["train_loss"])
        diverged["teacher_cosine_2"] = np.where(STEPS > 60, np.nan, diverged["teacher_cosine_2"])
        runs = [
            ("seed=1", "", 1, {"columns": two_phases(0.99e-7, 0.9991)}),  # a little more than 6 decades
            ("seed=2", "", 2, {"columns": two_phases(1.01e-7, 0.9991)}),  # a little less
            ("seed=3", "", 3, {"columns": two_phases(1e-20, 0.9989)}),  # teacher missed
            ("seed=4", "", 4, {"columns": diverged}),
        ]
        write_runs(self.folder / "run", ["seed"], runs)
        self.assertIn("success: 1 of 4 seeds", self.draw("two_phase").stdout)
        self.assert_written("two_phase")
        svg = (self.folder / "out" / "two_phase.svg").read_text()
        reached = "every teacher found (cosine &gt; 0.999) in 2 of 4 seeds"
        for text in (reached, "explore", "converge", "training loss", "test loss"):
            self.assertIn(text, svg)

    def test_two_phase_draws_a_single_run_with_every_teacher(self):
        write_run(self.folder / "run", two_phases(1e-9, 0.9999))
        self.assertIn("success: 1 of 1 run", self.draw("two_phase").stdout)
        self.assertIn("teacher 2", (self.folder / "out" / "two_phase.svg").read_text())

    def test_two_phase_needs_no_teacher(self):
        write_run(self.folder / "run", {"train_loss": np.geomspace(1, 1e-9, 11)})
        self.assertNotIn("success", self.draw("two_phase").stdout)
        self.assertIn("loss down 4.5 decades in", (self.folder / "out" / "two_phase.svg").read_text())
        self.assert_written("two_phase")

    def test_two_phase_says_what_is_missing(self):
        write_run(self.folder / "run", {"test_loss": np.ones(11)})
        self.assert_refuses("two_phase", "train_loss", "metrics.csv")

    def test_phases_start_at_their_first_row(self):
        write_run(self.folder / "run", two_phases(1e-9, 1))
        run = results.load(self.folder / "run")
        self.assertEqual(two_phase.phase_starts(run), [0, 50])
        self.assertAlmostEqual(two_phase.judge(run)["decades"], 8)

    def test_cases_share_axes(self):
        rising = np.linspace(0.5, 1, 11)
        columns = {"train_accuracy": rising, "test_accuracy": rising, "movement_relative": rising - 0.5}
        columns["teacher_alignment"] = 0.25 * rising
        runs = [
            (f"{case}_seed={seed}", case, seed, {"columns": columns})
            for case in ("mean-field", "ntk")
            for seed in (1, 2, 3)
        ]
        write_runs(self.folder / "run", ["seed"], runs)
        done = self.draw("ntk_vs_mean_field", "--against", "step")
        self.assertIn("ntk (3 runs, median): train_accuracy 1, test_accuracy 1", done.stdout)
        self.assert_written("ntk_vs_mean_field")
        svg = (self.folder / "out" / "ntk_vs_mean_field.svg").read_text()
        for text in ("mean-field", "ntk", "each of 3 seeds", "relative movement", "alignment", "isotropic"):
            self.assertIn(text, svg)

    def test_the_legend_has_the_certified_gap(self):
        rising = np.linspace(0.5, 1, 11)
        plain = {"train_accuracy": rising, "test_accuracy": rising}
        missing = np.full(10, np.nan)
        certified = {"certified_gap": np.append(missing, 0.04), "certified_gap_error": np.append(missing, 0.0012),
                     "certified_energy": np.concatenate([[0.56], missing[1:], [0.1]]),
                     "certified_bound": np.append(missing, 0.06)}
        runs = [("mean-field_seed=1", "mean-field", 1, {"columns": {**plain, **certified}}),
                ("ntk_seed=1", "ntk", 1, {"columns": plain})]
        write_runs(self.folder / "run", ["seed"], runs)
        done = self.draw("ntk_vs_mean_field")
        self.assertIn("certified_gap 0.0400 +- 0.0012, at first 0.500", done.stdout)
        svg = (self.folder / "out" / "ntk_vs_mean_field.svg").read_text()
        self.assertIn("within 0.0400 \u00b1 0.0012", svg)
        self.assertIn("of the optimum (0.50 at first)", svg)

    def test_a_run_without_a_last_gap_has_none_in_the_legend(self):
        rising = np.linspace(0.5, 1, 11)
        missing = np.full(11, np.nan)
        names = ("certified_gap", "certified_gap_error", "certified_energy", "certified_bound")
        columns = {"train_accuracy": rising, "test_accuracy": rising, **dict.fromkeys(names, missing)}
        write_run(self.folder / "run", columns)
        self.assertNotIn("at first", self.draw("ntk_vs_mean_field").stdout)

    def test_panels_without_columns_are_left_out(self):
        loss = np.geomspace(1, 1e-3, 11)
        write_run(self.folder / "run", {"train_loss": loss, "test_loss": loss})
        self.assertIn("teacher_alignment", self.draw("ntk_vs_mean_field").stdout)
        self.assert_written("ntk_vs_mean_field")

    def test_nothing_to_compare_is_refused(self):
        write_run(self.folder / "run", {"mean_norm": np.ones(11)})
        self.assert_refuses("ntk_vs_mean_field", "accuracy")

    def test_trajectories_and_the_slope_in_the_width(self):
        draws = np.random.default_rng(1)
        runs = []
        for case, power in (("mean-field", 0.0), ("ntk", -0.5)):
            for width in (4, 16, 64):
                columns = {"movement_mean": 2.0 * width**power * STEPS / 100}
                frames = draws.normal(size=(5, width, 3)).cumsum(axis=0)
                content = {"columns": columns, "width": width, "frames": frames}
                runs.append((f"{case}_width={width}", case, width, content))
        write_runs(self.folder / "run", ["network.width"], runs)
        printed = self.draw("trajectories", "--width", "16").stdout
        self.assertIn("ntk: movement at the end against width, slope -0.500", printed)
        self.assertRegex(printed, r"mean-field: movement at the end against width, slope -?0\.000")
        self.assert_written("trajectories")
        self.assert_written("trajectories_width")
        svg = (self.folder / "out" / "trajectories.svg").read_text()
        self.assertIn("teacher direction", svg)
        self.assertIn("N = 16", svg)
        with Image.open(self.folder / "out" / "trajectories.gif") as animation:
            self.assertGreaterEqual(animation.n_frames, 5)

    def test_no_trajectory_is_refused(self):
        write_run(self.folder / "run", {"movement_mean": STEPS / 100})
        self.assert_refuses("trajectories", "observe.trajectory.particles")

    def test_paths_are_r_times_w(self):
        positions = np.random.default_rng(1).normal(size=(3, 6, 4))
        subspace = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 2)))[0]
        run = types.SimpleNamespace(
            data={"relevant_subspace": subspace, "teacher_directions": subspace.T},
            trajectory=types.SimpleNamespace(
                positions=positions, times=np.arange(3.0), names=["r", "w_1", "w_2", "w_3"]
            ),
        )
        picture = trajectories.picture_of("case", run, num_particles=5)
        expected = np.einsum("fj,fjd,dk->fjk", positions[:, :5, 0], positions[:, :5, 1:], subspace)
        np.testing.assert_allclose(picture.paths, expected, rtol=1e-14)
        np.testing.assert_array_equal(picture.positive, positions[-1, :5, 0] >= 0)
        np.testing.assert_allclose(picture.teachers, np.eye(2), atol=1e-14)

    def test_runs_are_grouped_by_all_but_their_seed(self):
        def run(case, **keys):
            return types.SimpleNamespace(case=case, keys={key.replace("_", "."): value for key, value in keys.items()})

        runs = [run("a", network_width=4, seed=1), run("a", network_width=4, seed=2), run("b", network_width=4, seed=1)]
        cases = series.by_case(runs)
        self.assertEqual(
            {label: len(members) for label, members in cases.items()}, {"a, width = 4": 2, "b, width = 4": 1}
        )
        self.assertEqual(list(series.by_case(runs, without=["network.width"])), ["a", "b"])


if __name__ == "__main__":
    unittest.main()
