"""Where the time of a step goes: what arithmetic needs at least, what the two passes need from data in the caches, and
what a step takes. The first gap is the passes' own, the second is memory, the noise and handing out work."""

import json
import subprocess

REPETITIONS = 5


def pass_seconds(build, setting, precision):
    """The two passes over all pairs on one thread at the rate they have for 8 groups of particles and 256 samples: best
    of some repetitions. The inputs must have a dimension that kernels_bench knows."""
    names = [f"{which}/tanh/d:{setting.dim}/{precision}" for which in ("reduce", "map")]
    command = [
        build / "tests" / "bench" / "kernels_bench",
        f"--benchmark_filter=^({'|'.join(names)})$",
        f"--benchmark_repetitions={REPETITIONS}",
        "--benchmark_min_time=0.05",
        "--benchmark_format=json",
    ]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    runs = [run for run in json.loads(found)["benchmarks"] if run["run_type"] == "iteration"]
    rates = {name: max(run["values/s"] for run in runs if run["run_name"] == name) for name in names}
    return sum(setting.pairs / rate for rate in rates.values())


def describe(line, bound, from_caches):
    step = line.times["mfld"].best
    return (
        f"{line.setting.name} {line.precision}, 1 thread: bound {bound * 1e3:.3g} ms, passes from the caches "
        f"{from_caches * 1e3:.3g} ms, step {step * 1e3:.3g} ms: the passes reach {100 * bound / from_caches:.0f} % of the "
        f"bound, the step {100 * from_caches / step:.0f} % of the passes"
    )
