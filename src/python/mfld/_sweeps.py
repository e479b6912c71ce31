"""All runs of an experiment, in processes of this machine or by whatever executor is handed in."""

import concurrent.futures
import os
import sys
import tomllib
from collections.abc import Callable

from . import results
from ._arguments import own_parts, threads_of, with_schedules
from ._interpreter import extension
from ._runs import MemoryRun

MOST_SHARDS = 256


def sweep(experiment: str | os.PathLike | dict, out: str | os.PathLike | None = None, set: dict | None = None, *,
          jobs: int | None = None, executor: concurrent.futures.Executor | None = None, threads: int | None = None,
          progress: Callable[[int, int], object] | None = None, loss: object = None,
          observables: dict[str, Callable] | None = None, until: Callable | None = None) -> results.Runs:
    """Make all runs of an experiment with cases or a sweep, several at a time.

    experiment, set, loss, observables, until   as for mfld.run; a folder takes no `until`
    out         a new or empty folder: the directories and index.csv that `mfld run` leaves, byte for byte. None: nothing is
                written, and the results are in memory
    jobs        processes of this machine; None: as many as it has processors
    executor    in their place anything with submit(function, *arguments), as concurrent.futures has it: those of Dask
                (client.get_executor()), mpi4py (MPIPoolExecutor), .. Its workers have to find mfld, and `out`
    threads     of each run; None: those of this machine shared among the jobs, one where there is an executor
    progress    a function of how many parts of the work are done, and of how many there are

    Returns results.Runs: .select(case=.., {key: value}), .aggregate(column), .to_frame(). A mistake in any run is found
    before the first begins. What is in Python goes to other processes by pickle (cloudpickle, where that is installed).
    ValueError and OSError of a run come once all others have ended; Ctrl-C ends all of them, and in a folder
    `mfld resume` goes on.
    """
    core = extension()
    experiment, settings = with_schedules(experiment, dict(set or {}))
    if isinstance(experiment, (str, os.PathLike)):
        experiment = os.path.abspath(os.path.expanduser(experiment))
    own = own_parts(loss, observables, until)
    planned = core.runs(experiment, settings, own)
    if executor is not None:
        return _sweep(executor, experiment, settings, out, own, threads_of(threads or 1), planned, progress)
    jobs = _jobs_of(jobs, len(planned))
    count = threads_of(threads) or max(1, _num_processors() // jobs)
    from ._processes import Processes

    with Processes(jobs) as processes:
        return _sweep(processes, experiment, settings, out, own, count, planned, progress)


def _num_processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _jobs_of(jobs, num_runs):
    count = _num_processors() if jobs is None else jobs
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"jobs = {jobs!r}: must be an integer >= 1, or None")
    return min(count, num_runs)


def _sweep(executor, experiment, settings, out, own, threads, planned, progress):
    if out is None:
        tasks = [(make_run, experiment, settings, own, threads, name) for name, *_ in planned]
        parts = _gather(executor, tasks, progress)
        return results.Runs([MemoryRun(part, name or "run", case, _values(keys))
                             for part, (name, case, keys) in zip(parts, planned)])
    out = os.path.abspath(os.path.expanduser(out))
    command = "mfld.sweep in Python: " + " ".join(sys.argv)
    num_shards = min(len(planned), MOST_SHARDS)
    if num_shards > 1 and os.path.isdir(out) and os.listdir(out):
        raise ValueError(f"output directory {out} exists and is not empty; give a new or empty directory")
    tasks = [(make_shard, experiment, settings, out, own, threads, command, shard + 1, num_shards)
             for shard in range(num_shards)]
    _gather(executor, tasks, progress)
    loaded = results.load(out)
    return loaded if isinstance(loaded, results.Runs) else results.Runs([loaded])


def _values(keys):
    return {key: tomllib.loads("value = " + text)["value"] for key, text in keys.items()}


def _gather(executor, tasks, progress):
    """The results, in order; the first exception once everything has ended."""
    futures = [executor.submit(*task) for task in tasks]
    try:
        for done, _ in enumerate(concurrent.futures.as_completed(futures) if _is_plain(futures) else _one_by_one(futures)):
            if progress is not None:
                progress(done + 1, len(futures))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [future.result() for future in futures]


def _is_plain(futures):
    return all(isinstance(future, concurrent.futures.Future) for future in futures)


def _one_by_one(futures):
    for future in futures:
        future.exception()
        yield future


def make_run(experiment, settings, own, threads, name):
    """One run in memory, in whatever process this is."""
    return extension().run_in_memory(experiment, settings, own, None, threads, name)


def make_shard(experiment, settings, out, own, threads, command, shard, num_shards):
    """The runs of one shard in a folder."""
    extension().run_in_folder(experiment, settings, out, own, None, threads, "", 1, command, shard, num_shards)
