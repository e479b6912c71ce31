"""Mean-field Langevin and neural-tangent training of two-layer networks, in memory and from files.

    import mfld

    result = mfld.run("sims/two_phase.toml", only="seed=1")               # what the command line does
    result.metrics                                                        # a pandas table

    sim = mfld.Simulation({"seed": 1, "task": {...}, "network": {...}, "phase": [{...}]})
    sim.run(100)                                                          # exactly 100 steps
    sim.particles                                                         # [N, p], read-only, no copy

    mfld.load("runs/two_phase")                                           # what any run left in a folder
    mfld.sweep("sims/ntk_limit.toml", jobs=4).to_frame()                # all runs of an experiment

Wrong input raises ValueError with the sentence that the command line prints, a file that cannot be read or written
OSError. Nothing is printed unless asked for. src/python/README.md has the rest.
"""

import importlib

from . import _interpreter

_interpreter.check()

# Where each name is. All are imported when first asked for: who reads runs needs nothing that is compiled.
_PLACES = {
    "Diverged": "_mfld",
    "Kernel": "_kernels",
    "Simulation": "_simulation",
    "check_loss": "_checks",
    "check_objective": "_checks",
    "kernel": "_kernels",
    "kernel_regression": "_kernels",
    "load": "results",
    "resume": "_simulation",
    "results": "results",
    "run": "_runs",
    "sweep": "_sweeps",
    "tangent_kernel": "_kernels",
}

__all__ = sorted(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module 'mfld' has no attribute {name!r}")
    place = _PLACES[name]
    module = _interpreter.extension() if place == "_mfld" else importlib.import_module(f".{place}", __name__)
    value = module if name == _PLACES[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
