#!/usr/bin/env python3
"""The general comparison: which runs become points, curves, panels and cells, what is computed, said and refused."""

from drawing import STEPS, DrawingTest, write_run, write_runs  # first: it may start the test over

import argparse
import time
import unittest

import numpy as np
from matplotlib import colors

import compare
import comparison
import expression
from mfld import results
import nearest
import style

SEEDS = (1, 2, 3)
SAMPLES, SPARSITY = "task.num_train", "task.sparsity"


def error(samples, seed, factor=1):
    """1 - accuracy: 20 / samples in the median over the seeds."""
    return {"test_accuracy": 1 - factor * 10 * seed / samples, "test_loss": seed * np.geomspace(1, 0.01, 11)}


class Comparison(DrawingTest):
    def write(self, cases=("mean-field", "ntk"), sparsities=(2,), samples=(100, 200, 400)):
        runs = [(f"{case}_{k}_{n}_{seed}", case, n, k, seed, {"columns": error(n, seed, 1 + index)})
                for index, case in enumerate(cases) for k in sparsities for n in samples for seed in SEEDS]
        write_runs(self.folder / "run", [SAMPLES, SPARSITY, "seed"], runs)

    def compare(self, *options, **how):
        return self.draw("compare", *options, **how)

    def svg(self, stem="compare"):
        return (self.folder / "out" / f"{stem}.svg").read_text()

    def refuses(self, *parts, options):
        self.assert_refuses("compare", *parts, options=options)


class Ends(Comparison):
    def test_an_error_against_n_alone(self):
        self.write(cases=("",))
        printed = self.compare("--x", SAMPLES, "--y", "test_error", "--log", "xy").stdout
        self.assertIn("runs: 100: 0.2, 200: 0.1, 400: 0.05", printed)
        self.assert_written("compare")
        for text in ("training samples", "test error (share wrong)", "at the end of each run",
                     "quartiles and each of 3 seeds"):
            self.assertIn(text, self.svg())

    def test_cases_become_curves_and_a_second_key_panels(self):
        self.write(sparsities=(2, 3))
        printed = self.compare("--x", SAMPLES, "--y", "test_error", "--name", "both").stdout
        self.assertIn("task.sparsity = 3, ntk: 100: 0.4, 200: 0.2, 400: 0.1", printed)
        self.assert_written("both")
        for text in ("mean-field", "ntk", "sparsity = 2", "sparsity = 3"):
            self.assertIn(text, self.svg("both"))

    def test_the_command_line_chooses_curves_and_panels(self):
        self.write(sparsities=(2, 3))
        printed = self.compare("--x", SAMPLES, "--y", "test_error", "--hue", SPARSITY, "--facet", "case").stdout
        self.assertIn("ntk, task.sparsity = 3: 100: 0.4", printed)

    def test_runs_that_differ_in_more_than_their_seeds_are_no_point(self):
        runs = [(f"{a}{b}{c}", "", a, b, c, {"columns": {"test_loss": 1}})
                for a in (1, 2) for b in (1, 2) for c in (1, 2)]
        write_runs(self.folder / "run", ["network.width", "network.alpha", SAMPLES], runs)
        options = ("--x", SAMPLES, "--y", "test_loss", "--facet", SAMPLES)
        self.refuses("differ in network.alpha too", "--where network.alpha=VALUE", options=options)
        self.compare("--x", SAMPLES, "--y", "test_loss", "--where", "network.alpha=2")

    def test_a_key_that_follows_from_another_needs_no_choice(self):
        runs = [(f"{width}_{seed}", "", width, 1 / width, seed, {"columns": {"test_loss": seed}})
                for width in (2, 4) for seed in SEEDS]
        write_runs(self.folder / "run", ["network.width", "phase.0.step_size", "seed"], runs)
        printed = self.compare("--x", "network.width", "--y", "test_loss").stdout
        self.assertIn("runs: 2: 2, 4: 2", printed)
        self.assertIn("0.25: 2, 0.5: 2", self.compare("--x", "phase.0.step_size", "--y", "test_loss").stdout)

    def test_words_stand_side_by_side(self):
        self.write(samples=(100,))
        self.assertIn("mean-field: 0.2, ntk: 0.4", self.compare("--x", "case", "--y", "test_error").stdout)

    def test_words_and_zeros_have_no_place_on_a_logarithmic_axis(self):
        self.write(sparsities=(0, 1))
        for key in ("case", SPARSITY):
            self.refuses("--log x", "above 0", options=("--x", key, "--y", "test_loss", "--log", "x",
                                                        "--where", f"{SAMPLES}=100"))

    def test_a_key_that_was_not_swept(self):
        for width in (8, 32):
            write_run(self.folder / "run" / f"w{width}", {"test_loss": 1 / width}, width=width)
        lines = ["run,case,seed,ending", "w8,,1,finished", "w32,,2,finished"]
        (self.folder / "run/index.csv").write_text("\n".join(lines) + "\n")
        self.assertIn("8: 0.125, 32: 0.0312", self.compare("--x", "network.width", "--y", "test_loss").stdout)
        printed = self.compare("--x", "network.width", "--y", "test_loss", "--where", "network.width=32").stdout
        self.assertIn("runs: 32: 0.0312\n", printed)


