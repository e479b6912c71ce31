#!/usr/bin/env python3
"""`mfld export`: the trajectory as other programs read it. Usage: this PROGRAM"""
import csv
import subprocess
import zipfile

import program

# What numpy reads, against what h5py does.
COMPARE = """
import sys
import h5py
import numpy as np
arrays = np.load(sys.argv[1])
with h5py.File(sys.argv[2]) as file:
    names = [name.decode() for name in file["parameters/names"][()]]
    group = file["particles/neurons"]
    chosen = [names.index(name) for name in sys.argv[3].split(",")]
    assert [name.decode() for name in arrays["names"]] == sys.argv[3].split(",")
    assert (arrays["position"] == group["position/value"][()][..., chosen]).all()
    assert (arrays["step"] == group["position/step"][()]).all()
    assert (arrays["time"] == group["position/time"][()]).all()
    assert (arrays["particle"] == group["id"][()]).all()
    assert ("velocity" in arrays) == ("velocity" in group)
    if "velocity" in arrays:
        assert (arrays["velocity"] == group["velocity/value"][()][..., chosen]).all()
"""


class ExportTest(program.ProgramTest):
    EXPERIMENT = """
seed = 1
[task]
kind = "teacher-student"
input_dim = 3
num_train = 20
[network]
width = 6
bias = true
[[phase]]
method = "mfld"
steps = 30
step_size = 0.1
lambda1 = 0.01
lambda2 = 0.01
[observe.trajectory]
particles = [0, 2, 5]
every = 10
"""

    def setUp(self):
        super().setUp()
        self.ran("run", "a.toml", "--out", "run", "--quiet")

    def ran(self, *arguments):
        result = self.mfld(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return result.stdout

    def table(self, *arguments):
        return list(csv.reader(self.ran("export", "run", "--to", "csv", *arguments).splitlines()))

    def test_csv(self):
        header, *rows = self.table()
        self.assertEqual(header, ["step", "time", "particle", "r", "w_1", "w_2", "w_3", "b"])
        self.assertEqual([row[0] for row in rows], ["0"] * 3 + ["10"] * 3 + ["20"] * 3 + ["30"] * 3)
        self.assertEqual([row[2] for row in rows], ["0", "2", "5"] * 4)
        chosen = self.table("--coordinates", "b,w_2")
        self.assertEqual(chosen[0], ["step", "time", "particle", "b", "w_2"])
        self.assertEqual([row[3:] for row in chosen[1:]], [[row[7], row[5]] for row in rows])

    def test_xyz(self):
        lines = self.ran("export", "run", "--to", "xyz", "--coordinates", "w_1,w_2,w_3,r").splitlines()
        self.assertEqual(len(lines), 4 * 5)
        self.assertEqual(lines[5:7], ["3", 'Properties=species:S:1:id:I:1:pos:R:3:r:R:1 Step=10 Time=1 pbc="F F F"'])
        rows = self.table("--coordinates", "w_1,w_2,w_3,r")
        self.assertEqual([line.split()[1:] for line in lines[7:10]], [row[2:] for row in rows[4:7]])
        flat = self.ran("export", "run", "--to", "xyz", "--coordinates", "r,b").splitlines()
        self.assertEqual(flat[2].split()[4:], ["0"])

    def test_npz(self):
        names = "r,w_1,w_2,w_3,b"
        self.ran("export", "run", "--to", "npz", "--out", "a.npz")
        self.ran("export", "run", "--to", "npz", "--out", "b.npz", "--coordinates", "w_3,r")
        self.ran("run", "a.toml", "--out", "moving", "--quiet", "--set", "phase.0.method=underdamped-mfld", "--set",
                 "phase.0.friction=1.0", "--set", "observe.trajectory.velocities=true")
        self.ran("export", "moving", "--to", "npz", "--out", "c.npz")
        self.assertIn("velo:R:3", self.ran("export", "moving", "--to", "xyz"))
        self.assertIn(",b,v_r,v_w_1,", self.ran("export", "moving", "--to", "csv"))
        for file, run, chosen in (("a", "run", names), ("b", "run", "w_3,r"), ("c", "moving", names)):
            with zipfile.ZipFile(self.root / f"{file}.npz") as archive:
                self.assertIsNone(archive.testzip())
            try:
                subprocess.run(["/usr/bin/python3", "-c", "import h5py"], check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                self.skipTest("needs h5py")
            compared = subprocess.run(["/usr/bin/python3", "-c", COMPARE, f"{file}.npz", f"{run}/trajectory.h5", chosen],
                                      cwd=self.root, capture_output=True, text=True)
            self.assertEqual(compared.returncode, 0, compared.stderr)

    def test_what_is_refused(self):
        def refused(sentence, *arguments):
            self.assert_sentence(self.mfld("export", *arguments), 2, sentence)

        refused("no coordinate is called \"w_9\"; did you mean", "run", "--to", "csv", "--coordinates", "w_1,w_9")
        refused("no coordinate is called \"\"", "run", "--to", "csv", "--coordinates", "w_1,")
        refused("r stands there twice", "run", "--to", "csv", "--coordinates", "r,w_1,r")
        refused("--to npz: needs --out", "run", "--to", "npz")
        refused("--to", "run", "--to", "vtk")
        refused("--to is required", "run")
        (self.root / "there.csv").write_text("mine")
        refused("there.csv", "run", "--to", "csv", "--out", "there.csv")
        self.assertEqual((self.root / "there.csv").read_text(), "mine")
        self.ran("run", "a.toml", "--out", "none", "--quiet", "--set", "observe.trajectory.particles=none", "--set",
                 "observe.trajectory.every=default")
        refused("none has no trajectory.h5, which observe.trajectory.particles asks a run for", "none", "--to", "csv")
        self.ran("run", "a.toml", "--out", "two", "--quiet", "--set", "sweep.seed=[1, 2]")
        refused("it holds several runs: name one of them", "two", "--to", "csv")
        (self.root / "run/trajectory.h5").write_bytes(b"no such file")
        self.assert_sentence(self.mfld("export", "run", "--to", "csv"), 4, "trajectory.h5")


if __name__ == "__main__":
    program.main()
