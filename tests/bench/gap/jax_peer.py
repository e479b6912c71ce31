"""JAX's full-batch Euler-Maruyama beside mfld's: the seconds of its step, times the steps that the same method needs here."""

import pathlib
import subprocess

from comparison import peer_environment, worker

SCRIPT = pathlib.Path(__file__).resolve().parent / "jax_steps.py"


def seconds_of_step(problem, build):
    """Processor seconds of one thread, and the version. NotInstalled where JAX cannot be had."""
    python = peer_environment.python_with(["jax"], build)
    network = problem.config["network"]
    sizes = {"particles": network["width"], "samples": problem.samples, "dim": problem.config["task"].get("input_dim", 30)}
    command = [python, SCRIPT, network["neuron"], *(word for name, size in sizes.items() for word in (f"--{name}", str(size)))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=worker.peer_environment(pathlib.Path(build), 1))
    seconds, version = done.stdout.split()
    return float(seconds), version
