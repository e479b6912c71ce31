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


def _set(worker, requests):
    for request in requests:
        worker.ask(request)


def tune(worker, stages, threads):
    """(seconds, requests that make it so), fastest first."""
    chosen, found = (), []
    for requests in stages:
        tried = []
        for request in requests:
            _set(worker, (*chosen, request))
            tried.append((_shortest(worker, threads), (*chosen, request)))
        chosen = min(tried)[1]
        found += tried
    return sorted(found)


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
    def __init__(self, programs, setting, precision, data, peers, quick=False):
        self.quick = quick  # tries fewer ways
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
        start = problem.read_particles(self.data / "particles.bin")
        candidates = self._candidates(engine, threads)
        for core, requests in candidates:
            worker = self._start(engine, core, threads)
            _set(worker, requests)
            difference = relative_difference(reference, start, _check(worker, self.data / f"{engine}.bin", samples))
            if difference <= TOLERANCE[self.precision]:
                self._note_choice(engine, worker, core, requests)
                return difference
            self.notes.append(f"{engines.ENGINES[engine].name} ({core}, {requests}) differs by {difference:.1e}: not used")
            self.workers.pop(engine).__exit__()
        if candidates:
            raise SystemExit(f"compare: {engine} does not agree with mfld: {'; '.join(self.notes)}")
        return 0.0

    def _start(self, engine, core, threads):
        """The worker that is there already, if there is one: some take long to start."""
        if engine not in self.workers:
            arguments = (engine, self.setting, self.precision, self.data, core)
            self.workers[engine] = self.programs.start(*arguments, threads=threads)
        return self.workers[engine]

    def _candidates(self, engine, threads):
        """[(BLAS core type, requests)], the fastest first."""
        if engine == "eigen":
            if _fits_memory(self.setting, self.precision):
                return [(None, ())]
            self.notes.append("plain Eigen left out: its activations do not fit into memory")
            return []
        stages = engines.stages(engine, self.setting, self.precision)[: 1 if self.quick else None]
        if engines.ENGINES[engine].family != "debian":
            worker = self._start(engine, None, threads)
            return [(None, requests) for _, requests in tune(worker, stages, threads)]
        # On at most two of the largest chunks of samples, since a core type is for a whole process.
        largest = engines.chunk_sizes(self.setting, self.precision)[-1]
        samples = min(self.setting.samples, max(2 * largest, self.setting.batch))
        part = dataclasses.replace(self.setting, samples=samples)
        found = []
        for core in self.cores:
            with self.programs.start(engine, part, self.precision, self.data, core, threads=threads) as worker:
                found += [(*timed, core) for timed in tune(worker, stages, threads)]
        return [(core, requests) for _, requests, core in sorted(found, key=lambda item: item[0])]

    def _note_choice(self, engine, worker, core, requests):
        if engines.ENGINES[engine].program:
            self.versions[engine] = worker.ask("version")
        if requests:
            blas = [worker.ask("blas")] if engines.ENGINES[engine].family == "debian" else []
            self.choices[engine] = ", ".join([*blas, *requests])
        if engine == "torch":
            self.cores = [core]  # the products of the other two are the same
