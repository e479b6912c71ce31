"""One line of the table: tune the peers, check that all agree, time them in turns."""

import dataclasses
import pathlib

import numpy as np

from . import engines, problem, rounds
from .worker import PRESET, widest_torch_capability

TOLERANCE = {"double": 1e-10, "single": 1e-3}


@dataclasses.dataclass
class Line:
    setting: problem.Setting
    precision: str
    threads: int
    times: dict  # engine -> rounds.Times
    difference: float  # largest relative difference from mfld, over the peers
    choices: dict  # engine -> what was found to be its best, in words
    notes: list
    versions: dict  # engine -> library and its version


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
    """(seconds, core type, requests that make it so), fastest first, on at most two of the largest chunks of samples."""
    largest = engines.chunk_sizes(setting, precision)[-1]
    part = dataclasses.replace(setting, samples=min(setting.samples, max(2 * largest, setting.batch)))
    found = []
    for core in cores:
        with programs.start(engine, part, precision, data, core, threads=threads) as worker:
            chosen = ()
            for requests in engines.stages(engine, setting, precision):
                tried = []
                for request in requests:
                    for each in (*chosen, request):
                        worker.ask(each)
                    tried.append((_shortest(worker, threads), core, (*chosen, request)))
                chosen = min(tried, key=lambda item: item[0])[2]
                found += tried
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
    return 1.2 * setting.pairs * engines.BYTES[precision] < available


class Duel:
    def __init__(self, programs, setting, precision, data, peers):
        self.programs, self.setting, self.precision, self.data = programs, setting, precision, pathlib.Path(data)
        self.peers = peers
        self.notes, self.choices, self.workers, self.versions = [], {}, {}, {}
        self.cores = core_types()

    def line(self, threads, budget_seconds, turn_seconds):
        self.workers["mfld"] = self.programs.start("mfld", self.setting, self.precision, self.data)
        try:
            samples = self.workers["mfld"].ask("batch")
            reference = problem.read_particles(_check(self.workers["mfld"], self.data / "mfld.bin", samples))
            worst = max([0.0, *(self._add(engine, threads, samples, reference) for engine in self.peers)])
            times = rounds.interleave(self.workers, threads, budget_seconds, turn_seconds)
        finally:
            for worker in self.workers.values():
                worker.__exit__()
        return Line(self.setting, self.precision, threads, times, worst, self.choices, self.notes, self.versions)

    def _add(self, engine, threads, samples, reference):
        """Starts the engine at its best and returns how much its step differs from mfld's."""
        candidates = self._candidates(engine, threads)
        start = problem.read_particles(self.data / "particles.bin")
        for _, core, requests in candidates:
            arguments = (engine, self.setting, self.precision, self.data, core)
            worker = self.workers[engine] = self.programs.start(*arguments, threads=threads)
            for request in requests:
                worker.ask(request)
            difference = relative_difference(reference, start, _check(worker, self.data / f"{engine}.bin", samples))
            if difference <= TOLERANCE[self.precision]:
                self._note_choice(engine, worker, core, requests)
                return difference
            self.notes.append(f"{engines.ENGINES[engine].name} ({core}, {requests}) differs by {difference:.1e}: not used")
            self.workers.pop(engine).__exit__()
        if candidates:
            raise SystemExit(f"compare: {engine} does not agree with mfld: {'; '.join(self.notes)}")
        return 0.0

    def _candidates(self, engine, threads):
        if engine == "eigen":
            if _fits_memory(self.setting, self.precision):
                return [(0, None, ())]
            self.notes.append("plain Eigen left out: its activations do not fit into memory")
            return []
        cores = self.cores if engines.ENGINES[engine].family == "debian" else [None]
        return tune(self.programs, engine, self.setting, self.precision, self.data, threads, cores)

    def _note_choice(self, engine, worker, core, requests):
        if engines.ENGINES[engine].program:
            self.versions[engine] = worker.ask("version")
        if requests:
            blas = [worker.ask("blas")] if engines.ENGINES[engine].family == "debian" else []
            self.choices[engine] = ", ".join([*blas, *requests])
        if engine == "torch":
            self.cores = [core]  # the products of the other two are the same