class Maps(Comparison):
    def test_two_keys_make_cells_of_medians(self):
        self.write(cases=("",), sparsities=(2, 3))
        for options in (("--x", f"{SAMPLES},{SPARSITY}"), ("--x", SAMPLES, "--x", SPARSITY, "--log", "xy")):
            printed = self.compare(*options, "--y", "test_error").stdout
            self.assertIn("task.sparsity = 3: 100: 0.2, 200: 0.1, 400: 0.05", printed)
        for text in ("training samples", "sparsity", "test error (share wrong)", "median of 3 seeds", ">0.05<"):
            self.assertIn(text, self.svg())

    def test_cases_are_panels_and_hues_have_no_place(self):
        self.write(sparsities=(2, 3))
        printed = self.compare("--x", f"{SAMPLES},{SPARSITY}", "--y", "test_error").stdout
        self.assertIn("ntk, task.sparsity = 2: 100: 0.4", printed)
        done = self.compare("--x", "a,b", "--y", "c", "--hue", "case", status=2)
        self.assertIn("--facet case", done.stderr)

    def test_a_cell_without_a_run_has_no_number(self):
        record = comparison.Record(results.Run("x"), [1, 2], 5.0)
        table = compare.cells([record], rows=[1, 2], columns=[1])
        self.assertTrue(np.isnan(table[0, 0]))
        self.assertEqual(table[1, 0], 5)


class Curves(Comparison):
    def test_medians_at_the_steps_that_all_have(self):
        self.write(samples=(100,))
        printed = self.compare("--x", "step", "--y", "test_loss", "--log", "xy").stdout
        self.assertIn("mean-field: 0.02 at 100", printed)
        self.assertIn("gradient evaluations",
                      (self.compare("--x", "gradient_evaluations", "--y", "test_loss"), self.svg())[1])
        short = comparison.Record(None, np.array([0.0, 1, 3]), np.array([1.0, 2, 4]), np.array([0, 1, 3]))
        long = comparison.Record(None, np.array([0.0, 2, 3]), np.array([3.0, 9, 6]), np.array([0, 2, 3]))
        x, (_, middle, _) = comparison.curve([short, long])
        self.assertEqual((x.tolist(), middle.tolist()), ([0, 3], [2, 5]))

    def test_seconds_are_steps_times_their_mean_time(self):
        self.write(cases=("",), samples=(100,))
        for seed, seconds in zip(SEEDS, (10, 20, 40)):
            (self.folder / f"run/_2_100_{seed}/summary.json").write_text(
                f'{{"ending": "finished", "step": 100, "wall_seconds": {seconds}}}')
        printed = self.compare("--x", "seconds", "--y", "test_loss").stdout
        self.assertIn("runs: 0.02 at 20", printed)
        self.assertIn("wall time (s)", self.svg())

    def test_a_run_by_itself(self):
        write_run(self.folder / "run", {"test_loss": np.geomspace(1, 0.5, 11)})
        self.assertIn("runs: 0.5 at 10", self.compare("--x", "time", "--y", "test_loss").stdout)
        self.assertIn("one run a curve", self.svg())


class Sentences(Comparison):
    OPTIONS = ("--x", SAMPLES, "--y", "test_error")

    def test_runs_that_have_not_ended_are_left_out_and_counted(self):
        self.write(cases=("",))
        (self.folder / "run/experiment.toml").write_text(
            "[sweep]\nseed = [1, 2, 3]\ntask.num_train = [100, 200, 400, 800]\n")
        (self.folder / "run/_2_100_1/summary.json").write_text('{"ending": "interrupted"}')
        done = self.compare(*self.OPTIONS)
        self.assertIn("8 of 12 runs; the others have not finished and are left out", done.stderr)
        self.assertIn("8 of 12 runs", self.svg())
        self.assertIn("100: 0.25,", done.stdout)  # of the seeds 2 and 3

    def test_what_diverged_has_no_median(self):
        self.write(cases=("",))
        (self.folder / "run/_2_200_3/summary.json").write_text('{"ending": "diverged"}')
        done = self.compare(*self.OPTIONS)
        self.assertIn("1 of 9 runs diverged", done.stderr)
        self.assertIn("100: 0.2, 200: nan, 400: 0.05", done.stdout)

    def test_names_that_are_not_there(self):
        self.write()
        for options, parts in (
                (("--x", "task.numtrain", "--y", "test_loss"), ("--x task.numtrain", "nearest is task.num_train")),
                (("--x", SAMPLES, "--y", "tset_loss"), ("column tset_loss", "nearest is test_loss")),
                (("--x", SAMPLES, "--y", "test_loss", "--hue", "cases"), ("--hue cases", "nearest is case")),
                (("--x", SAMPLES, "--y", "test_loss", "--facet", "sparsty"), ("nearest is task.sparsity",)),
                (("--x", SAMPLES, "--y", "test_loss", "--where", "widht=3"), ("nearest is network.width",)),
                (("--x", SAMPLES, "--y", "test_loss", "--where", "case=nkt"), ("case = nkt", "mean-field, ntk")),
                (("--x", SAMPLES, "--y", "test_loss", "--where", "case"), ("KEY=VALUE",)),
                (("--x", SAMPLES, "--y", "lgo(test_loss)"), ("no function lgo", "nearest is log")),
                (("--x", "step,time", "--y", "test_loss"), ("--x step,time", "heat map")),
                (("--x", SAMPLES, "--y", "log(0 * test_loss)"), ("number in none of 18 runs",)),
                (("--x", SAMPLES, "--y", "0 * test_loss", "--log", "y"), ("--log y", "above 0"))):
            self.refuses(*parts, options=options)
        self.assertEqual(nearest.of("qqq", ["network.width"]), None)

    def test_runs_without_the_column_are_left_out_and_counted(self):
        runs = [(f"{case}_{seed}", case, seed, {"columns": columns})
                for case, columns in (("a", {"test_loss": 1, "movement_mean": 2}), ("b", {"test_loss": 1}))
                for seed in SEEDS]
        write_runs(self.folder / "run", ["seed"], runs)
        done = self.compare("--x", "step", "--y", "movement_mean")
        self.assertIn("3 of 6 runs have no column movement_mean and are left out", done.stderr)
        self.assertNotIn("b: ", done.stdout)

    def test_names_of_files_are_no_folders(self):
        self.write()
        for name in ("../x", "a/b", "", ".x"):
            with self.assertRaises(argparse.ArgumentTypeError):
                compare.stem(name)


