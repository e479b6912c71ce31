"""One timed program as a child process that answers requests, a line each."""

import os
import pathlib
import subprocess
import sys

from . import engines

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


def peer_environment(build, threads):
    """For libraries that bring their own BLAS. JAX makes as many threads as NPROC says, when it starts."""
    result = {name: value for name, value in os.environ.items() if name not in PRESET}
    result.update(NPROC=str(threads), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    result.update(PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore", JAX_PLATFORMS="cpu")
    result["TORCHINDUCTOR_CACHE_DIR"] = str(build / "peers" / "compiled")
    return result


class Worker:
    """With `clock` "processor" the seconds are those that the process had a processor for: on one thread those that
    would pass on an idle machine, whatever else runs."""

    clock = "wall"

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
        if self.clock == "wall":
            return float(self.ask(f"time {steps} {warm_up} {threads}"))
        if warm_up:
            self.ask(f"time {warm_up} 0 {threads}")
        before = self._processor_seconds()
        self.ask(f"time {steps} 0 {threads}")
        return (self._processor_seconds() - before) / steps

    def _processor_seconds(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) * 1e-9

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

    def __init__(self, build, max_threads, peer_python=None):
        self.build = pathlib.Path(build).resolve()
        self.max_threads = max_threads
        self.peer_python = peer_python  # has JAX or PyTorch 2, where they are asked for

    def start(self, engine, setting, precision, data, core_type=None, extra=(), threads=None):
        arguments = [*problem_arguments(setting, precision, data), *extra]
        peer = engines.ENGINES.get(engine)
        if peer is not None and peer.family != "debian":
            env = peer_environment(self.build, threads or self.max_threads)
            return Worker([self.peer_python, HERE / peer.program, peer.kind, *arguments], env)
        env = environment(core_type, self.max_threads)
        if engine == "mfld":
            return Worker([self.build / "tests/bench/mfld_step_bench", *arguments], env)
        if engine == "eigen":
            return Worker([self.build / "tests/bench/plain_eigen_bench", *arguments], env)
        return Worker([sys.executable, HERE / "peers.py", engine, *arguments], env)

    def ceilings(self):
        return Worker([self.build / "tests/bench/ceilings_bench"])
