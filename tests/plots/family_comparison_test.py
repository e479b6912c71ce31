#!/usr/bin/env python3
"""The figure of many methods on one problem, from runs that are made up."""

from drawing import DrawingTest, write_runs  # first: it may start the test over

import json
import unittest

import numpy as np

METHOD = """
[[phase]]
method = "{{first}}"
[[phase]]
method = "{{last}}"
"""


def methods_run(last, gap, first="mfld", error=1e-4):
    return {"columns": {"dual_gap": gap, "dual_gap_error": error},
            "experiment": METHOD.replace("{{first}}", first).replace("{{last}}", last)}


class FamilyComparisonTest(DrawingTest):
    def write(self, runs, seconds=5.0):
        write_runs(self.folder / "run", ["seed"], runs)
        for name, *_ in runs:
            summary = {"ending": "finished", "step": 100}
            if seconds is not None:
                summary["wall_seconds_by_part"] = {"step": seconds, "observe": 1000.0}
            (self.folder / "run" / name / "summary.json").write_text(json.dumps(summary))

    def test_gaps_stand_against_gradients_and_seconds_of_steps(self):
        falling = 10.0 ** -np.linspace(0, 5, 11)
        falling[2] = 1e-6  # in the first phase, which has another temperature
        self.write([("a", "full", 1, methods_run("mfld", falling)), ("b", "full", 2, methods_run("mfld", 5 * falling)),
                    ("c", "batches", 1, methods_run("sgd-mfld", -falling, first="sgd-mfld"))])
        printed = self.draw("family_comparison").stdout
        # Rows of the last phase: steps 50 to 100, 7 evaluations and 0.05 s a step; below 1e-3 are those from 70, or 80, on.
        self.assertIn("full (2): below 0.001 after 525 gradient evaluations, 3.75 s; gap at the end 3e-05", printed)
        self.assertIn("batches (1): below 0.001 after 350 gradient evaluations, 2.5 s; gap at the end -1e-05", printed)
        self.assertIn("standard error of the gap at the end: 0.0001", printed)
        self.assert_written("family_comparison")

    def test_methods_that_do_not_come_down_are_drawn(self):
        self.write([("a", "full", 1, methods_run("mfld", 0.5))])
        self.assertIn("full (1): not below 0.001 in every run; gap at the end 0.5", self.draw("family_comparison").stdout)

    def test_what_is_missing_is_named(self):
        self.write([("a", "full", 1, {"columns": {"train_loss": 1}})])
        self.assert_refuses("family_comparison", "dual_gap")

    def test_runs_without_seconds_are_refused(self):
        self.write([("a", "full", 1, methods_run("mfld", 0.5))], seconds=None)
        self.assert_refuses("family_comparison", "seconds of the steps")

    def test_gaps_that_are_no_numbers_are_refused(self):
        self.write([("a", "full", 1, methods_run("mfld", np.nan, error=np.nan))])
        self.assert_refuses("family_comparison", "dual_gap_error")

    def test_more_methods_than_can_be_told_apart_are_refused(self):
        self.write([(name, name, 1, methods_run("mfld", 0.5)) for name in "abcdef"])
        self.assert_refuses("family_comparison", "all samples in each step")


if __name__ == "__main__":
    unittest.main()
