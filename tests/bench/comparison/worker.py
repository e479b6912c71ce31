"""One timed program as a child process that answers requests, a line each."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PRESET = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}


def widest_torch_capability():
    flags = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    if all(flag in flags for flag in ("avx512f", "avx512bw", "avx512dq", "avx512vl")):
        return "avx512"
    return "avx2" if "avx2" in flags else "default"


def environment(core_type, threads):
    """OpenMP OpenBLAS before any other BLAS, PyTorch's widest vectors; core_type None lets OpenBLAS choose."""
    result = {name: value for name, value in os.environ.items() if name not in PRESET}
    result["ATEN_CPU_CAPABILITY"] = widest_torch_capability()
    result["OMP_NUM_THREADS"] = str(threads)
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    folders = sorted(pathlib.Path("/usr/lib").glob("*/openblas-openmp"))
    if folders:
        result["LD_LIBRARY_PATH"] = ":".join([str(folders[0]), *filter(None, [result.get("LD_LIBRARY_PATH")])])
    if core_type == "preset":
        result.update(PRESET)
    elif core_type is not None:
        result["OPENBLAS_CORETYPE"] = core_type
    return result


class Worker:
    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise RuntimeError(f"{self.process.args} ended with status {self.process.wait()} at '{request}'")
        return reply.strip()

    def seconds(self, steps, warm_up, threads):
        return float(self.ask(f"time {steps} {warm_up} {threads}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def problem_arguments(setting, precision, data):
    sizes = {"particles": setting.particles, "samples": setting.samples, "dim": setting.dim, "batch": setting.batch}
    arguments = [word for name, size in sizes.items() for word in (f"--{name}", size)]
    return [*arguments, "--precision", precision, "--data", data]


class Programs:
    """Where the built programs are, and how each engine is started."""

    def __init__(self, build, max_threads):
        self.build = pathlib.Path(build)
        self.max_threads = max_threads

    def start(self, engine, setting, precision, data, core_type=None, extra=()):
        arguments = [*problem_arguments(setting, precision, data), *extra]
        env = environment(core_type, self.max_threads)
        if engine == "mfld":
            return Worker([self.build / "tests/bench/mfld_step_bench", *arguments], env)
        if engine == "eigen":
            return Worker([self.build / "tests/bench/plain_eigen_bench", *arguments], env)
        return Worker([sys.executable, HERE / "peers.py", engine, *arguments], env)

    def ceilings(self):
        return Worker([self.build / "tests/bench/ceilings_bench"])