class Looks(Comparison):
    def test_more_numbers_than_colours_are_a_scale_that_grey_shows(self):
        looks = compare.looks([1, 2, 4, 8, 16, 32, 64])
        grey = [colors.to_rgb(look["color"]) @ np.array([0.3, 0.59, 0.11]) for look in looks.values()]
        self.assertTrue((np.diff(grey) > 0.03).all(), grey)
        with self.assertRaisesRegex(results.Error, "at most 5"):
            compare.looks(list("abcdef"))
        with self.assertRaisesRegex(results.Error, "at most 5"):
            compare.looks(list(range(13)))

    def test_the_legend_lies_outside_the_panels(self):
        question = comparison.Question([SAMPLES], None, "case", SPARSITY)
        handles = [style.handle("a case with quite a long name", **style.look(index)) for index in range(5)]
        figure, axes, _ = compare.frame(question, [2, 3, 4, 5], handles)
        figure.canvas.draw()
        legend = next(each.get_legend() for each in figure.axes if each.get_legend())
        box = legend.get_window_extent()
        self.assertTrue(all(box.y0 > each.get_window_extent().y1 for each in axes))
        self.assertTrue(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1)

    def test_more_panels_than_have_room(self):
        with self.assertRaisesRegex(results.Error, "at most 12 panels"):
            compare.frame(comparison.Question([SAMPLES], None, None, SPARSITY), range(13), [])

    def test_two_hundred_runs(self):
        runs = [(f"{n}_{seed}", "", n, seed, {"columns": error(n, seed)})
                for n in range(100, 1100, 100) for seed in range(1, 21)]
        write_runs(self.folder / "run", [SAMPLES, "seed"], runs)
        for x in (SAMPLES, "step"):
            start = time.process_time()
            self.compare("--x", x, "--y", "test_error")
            self.assertLess(time.process_time() - start, 5)
        self.assertIn("median and quartiles of 20 seeds", self.svg())


class Expressions(unittest.TestCase):
    COLUMNS = {"a": np.array([4.0, 2.0]), "b": np.array([1.0, 8.0])}

    def value(self, text):
        return expression.Expression(text)(self.COLUMNS, 2).tolist()

    def test_arithmetic(self):
        for text, values in (("a", [4, 2]), ("1 - a", [-3, -1]), ("a / first(a)", [1, 0.5]), ("2 * a^2 / b", [32, 1]),
                             ("-a ** 2", [-16, -4]), ("log2(b)", [0, 3]), ("max(a, b)", [4, 8]), ("min(a, 3)", [3, 2]),
                             ("lowest(a) + highest(b)", [10, 10]), ("last(b)", [8, 8]), ("sqrt(a) * 0 + 1e3", [1000] * 2),
                             ("1 / (a - a)", [np.inf] * 2), ("9^9^9^9", [np.inf] * 2)):
            self.assertEqual(self.value(text), values, text)
        self.assertEqual(expression.Expression("log(a / b) - a").names, ["a", "b"])

    def test_no_code_is_run(self):
        for text in ("__import__('os').system('true')", "a.__class__", "a[0]", "(lambda: 1)()", "[a for a in b]", "'a'",
                     "a if a else b", "a and b", "a < b", "log(a, base=2)", "log(*a)", "True", "1j", "a @ b", "~a", "a //",
                     "", "a = 1", "a; b", "(" * 250, "-" * 290 + "a" * 20, "min(a)", "a\0", "print(a)", "f'{a}'", "(a := 1)"):
            with self.assertRaises(results.Error, msg=text):
                expression.Expression(text)


if __name__ == "__main__":
    unittest.main()
