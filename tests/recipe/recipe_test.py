#!/usr/bin/env python3
"""recipe_test.py REPOSITORY WORK_DIR COMPILER FLAGS GENERATOR [LAUNCHER]

Follows the recipes of README.md and src/README.md in a copy of the sources: adds one piece of every kind (pieces.py), builds all
of them at once, and runs each. The pages name the files that are touched, and no more of them than they say. Then leaves out one
place of a recipe after the other: none of these may compile.
"""
import json
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import pieces

REPOSITORY, WORK = (Path(argument).resolve() for argument in sys.argv[1:3])
COMPILER, FLAGS, GENERATOR, LAUNCHER = (sys.argv[3:] + [""])[:4]
HERE = Path(__file__).resolve().parent
COPY, BUILD = WORK / "copy", WORK / "build"

# Where a recipe stands, and how many files it touches.
RECIPES = {
    "method": ("README.md", "* **A method**", 1),
    "activation": ("README.md", "* **An activation**", 2),
    "neuron": ("README.md", "* **A neuron**", 2),
    "loss": ("README.md", "* **A loss**", 2),
    "task": ("README.md", "* **A task**", 4),
    "observable": ("README.md", "* **An observable**", 1),
    "estimator": ("src/README.md", "### A new estimate of the drift", 3),
    "step": ("src/README.md", "### A new step", 2),
}

EXPERIMENT = """\
seed = 1
[task]
kind = "{task}"
num_train = 12
[network]
neuron = "{neuron}"
activation = "{activation}"
width = 5
[loss]
kind = "{loss}"
[[phase]]
method = "{method}"
steps = {steps}
step_size = {step_size}
{phase}
[observe]
every = {every}
columns = ["train_loss", "objective", "gradient_norm", "mean_square"]
"""
PLAIN = {"task": "ramp", "neuron": "r-sigma", "activation": "tanh", "loss": "squared", "method": "gd", "steps": 1,
         "step_size": 1e-6, "every": 1, "phase": ""}


def edits(without=None):
    """Every file of the recipes with all of its places but one."""
    texts = {}
    for kind, places in pieces.EDITS.items():
        for place, (path, old, new) in places.items():
            text = texts.setdefault(path, (REPOSITORY / path).read_text(encoding="utf-8"))
            if (kind, place) != without:
                assert text.count(old) == 1, f"{path} has {text.count(old)} times {old!r}"
                texts[path] = text.replace(old, new)
    return texts


def write(texts):
    """Only what changes, so that nothing else is built again."""
    for path, text in texts.items():
        if not (COPY / path).exists() or (COPY / path).read_text(encoding="utf-8") != text:
            (COPY / path).write_text(text, encoding="utf-8")


def build():
    shutil.rmtree(WORK, ignore_errors=True)
    COPY.mkdir(parents=True)
    shutil.copy(REPOSITORY / "CMakeLists.txt", COPY)
    for name in (".cmake", "include", "src", "sims"):
        shutil.copytree(REPOSITORY / name, COPY / name)
    write(edits())
    for files in pieces.NEW_FILES.values():
        for path, source in files.items():
            shutil.copy(HERE / source, COPY / path)
    # One instruction set and no optimisation: the arithmetic is the same.
    subprocess.run(["cmake", "-S", HERE, "-B", BUILD, "-G", GENERATOR, f"-DCMAKE_CXX_COMPILER={COMPILER}",
                    f"-DCMAKE_CXX_FLAGS={FLAGS} -DHWY_COMPILE_ONLY_STATIC", "-DCMAKE_BUILD_TYPE=Plain",
                    f"-DCMAKE_CXX_COMPILER_LAUNCHER={LAUNCHER}", f"-DMFLD={COPY}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--parallel", "2"], check=True)


