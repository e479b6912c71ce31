"""What is measured of mfld by itself: other neurons and methods, growth, memory, the whole program."""

import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

from . import problem, rounds

EXPERIMENT = """seed = 1
[task]
kind = "teacher-student"
input_dim = {dim}
num_train = {samples}
num_test = 1000
[network]
neuron = "r-sigma"
activation = "tanh"
width = {particles}
scaling = "mean-field"
precision = "{precision}"
[loss]
kind = "squared"
[[phase]]
method = "mfld"
steps = {steps}
step_size = 0.1
lambda1 = 1e-3
lambda2 = 1e-4
"""


def neurons(programs, setting, precision, data, threads, budget, turn):
    """Times of tanh, relu and parity on one setting, in turns."""
    jobs = {name: (setting, ["--neuron", name]) for name in ("tanh", "relu", "parity")}
    return _in_turns(jobs, programs, precision, data, threads, budget, turn)


def methods(programs, setting, precision, data, threads, budget, turn):
    """Times of an SGD step and of an SVRG step between snapshots, of the same batch, in turns."""
    jobs = {name: (setting, ["--method", name]) for name in ("sgd-mfld", "svrg-mfld")}
    return _in_turns(jobs, programs, precision, data, threads, budget, turn)


def growth(programs, setting, which, precision, data, threads, budget, turn):
    """[(setting, seconds a step)] with `which` of "particles", "samples", "dim" at 1, 2, 4 and 8 times its value."""
    sizes = [dataclasses.replace(setting, **{which: getattr(setting, which) * factor}) for factor in (1, 2, 4, 8)]
    problem.write(sizes[-1], data)
    # Files of the largest problem hold enough numbers for the smaller ones.
    jobs = {str(i): (size, []) for i, size in enumerate(sizes)}
    times = _in_turns(jobs, programs, precision, data, threads, budget, turn)
    return list(zip(sizes, (times[str(i)].best for i in range(4))))


def _in_turns(jobs, programs, precision, data, threads, budget, turn):
    workers = {name: programs.start("mfld", size, precision, data, None, more) for name, (size, more) in jobs.items()}
    try:
        return rounds.interleave(workers, threads, budget, turn)
    finally:
        for worker in workers.values():
            worker.__exit__()


def peak_memory(programs, setting, precision, data, threads):
    """(most bytes resident after two steps, allowed bytes: particles, data, three copies of the state, 100 MB)."""
    with programs.start("mfld", setting, precision, data) as worker:
        worker.seconds(2, 0, threads)
        peak = int(worker.ask("memory")) << 10
    state = setting.particles * (setting.dim + 2) * (8 if precision == "double" else 4)
    return peak, 4 * state + setting.samples * (setting.dim + 1) * 8 + 100_000_000


@dataclasses.dataclass
class WholeProgram:
    steps: int
    process_seconds: float  # from start to end of the process
    summary: dict  # summary.json
    peak_bytes: int

    @property
    def kernel_share(self):
        parts = self.summary["wall_seconds_by_part"]
        return (parts["step"] + parts["outputs"]) / self.summary["wall_seconds"]


def whole_program(programs, setting, precision, steps, threads):
    """`mfld run` with its default observers and checkpoints."""
    with tempfile.TemporaryDirectory(prefix="mfld-compare-") as folder:
        experiment = pathlib.Path(folder) / "experiment.toml"
        fields = {**dataclasses.asdict(setting), "precision": precision, "steps": steps}
        experiment.write_text(EXPERIMENT.format(**fields))
        out = pathlib.Path(folder) / "run"
        command = [programs.build / "mfld", "run", experiment, "--out", out, "--threads", str(threads), "--quiet"]
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_bytes(process.pid))
            time.sleep(0.005)
        seconds = time.monotonic() - start
        if process.returncode != 0:
            raise RuntimeError(f"mfld run ended with status {process.returncode}")
        summary = json.loads((out / "summary.json").read_text())
    return WholeProgram(steps, seconds, summary, peak)


def _peak_bytes(process_id):
    """Most bytes resident so far. The usage that a wait reports would count this process, which forked the other."""
    try:
        lines = pathlib.Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), default=0)
