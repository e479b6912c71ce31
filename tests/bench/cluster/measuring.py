"""Rates of one thread, messages between two processes, and steps of `mfld run` on one and two ranks, here."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from comparison import installation

installation.switch_interpreter(())
from comparison import rounds, worker  # noqa: E402

from . import model  # noqa: E402

ROOT = installation.ROOT
# Of the README's settings A and B, and a smaller C: N, n, d, steps of a turn.
SETTINGS = {"A": (2000, 1000, 20, 400), "B": (10_000, 2000, 10, 60), "smaller C": (25_000, 2500, 32, 20)}
EXPERIMENT = """
task = {{ kind = "teacher-student", input_dim = {2}, num_train = {1}, num_test = 1 }}
network.width = {0}
seed = 1
[[phase]]
method = "mfld"
steps = {3}
step_size = 0.1
lambda1 = 0.001
lambda2 = 0.0001
[observe]
log_spaced = 2
columns = ["mean_norm"]
"""
# Both launchers start as root and more ranks than cores, and leave threads where they like.
LAUNCH = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
          "OMPI_MCA_hwloc_base_binding_policy": "none", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
          "PRTE_MCA_hwloc_default_binding_policy": "none"}
SAME_FILES = ("metrics.csv", "checkpoint.h5")


def build(folder):
    """What is measured here; ranks_bench where there is MPI."""
    quiet = {"check": True, "stdout": sys.stderr}
    subprocess.run([ROOT / "sims/setup", "build", "tests"], **quiet)
    subprocess.run(["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, "-DMFLD_BUILD_BENCHMARKS=ON"], **quiet)
    subprocess.run(["cmake", "--build", folder, "--target", "mfld_program", "ceilings_bench"], **quiet)
    bench = ["cmake", "--build", folder, "--target", "ranks_bench"]
    return subprocess.run(bench, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def rates(options):
    with worker.Worker([pathlib.Path(options.build) / "tests/bench/ceilings_bench"]) as program:
        return rounds.ceilings(program, 1, options.turns)[options.precision]


def launched(ranks, *words):
    """What a program says on so many ranks."""
    command = ["mpirun", "-n", ranks, *words]
    done = subprocess.run(list(map(str, command)), env={**os.environ, **LAUNCH}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"ranks: {' '.join(map(str, command))} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def messages(options):
    """(alpha, beta) of two processes here, and the table of what was measured."""
    lines = [line.split() for line in launched(2, pathlib.Path(options.build) / "tests/bench/ranks_bench").splitlines()]
    found = {(what, int(size)): float(seconds) for what, size, seconds in lines}
    alpha = found["message", 8]
    beta = (found["message", 1 << 20] - found["message", 1 << 16]) / ((1 << 20) - (1 << 16))
    return alpha, max(beta, 0.0), found


PASS_BLOCKS = 8  # of ranks_bench


def print_passes(found):
    """A pass whose messages are held back, two of them an exchange, beside one that would wait for each."""
    passes = {size: seconds for (what, size), seconds in found.items() if what == "pass"}
    print("\n| a message takes, microseconds | a pass of 8 blocks, ms | more than without, ms | messages of 8 exchanges, ms |"
          "\n|---|---|---|---|")
    for held, seconds in passes.items():
        print(f"| {1e-3 * held:.3g} more | {1e3 * seconds:.3g} | {1e3 * (seconds - passes[0]):.3g} | "
              f"{2e-6 * PASS_BLOCKS * held:.3g} |")


def print_messages(alpha, beta, found):
    print(f"two processes here: alpha = {1e6 * alpha:.3g} microseconds a message, beta = {1e9 * beta:.3g} ns a byte\n")
    print("| | microseconds | 2 (alpha + bytes beta) |\n|---|---|---|")
    for (what, size), seconds in found.items():
        if what == "sum":
            print(f"| sum of {size} samples over 2 ranks | {1e6 * seconds:.3g} | {2e6 * (alpha + 8 * size * beta):.3g} |")


def step_seconds(program, setting, folder, name, ranks, threads):
    """Seconds a step of one `mfld run`; ranks 0 is without a launcher."""
    file, out = folder / "ranks.toml", folder / name
    file.write_text(EXPERIMENT.format(*setting))
    words = [program, "run", file, "--out", out, "--force", "--quiet", "--threads", threads]
    if ranks:
        launched(ranks, *words)
    else:
        subprocess.run(list(map(str, words)), check=True)
    return json.loads((out / "summary.json").read_text())["wall_seconds_by_part"]["step"] / setting[3]


WAYS = {"process": (0, 2), "rank": (1, 2), "ranks": (2, 1)}


def compare_runs(options, machine):
    """One process of two threads, one rank of two, two ranks of one, in turns; and what the model says of two ranks."""
    program = pathlib.Path(options.build) / "mfld"
    print("\n| | N, n, d | process of 2 threads, ms | 1 rank of 2 threads, ms | 2 ranks of 1 thread, ms | process : ranks | "
          "model of 2 ranks, ms | same files |\n|---|---|---|---|---|---|---|---|")
    for name, setting in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            turns = [{way: step_seconds(program, setting, folder, way, *how) for way, how in WAYS.items()}
                     for _ in range(options.turns)]
            same = all((folder / "process" / file).read_bytes() == (folder / way / file).read_bytes()
                       for file in SAME_FILES for way in ("rank", "ranks"))
        best, median = ({way: function(turn[way] for turn in turns) for way in WAYS} for function in (min, statistics.median))
        cells = [f"{1e3 * best[way]:.3g} / {1e3 * median[way]:.3g}" for way in WAYS]
        ratio = [times["process"] / times["ranks"] for times in (best, median)]
        modelled = model.step(model.Problem(*setting[:3], 2, "double", options.vector_bytes), machine)
        print(f"| {name} | {', '.join(map(str, setting[:3]))} | {' | '.join(cells)} | {ratio[0]:.2f} / {ratio[1]:.2f} | "
              f"{1e3 * modelled.seconds:.3g} | {'yes' if same else 'no'} |", flush=True)


def print_all(options, one_thread):
    """What needs MPI."""
    alpha, beta, found = messages(options)
    print_messages(alpha, beta, found)
    print_passes(found)
    compare_runs(options, model.Machine(one_thread, alpha, beta))
