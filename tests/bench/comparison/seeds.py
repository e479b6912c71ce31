"""Many runs that differ in their seed: JAX steps them together (vmap), mfld makes a sweep of them."""

import dataclasses
import pathlib
import resource
import subprocess
import tempfile
import time

from . import alone
from .worker import Worker

COUNT = 32
TWO_LOOKS = """
[observe]
log_spaced = 2
"""
SWEEP = f"""
[sweep]
seed = {list(range(1, COUNT + 1))}
"""
METHOD = 'method = "mfld"'
MINI_BATCH = 'method = "sgd-mfld"\nbatch_size = {batch}'


@dataclasses.dataclass
class Seeds:
    """Best seconds a step of one run."""

    jax: float  # all seeds in one compiled loop
    watched: float  # the whole process of `mfld run`, with its default looks and files
    unwatched: float  # the same with looks at the first and last step alone
    steps: float  # the steps alone, of one run after the other on one thread

    def describe(self, setting, precision, threads):
        micro = [f"{value * 1e6:.1f}" for value in (self.jax, self.watched, self.unwatched, self.steps)]
        return (
            f"{setting.name} {precision}, {COUNT} seeds, {threads} threads, microseconds a step of one run: JAX with vmap "
            f"{micro[0]}, `mfld run` of a sweep {micro[1]}, with two looks {micro[2]}; its steps on one thread {micro[3]}"
        )


def measure(programs, setting, precision, data, threads, steps, repetitions):
    jax = programs.start("jax", setting, precision, data, None, ["--seeds", COUNT], threads)
    mfld = programs.start("mfld", setting, precision, data)
    rounds = []
    with jax, mfld:
        seconds = {}
        for generator in ("unsafe_rbg", "threefry"):  # keys that are split for vmap behave otherwise
            jax.ask(f"generator {generator}")
            jax.seconds(2, 1, threads)
            seconds[generator] = jax.seconds(20, 0, threads)
        jax.ask(f"generator {min(seconds, key=seconds.get)}")
        for _ in range(repetitions):
            times = [min(jax.seconds(max(steps // 10, 20), 1, threads) for _ in range(3)) / jax_share(jax)]
            times += [_sweep(programs, setting, precision, threads, steps, looks) for looks in ("", TWO_LOOKS)]
            rounds.append([*times, mfld.seconds(steps, 1, 1)])
    return Seeds(*(min(values) for values in zip(*rounds)))


def jax_share(jax):
    """A worker's wall clock answers seconds of one run; its processor's clock those of all."""
    return COUNT if jax.clock == "processor" else 1


def _sweep(programs, setting, precision, threads, steps, observe):
    """Seconds of the whole process a step of one run."""
    fields = {**dataclasses.asdict(setting), "precision": precision, "steps": steps}
    text = alone.EXPERIMENT.replace(METHOD, MINI_BATCH).format(**fields) + observe + SWEEP
    with tempfile.TemporaryDirectory(prefix="mfld-compare-") as folder:
        experiment, out = pathlib.Path(folder) / "sweep.toml", pathlib.Path(folder) / "runs"
        experiment.write_text(text)
        command = [programs.build / "mfld", "run", experiment, "--out", out, "--jobs", str(threads), "--threads", str(threads)]
        start = _now(Worker.clock)
        subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        seconds = _now(Worker.clock) - start
        made = len(list(out.glob("*/summary.json")))
    if made != COUNT:
        raise RuntimeError(f"the sweep made {made} of {COUNT} runs")
    return seconds / (COUNT * steps)


def _now(clock):
    if clock == "wall":
        return time.monotonic()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of children that have ended
    return used.ru_utime + used.ru_stime
