"""One line of the table: tune the peers, check that all agree, time them in turns."""

import dataclasses
import pathlib

import numpy as np

from . import problem, rounds
from .worker import PRESET, widest_torch_capability

PEERS = ("torch", "autograd", "numpy", "eigen")
TOLERANCE = {"double": 1e-10, "single": 1e-3}
BYTES = {"double": 8, "single": 4}


@dataclasses.dataclass
class Line:
    setting: problem.Setting
    precision: str
    threads: int
    times: dict  # engine -> rounds.Times
    difference: float  # largest relative difference from mfld, over the peers
    choices: dict  # engine -> (BLAS core type, samples per chunk)
    notes: list


def chunk_sizes(setting, precision):
    """Samples whose activations fill about 1, 4, 32 and 256 MB: a near cache, a far one, and what memory takes."""
    row = setting.particles * BYTES[precision]
    sizes = {max(8, min(setting.step_samples, (megabytes << 20) // row // 8 * 8)) for megabytes in (1, 4, 32, 256)}
    return sorted(min(size, setting.step_samples) for size in sizes)


def core_types():
    """None: as OpenBLAS detects it. Newer processors are unknown to older releases, so likely ones are tried too."""
    tried = [None]
    if PRESET.get("OPENBLAS_CORETYPE"):
        tried.append("preset")
    avx512 = widest_torch_capability() == "avx512"
    return tried + (["SkylakeX"] if avx512 else []) + (["Haswell"] if "preset" not in tried else [])


def _shortest(worker, threads, budget=0.2):
    worker.seconds(1, 0, threads)
    first = worker.seconds(1, 0, threads)
    steps = rounds.steps_of_turn(first, budget)
    return min(first, *(worker.seconds(steps, 0, threads) for _ in range(2))) if first < 2 else first


def tune(programs, engine, setting, precision, data, threads, cores):
    """(seconds, core type, chunk), fastest first, on at most two of the largest chunks of the samples."""
    chunks = chunk_sizes(setting, precision)
    part = dataclasses.replace(setting, samples=min(setting.samples, max(2 * chunks[-1], setting.batch)))
    found = []
    for core in cores:
        with programs.start(engine, part, precision, data, core) as worker:
            for chunk in chunks:
                worker.ask(f"chunk {chunk}")
                found.append((_shortest(worker, threads), core, chunk))
    return sorted(found, key=lambda item: item[0])


def relative_difference(reference, start, path):
    """Largest difference between two results of the step, in units of the largest change the step makes."""
    return float(np.abs(problem.read_particles(path) - reference).max() / np.abs(reference - start).max())


def _check(worker, path, samples):
    worker.ask(f"check {path} {samples}")
    return path


def _fits_memory(setting, precision):
    available = 0
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) << 10
    return 1.2 * setting.pairs * BYTES[precision] < available


class Duel:
    def __init__(self, programs, setting, precision, data):
        self.programs, self.setting, self.precision, self.data = programs, setting, precision, pathlib.Path(data)

    def line(self, threads, budget_seconds, turn_seconds):
        notes = []
        workers = {"mfld": self._start("mfld")}
        choices = {}
        try:
            samples = workers["mfld"].ask("batch")
            reference = problem.read_particles(_check(workers["mfld"], self.data / "mfld.bin", samples))
            start = problem.read_particles(self.data / "particles.bin")
            worst = 0.0
            cores = core_types()
            for engine in PEERS:
                if engine == "eigen":
                    if not _fits_memory(self.setting, self.precision):
                        notes.append("plain Eigen left out: its activations do not fit into memory")
                        continue
                    candidates = [(0, None, None)]
                else:
                    candidates = tune(self.programs, engine, self.setting, self.precision, self.data, threads, cores)
                for _, core, chunk in candidates:
                    extra = [] if chunk is None else ["--chunk", chunk]
                    worker = self._start(engine, core, extra)
                    path = _check(worker, self.data / f"{engine}.bin", samples)
                    difference = relative_difference(reference, start, path)
                    if difference <= TOLERANCE[self.precision]:
                        break
                    notes.append(f"{engine} with BLAS core {core} differs by {difference:.1e}: not used")
                    worker.__exit__()
                else:
                    raise SystemExit(f"compare: {engine} does not agree with mfld: {'; '.join(notes)}")
                workers[engine] = worker
                worst = max(worst, difference)
                if chunk is not None:
                    choices[engine] = (worker.ask("blas"), chunk)
                    if engine == "torch":
                        cores = [core]  # the products of the other two are the same
            times = rounds.interleave(workers, threads, budget_seconds, turn_seconds)
        finally:
            for worker in workers.values():
                worker.__exit__()
        return Line(self.setting, self.precision, threads, times, worst, choices, notes)

    def _start(self, engine, core=None, extra=()):
        return self.programs.start(engine, self.setting, self.precision, self.data, core, extra)
