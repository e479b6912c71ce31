#!/usr/bin/env python3
"""mfld.sweep: the directories of the command line whoever makes the runs, and the same in memory."""
import concurrent.futures
import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import numpy as np

import mfld
import package
from package import PACKAGE, arrays, experiment, with_arrays


def swept(**changes):
    value = experiment(phase__0__steps=60, observe={"every": 20}, **changes)
    value["case"] = [{"name": "mean-field"}, {"name": "ntk", "network": {"scaling": "ntk"}, "phase": {"0": {"method": "gld",
                     "lambda2": "default", "beta": 1000.0}}}]
    value["sweep"] = {"seed": [1, 2], "network": {"width": [10, 20]}}
    return value


def of_files(folder):
    """Their bytes, but for seconds and the comments that say how a run came to be."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or path.name == "summary.json":
            continue
        data = path.read_bytes()
        if path.name == "experiment.toml":
            data = b"".join(line for line in data.splitlines(True) if not line.startswith(b"#"))
        if path.name == "index.csv":
            column = data.decode().split("\n")[0].split(",").index("wall_seconds")
            rows = [row.split(",") for row in data.decode().split("\n")]
            data = [row[:column] + row[column + 1:] for row in rows]
        files[name] = data
    return files


class Sweeps(package.PackageTest):
    def setUp(self):
        super().setUp()
        self.expected = None

    def of_the_program(self):
        mfld.run(swept(), out=self.root / "first")
        path = self.root / "swept.toml"
        path.write_text((self.root / "first/experiment.toml").read_text())
        status, errors = self.program("run", path, "--out", "program", "--quiet")
        self.assertEqual(status, 0, errors)
        self.expected = of_files(self.root / "program")
        self.assertIn("ntk_seed=2_width=20/metrics.csv", self.expected)

    def assert_same(self, name, **how):
        runs = mfld.sweep(swept(), out=self.root / name, **how)
        files = of_files(self.root / name)
        self.assertEqual(list(files), list(self.expected))
        for file, data in self.expected.items():
            self.assertEqual(files[file], data, file)
        self.assertEqual(len(runs), 8)
        return runs

    def test_make_the_bytes_of_the_command_line(self):
        self.of_the_program()
        self.assert_same("processes", jobs=2)
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            self.assert_same("threads", executor=executor)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), os.path.dirname(os.path.abspath(__file__))])
        with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
            self.assert_same("pool", executor=executor)

    @unittest.skipIf(importlib.util.find_spec("distributed") is None, "Dask is not installed (python3-distributed)")
    def test_by_dask(self):
        import distributed

        self.of_the_program()
        os.environ["PYTHONPATH"] = str(PACKAGE)
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None,
                                      local_directory=str(self.root / "dask")) as cluster:
            with distributed.Client(cluster) as client:
                self.assert_same("by_dask", executor=client.get_executor())

    @unittest.skipIf(importlib.util.find_spec("mpi4py") is None or shutil.which("mpiexec") is None,
                     "mpi4py is not installed (python3-mpi4py)")
    def test_by_mpi(self):
        self.of_the_program()
        script = self.root / "by_mpi.py"
        script.write_text("import sys, mfld, sweeps_test\nfrom mpi4py.futures import MPICommExecutor\n"
                          "from mpi4py import MPI\nwith MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:\n"
                          "    if executor is not None:\n"
                          "        mfld.sweep(sweeps_test.swept(), out=sys.argv[1], executor=executor)\n")
        here = os.path.dirname(os.path.abspath(__file__))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), here]), "OMPI_ALLOW_RUN_AS_ROOT": "1",
                       "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
        done = subprocess.run(["mpiexec", "-n", "2", sys.executable, script, self.root / "by_mpi"], env=environment,
                              capture_output=True, text=True, check=False, timeout=120 * package.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = of_files(self.root / "by_mpi")
        self.assertEqual(files, self.expected)

    def test_in_memory_are_those_of_the_folder(self):
        told = []
        memory = mfld.sweep(swept(), jobs=2, progress=lambda done, count: told.append((done, count)))
        folder = mfld.run(swept(), out=self.root / "folder")
        self.assertEqual(told, [(done, 8) for done in range(1, 9)])
        self.assertEqual([run.name for run in memory], [run.name for run in folder])
        self.assertEqual(memory.cases, folder.cases)
        self.assertEqual(memory.values("network.width"), [10, 20])
        for one, other in zip(memory, folder):
            self.assert_bits(one.metrics.to_numpy(), other.metrics.to_numpy())
        ntk = memory.select({"network.width": 20}, case="ntk")
        self.assertEqual(len(ntk), 2)
        self.assert_bits(ntk.aggregate("train_loss").to_numpy(),
                         folder.select({"network.width": 20}, case="ntk").aggregate("train_loss").to_numpy())
        self.assert_refused(ValueError, lambda: ntk.aggregate("train_los"), "has no column train_los")
        self.assert_refused(ValueError, lambda: memory.select(case="x"), "no run in memory has case x")
        frame = memory.to_frame()
        self.assertEqual(list(frame)[:6], ["run", "case", "seed", "network.width", "step", "phase"])
        self.assertEqual(len(frame), 8 * 4)
        self.assertEqual(list(folder.to_frame()), list(frame))

    def test_take_arrays_and_parts_in_python(self):
        X, y = arrays()
        value = with_arrays(X, y, phase__0__steps=20, phase__0__step_size=lambda step: 0.1 / (1 + step))
        value["sweep"] = {"seed": [1, 2, 3]}
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            runs = mfld.sweep(value, executor=executor, observables={"spread": lambda look: np.std(look.particles)})
        self.assertTrue(all("spread" in run.metrics for run in runs))
        single = mfld.run(value, only="seed=2", observables={"spread": lambda look: np.std(look.particles)})
        self.assert_bits(runs[1].metrics.to_numpy(), single.metrics.to_numpy())
        try:
            import cloudpickle  # noqa: F401
        except ImportError:
            self.assert_refused(ValueError, lambda: mfld.sweep(value, observables={"spread": lambda look: 0.0}), "process")
        else:
            own = mfld.sweep(value, observables={"spread": lambda look: np.std(look.particles)}, jobs=2)
            self.assert_bits(own[1].metrics.to_numpy(), single.metrics.to_numpy())

    def test_refusals(self):
        value = swept()
        value["sweep"]["network"]["width"] = [10, -1]
        self.assert_refused(ValueError, lambda: mfld.sweep(value, out=self.root / "bad"), "network.width", "-1")
        self.assertFalse((self.root / "bad").exists())
        (self.root / "full").mkdir()
        (self.root / "full/file").touch()
        self.assert_refused(ValueError, lambda: mfld.sweep(swept(), out=self.root / "full"), "full", "not empty")
        self.assert_refused(ValueError, lambda: mfld.sweep(swept(), jobs=0), "jobs = 0")
        self.assert_refused(ValueError, lambda: mfld.sweep(swept(), threads=0), "threads = 0")
        self.assert_refused(OSError, lambda: mfld.sweep(self.root / "none.toml"), "none.toml")
        self.assertEqual(len(mfld.sweep(experiment(phase__0__steps=5))), 1)

    def test_ctrl_c_ends_all_and_they_go_on(self):
        value = swept()
        value["phase"][0]["steps"] = 20_000_000
        value["observe"] = {"at": []}
        value["case"][1]["phase"] = {"0": {"method": "gd", "lambda2": "default"}}
        script = ("import json, sys, mfld\nmfld.sweep(json.loads(sys.argv[1]), out=sys.argv[2], jobs=2)\n")
        import json

        child = subprocess.Popen([sys.executable, "-c", script, json.dumps(value), str(self.root / "long")],
                                 env={**os.environ, "PYTHONPATH": str(PACKAGE)}, stderr=subprocess.PIPE, text=True)
        begun = time.monotonic()
        while not list(self.root.glob("long/*/metrics.csv")) and time.monotonic() < begun + 60 * package.PATIENCE:
            time.sleep(0.05)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60 * package.PATIENCE)
        self.assertIn("KeyboardInterrupt", errors)
        self.assertTrue(list(self.root.glob("long/*/checkpoint.h5")))


if __name__ == "__main__":
    unittest.main()
