#!/usr/bin/env python3
"""`mfld new`: every example is there, explains itself and runs. Usage: this PROGRAM"""
import random
import tomllib
from pathlib import Path

import program

FOLDER = Path(__file__).resolve().parents[2] / "sims/templates"


class NewTest(program.ProgramTest):
    def names(self):
        result = self.mfld("new")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return [line.split()[0] for line in result.stdout.splitlines()[1:]]

    def test_the_list(self):
        self.assertEqual(self.names(), sorted(file.stem for file in FOLDER.glob("*.toml")))
        for name in ("two-phase", "ntk-vs-mean-field", "trajectories", "own-data", "density"):
            self.assertIn(name, self.names())

    def test_an_unknown_name(self):
        self.assert_sentence(self.mfld("new", "two_phase"), 2, "unknown template two_phase; did you mean two-phase?")
        self.assert_sentence(self.mfld("new", "zzzzz"), 2, "unknown template zzzzz; `mfld new` alone")
        self.assert_sentence(self.mfld("new", ""), 2, "must not be empty")

    def test_each_runs(self):
        numbers = random.Random(1)
        rows = [[numbers.gauss(0, 1) for _ in range(3)] for _ in range(60)]
        (self.root / "data.csv").write_text("".join(f"{a},{b},{c},{int(a > 0)}\n" for a, b, c in rows))
        for name in self.names():
            text = self.mfld("new", name).stdout
            self.assertEqual(text, (FOLDER / f"{name}.toml").read_text())
            self.assertTrue(text.startswith("# "), name)
            self.assertLessEqual(max(map(len, text.splitlines())), 125, name)
            (self.root / "my.toml").write_text(text)
            phases = [f"phase.{k}.steps=5" for k, phase in enumerate(tomllib.loads(text)["phase"]) if "steps" in phase]
            settings = [word for setting in phases for word in ("--set", setting)]
            result = self.mfld("run", "my.toml", "--quiet", "--out", name, *settings)
            self.assertEqual((result.returncode, result.stderr), (0, ""), name)


if __name__ == "__main__":
    program.main()