def compile_alone(path):
    """What the compiler says of one file, in the build's own words."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    entry = next(each for each in commands if each["file"] == str(COPY / path))
    command = [word for word in shlex.split(entry["command"]) if "ccache" not in word] + ["-fsyntax-only"]
    return subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)


def recipe(kind):
    """Its item of a list, or its section."""
    page, start, _ = RECIPES[kind]
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    end = r"\n\* |\n\n" if start.startswith("*") else r"\n##"
    return re.split(end, text[text.index(start) + 2:], maxsplit=1)[0]


class Pages(unittest.TestCase):
    def test_name_the_files_that_a_recipe_touches(self):
        for kind, (page, _, number) in RECIPES.items():
            with self.subTest(kind=kind):
                links = re.findall(r"\]\(([^)#\s]+)[)#]", recipe(kind))
                named = {((REPOSITORY / page).parent / link).resolve() for link in links}
                touched = pieces.files_of(kind)
                self.assertEqual(len(touched), number, touched)
                for path in touched:
                    new = path in pieces.NEW_FILES.get(kind, {})
                    self.assertIn((REPOSITORY / path).parent if new else REPOSITORY / path, named)

    def test_say_how_many(self):
        for kind, (_, _, number) in RECIPES.items():
            with self.subTest(kind=kind):
                self.assertIn(f"{['', 'one file', 'two files', 'three files', 'four files'][number]}", recipe(kind))


class LeftOut(unittest.TestCase):
    def tearDown(self):
        write(edits())

    def test_does_not_compile(self):
        for kind, place, path, words in pieces.NOTICED:
            with self.subTest(kind=kind, place=place):
                write(edits((kind, place)))
                result = compile_alone(path)
                self.assertNotEqual(result.returncode, 0, f"{path} compiles without the {place} of the {kind}")
                self.assertIn(words, result.stderr)

    def test_nor_does_a_row_that_does_not_say_what_it_has_to(self):
        for path, field in ((pieces.ACTIVATION_HPP, ".odd = true, .growth = 0},\n});"),
                            (pieces.NEURON_HPP, ".weight_growth = 2,\n")):
            with self.subTest(field=field):
                texts = edits()
                self.assertEqual(texts[path].count(field), 1)
                texts[path] = texts[path].replace(field, ".growth = 0},\n});" if "odd" in field else "")
                write(texts)
                self.assertNotEqual(compile_alone("src/model/neuron.cpp").returncode, 0)


class Added(unittest.TestCase):
    """All of them, in one program."""

    def mfld(self, *arguments, status=0):
        result = subprocess.run([BUILD / "mfld/mfld", *arguments], cwd=WORK, capture_output=True, text=True, timeout=600)
        if status is not None:
            self.assertEqual(result.returncode, status, result.stderr)
        return result

    def rows(self, out):
        """Of metrics.csv, by name."""
        lines = [line for line in (WORK / out / "metrics.csv").read_text().splitlines() if not line.startswith("#")]
        names = lines[0].split(",")
        return [dict(zip(names, map(float, line.split(",")))) for line in lines[1:]]

    def write_experiment(self, name, **choices):
        (WORK / f"{name}.toml").write_text(EXPERIMENT.format(**{**PLAIN, **choices}))
        shutil.rmtree(WORK / name, ignore_errors=True)
        return f"{name}.toml"

    def run_experiment(self, name, **choices):
        self.mfld("run", self.write_experiment(name, **choices), "--out", name, "--quiet")
        return self.rows(name)

    def test_stand_in_their_lists(self):
        for topic, name in (("methods", "noisy-gd"), ("methods", "smoothed-gd"), ("activations", "softsign"),
                            ("neurons", "squared-r"), ("losses", "pseudo-huber"), ("tasks", "ramp"),
                            ("observables", "mean_square"), ("steps", "heavy-ball")):
            self.assertRegex(self.mfld("list", topic).stdout, rf"(?m)^  {name} ", topic)
        keys = self.mfld("list", "keys").stdout
        self.assertRegex(keys, r"loss\.width.*\n.*only with .*loss.kind = \"pseudo-huber\"")
        self.assertRegex(keys, r"friction.*\n.*only with step = kinetic, heavy-ball")
        self.assertRegex(self.mfld("list", "observables").stdout, r"\(tanh, erf, linear, softsign\)")

    def test_have_the_values_and_slopes_that_they_should(self):
        subprocess.run([BUILD / "added"], check=True)

    def test_train_down_their_gradients(self):
        """In mean-field time the objective falls by the square of the gradient norm."""
        for name, choices in (("activation", {"activation": "softsign"}), ("neuron", {"neuron": "squared-r"}),
                              ("loss", {"loss": "pseudo-huber"}),
                              ("all", {"activation": "softsign", "neuron": "squared-r", "loss": "pseudo-huber"})):
            with self.subTest(name=name):
                start, end = self.run_experiment(name, **choices)
                self.assertGreater(start["gradient_norm"], 0)
                fall = (start["objective"] - end["objective"]) / PLAIN["step_size"]
                self.assertLess(abs(fall / start["gradient_norm"] ** 2 - 1), 1e-3)
                self.assertGreater(start["mean_square"], 0)

    def test_a_loss_reads_its_number(self):
        experiment = self.write_experiment("number", loss="pseudo-huber")
        wide = self.mfld("run", experiment, "--out", "number", "--quiet", "--set", "loss.width=1e6")
        self.assertEqual(wide.returncode, 0)
        squared = self.run_experiment("squared")
        self.assertLess(abs(self.rows("number")[0]["train_loss"] / squared[0]["train_loss"] - 1), 1e-9)
        refused = self.mfld("run", experiment, "--out", "other", "--set", "loss.width=-1", status=2)
        self.assertIn("loss.width = -1: must be", refused.stderr)
        refused = self.mfld("run", experiment, "--out", "other", "--set", "loss.delta=1", status=2)
        self.assertIn('is only read with loss.kind = "huber"', refused.stderr)

    def test_a_task_makes_its_data(self):
        self.run_experiment("task", steps=0)
        self.assertIn("y = 1 |x|, x on a grid of [-1, 1]", (WORK / "task/metrics.csv").read_text())

    def test_a_method_runs(self):
        rows = self.run_experiment("method", method="noisy-gd", steps=20, step_size=0.1, phase="lambda2 = 0.01")
        self.assertEqual(len(rows), 21)
        self.assertNotEqual(rows[0]["mean_square"], rows[-1]["mean_square"])

    def check_goes_on(self, name, matrix, **choices):
        """A run that is stopped again and again has the bits of one that is not."""
        whole = self.run_experiment(f"{name}_whole", **choices)
        self.assertLess(whole[-1]["train_loss"], whole[0]["train_loss"])
        experiment = self.write_experiment(name, **choices)
        result = self.mfld("run", experiment, "--out", name, "--quiet", "--max-wall", "0.001s", status=130)
        stops = set()
        for attempt in range(40):
            if result.returncode != 130:
                break
            limit = ["--max-wall", f"{0.02 * 1.5 ** attempt:.3f}s"]
            result = self.mfld("resume", name, "--quiet", *limit, status=None)
            if result.returncode == 130:
                stops.add(int(re.search(r"at step (\d+)", result.stderr)[1]))
                if max(stops) > 0:
                    self.assertIn(matrix.encode(), (WORK / name / "checkpoint.h5").read_bytes())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(any(0 < stop < choices["steps"] for stop in stops), stops)
        for file in ("metrics.csv", "checkpoint.h5"):
            self.assertEqual((WORK / name / file).read_bytes(), (WORK / f"{name}_whole" / file).read_bytes(), file)

    def test_an_estimator_keeps_its_matrix(self):
        self.check_goes_on("estimator", "smoothed_drift", method="smoothed-gd", steps=6000, step_size=0.01, every=1000)

    def test_a_step_keeps_its_momentum(self):
        self.check_goes_on("step", "momentum", method="noisy-gd", steps=6000, step_size=0.01, every=1000,
                           phase='step = "heavy-ball"\nfriction = 2\nlambda2 = 1e-6')

    def test_both_at_once(self):
        self.check_goes_on("both", "momentum", method="smoothed-gd", steps=6000, step_size=0.01, every=1000,
                           phase='step = "heavy-ball"\nfriction = 2')
        self.assertIn("heavy-ball step, velocity <- e velocity - eta g, e = exp(-friction eta)",
                      (WORK / "both/metrics.csv").read_text())


if __name__ == "__main__":
    build()
    unittest.main(argv=sys.argv[:1])
