"""Kernels of infinite width, and regression with any kernel."""

import collections

import numpy as np

from ._arguments import threads_of
from ._interpreter import extension
from ._simulation import Simulation

Kernel = collections.namedtuple("Kernel", "values error")
Kernel.__doc__ = """A kernel [n, m], and an upper bound of the error of each entry that quadrature and truncation cause: 0 for
closed forms, which carry rounding only; infinity where none is known."""


def kernel(X: object, Z: object = None, *, convention: str = "two-layer", activation: str = "relu",
           depth: int | None = None, weight_variance: float | None = None, bias_variance: float | None = None,
           part: str = "ntk", threads: int | None = None) -> Kernel | dict[str, Kernel]:
    """The kernel of a network of infinite width between the rows of X [n, d] and of Z [m, d] (None: X).

    convention        how the network is scaled, started and trained: a row of `mfld list conventions`
    activation        a row of `mfld list activations`
    depth             layers of weights (jacot, lee) or hidden layers (arora); None: 2
    weight_variance   sigma_w^2 of lee; None: 2
    bias_variance     sigma_b^2 of lee, beta^2 of jacot; None: 0.1
    part              "ntk", the tangent kernel Theta^L, "nngp", the covariance K^L of the outputs at the start, or "both"

    Returns Kernel(values [n, m], error), for "both" {"ntk": Kernel, "nngp": Kernel}. Symmetric to the bit where Z is None.
    """
    parts = extension().kernel(X, Z, convention, activation, depth, weight_variance, bias_variance, part,
                               threads_of(threads))
    kernels = {name: Kernel(*value) for name, value in parts.items()}
    return kernels if part == "both" else kernels[part]


def tangent_kernel(sim: Simulation, X: object, Z: object = None) -> np.ndarray:
    """The tangent kernel of the network of a simulation at its particles (of the average, in a phase that averages), between
    the rows of X [n, d] and of Z [m, d] (None: X), in the units in which it trains (src/README.md, equation 10):
    K(x, z) = s_N kappa sum_j grad h_j(x) . grad h_j(z) over trained parameters [n, m]. Symmetric to the bit where Z is None.
    A linearised network has that of its start."""
    return sim._tangent_kernel(X, Z)


def kernel_regression(kernel: object, targets: object, test_kernel: object = None, *,
                      ridge: float = 0.0) -> tuple[np.ndarray | None, np.ndarray]:
    """Kernel ridge regression: f(x) = k_x . coefficients with (K + n ridge I) coefficients = y, the minimum of
    1/(2n) sum_i (f(x_i) - y_i)^2 + ridge/2 |f|_K^2; interpolation where ridge = 0.

    kernel [n, n], targets [n], test_kernel [m, n] of the test with the training inputs. Returns (prediction [m] or None,
    coefficients [n]). A kernel that cannot be interpolated with is a ValueError, which names the rows.
    """
    parts = extension().kernel_regression(kernel, targets, test_kernel, ridge)
    return parts["prediction"], parts["coefficients"]
