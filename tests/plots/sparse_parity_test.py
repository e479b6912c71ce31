#!/usr/bin/env python3
"""The figure of samples and dimensions, from runs that are made up."""

from drawing import DrawingTest, write_runs  # first: it may start the test over

import unittest

KEYS = ["task.input_dim", "task.num_train", "seed"]


class SparseParityTest(DrawingTest):
    def write(self, dimensions=(10, 20), samples=(50, 100), cases=("network", "kernel"), column="test_accuracy"):
        write_runs(self.folder / "run", KEYS, [
            (f"{case}-{d}-{n}-{seed}", case, d, n, seed, {"columns": {column: 0.5 + 0.1 * seed + n / 1000 / (1 + index)}})
            for index, case in enumerate(cases) for d in dimensions for n in samples for seed in (1, 2, 3)])

    def test_medians_stand_in_their_cells(self):
        self.write()
        printed = self.draw("sparse_parity").stdout
        self.assertIn("network, d = 10: 0.75 (n = 50), 0.8 (n = 100)", printed)
        self.assertIn("kernel, d = 20: 0.725 (n = 50), 0.75 (n = 100)", printed)
        self.assert_written("sparse_parity")

    def test_one_dimension_is_refused(self):
        self.write(dimensions=[10])
        self.assert_refuses("sparse_parity", "task.input_dim")

    def test_columns_that_are_missing_are_named(self):
        self.write(column="test_loss")
        self.assert_refuses("sparse_parity", "test_accuracy")

    def test_more_cases_than_have_room_are_refused(self):
        self.write(cases="abcd")
        self.assert_refuses("sparse_parity", "--only case=NAME")


if __name__ == "__main__":
    unittest.main()
