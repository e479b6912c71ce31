from . import results as results
from ._checks import check_loss as check_loss, check_objective as check_objective
from ._kernels import (
    Kernel as Kernel,
    kernel as kernel,
    kernel_regression as kernel_regression,
    tangent_kernel as tangent_kernel,
)
from ._mfld import Diverged as Diverged
from ._runs import run as run
from ._simulation import Simulation as Simulation, resume as resume
from ._sweeps import sweep as sweep
from .results import load as load

__all__ = [
    "Diverged",
    "Kernel",
    "Simulation",
    "check_loss",
    "check_objective",
    "kernel",
    "kernel_regression",
    "load",
    "results",
    "resume",
    "run",
    "sweep",
    "tangent_kernel",
]
