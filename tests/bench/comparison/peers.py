"""The timed step in NumPy and in PyTorch, answering the requests that step_server.hpp lists.

All versions use the form that OpenBLAS likes best here: particles as columns, one row a parameter
([r, w_1..w_d, b][N]), a column of ones beside the inputs, and samples in chunks whose activations stay in the caches.
Noise and mini-batches come from each library's own generator.
"""

import argparse
import ctypes
import logging
import pathlib
import sys
import time

STEP_SIZE = 0.1
PENALTY = 1e-3
TEMPERATURE = 1e-4
DECAY = 1 - 2 * STEP_SIZE * PENALTY
AMPLITUDE = (2 * TEMPERATURE * STEP_SIZE) ** 0.5


def blas_libraries():
    """The OpenBLAS files that this process has loaded."""
    maps = pathlib.Path("/proc/self/maps").read_text().splitlines()
    paths = {line.split()[-1] for line in maps if "openblas" in line}
    return [ctypes.CDLL(path) for path in sorted(paths)]


def set_blas_threads(threads):
    for library in blas_libraries():
        library.openblas_set_num_threads(threads)


def blas_in_use():
    """Folder and core type of the BLAS, as in "openblas-openmp, SkylakeX"."""
    for library in blas_libraries():
        library.openblas_get_corename.restype = ctypes.c_char_p
        return f"{pathlib.Path(library._name).parent.name}, {library.openblas_get_corename().decode()}"
    return "not OpenBLAS"


class Problem:
    def __init__(self, options):
        import numpy as np

        self.N, self.n, self.d = options.particles, options.samples, options.dim
        self.batch_size = options.batch
        self.dtype = {"double": np.float64, "single": np.float32}[options.precision]
        folder = pathlib.Path(options.data)
        inputs = np.fromfile(folder / "inputs.bin", count=self.n * self.d).reshape(self.n, self.d)
        self.inputs = np.hstack([inputs, np.ones((self.n, 1))]).astype(self.dtype)
        self.targets = np.fromfile(folder / "targets.bin", count=self.n).astype(self.dtype)
        self.particles_file = folder / "particles.bin"
        self.chunk = options.chunk or self.n

    def particles(self):
        import numpy as np

        return np.fromfile(self.particles_file).reshape(self.d + 2, self.N).astype(self.dtype)

    def chunks(self, count):
        return [slice(first, min(first + self.chunk, count)) for first in range(0, count, self.chunk)]


class NumpySteps:
    """drift = r (sum_i g_i x_i - sum_i g_i x_i t_i^2): the activations are passed over once, and in place."""

    def __init__(self, problem):
        import numpy as np

        self.np = np
        self.version = f"NumPy {np.__version__}"
        self.problem = problem
        self.generator = np.random.default_rng(1)
        self.set_threads = set_blas_threads
        self.start_over()

    def start_over(self):
        np, problem = self.np, self.problem
        self.theta = problem.particles()
        self.drift = np.empty_like(self.theta)
        self.noise = np.empty_like(self.theta)
        self.product = np.empty_like(self.theta[1:])
        largest = min(problem.chunk, problem.batch_size or problem.n)
        self.t = np.empty((largest, problem.N), problem.dtype)

    def descend(self, x, y):
        np, problem = self.np, self.problem
        r, w = self.theta[0], self.theta[1:]
        self.drift[:] = 0
        constant = np.zeros((problem.d + 1, 1), problem.dtype)
        for rows in problem.chunks(len(y)):
            t = np.matmul(x[rows], w, out=self.t[: len(x[rows])])
            np.tanh(t, out=t)
            g = (t @ r / problem.N - y[rows]) / len(y)
            self.drift[0] += g @ t
            np.square(t, out=t)
            gx = x[rows] * g[:, None]
            constant += gx.sum(axis=0)[:, None]
            self.drift[1:] += np.matmul(gx.T, t, out=self.product)
        np.subtract(constant, self.drift[1:], out=self.drift[1:])
        self.drift[1:] *= r
        self.theta *= problem.dtype(DECAY)
        self.drift *= problem.dtype(STEP_SIZE)
        self.theta -= self.drift

    def step(self):
        problem = self.problem
        if problem.batch_size:
            samples = self.generator.integers(0, problem.n, problem.batch_size)
            self.descend(problem.inputs[samples], problem.targets[samples])
        else:
            self.descend(problem.inputs, problem.targets)
        self.generator.standard_normal(out=self.noise, dtype=problem.dtype)
        self.noise *= problem.dtype(AMPLITUDE)
        self.theta += self.noise

    def check(self, samples):
        self.start_over()
        rows = samples if samples else slice(None)
        self.descend(self.problem.inputs[rows], self.problem.targets[rows])
        return self.theta


class TorchManualSteps:
    """As NumpySteps, with PyTorch's own threads for the elementwise part."""

    def __init__(self, problem):
        import torch

        torch.set_grad_enabled(False)
        self.torch = torch
        self.version = f"PyTorch {torch.__version__}"
        self.problem = problem
        self.inputs = torch.from_numpy(problem.inputs)
        self.targets = torch.from_numpy(problem.targets)
        self.start_over()

    def set_threads(self, threads):
        self.torch.set_num_threads(threads)

    def start_over(self):
        torch, problem = self.torch, self.problem
        self.theta = torch.from_numpy(problem.particles())
        self.drift = torch.empty_like(self.theta)
        self.noise = torch.empty_like(self.theta)
        largest = min(problem.chunk, problem.batch_size or problem.n)
        self.t = torch.empty(largest, problem.N, dtype=self.theta.dtype)
        self.constant = torch.empty(problem.d + 1, 1, dtype=self.theta.dtype)

    def descend(self, x, y):
        torch, problem = self.torch, self.problem
        r, w = self.theta[0], self.theta[1:]
        into_r, into_w = self.drift[0], self.drift[1:]
        self.constant.zero_()
        for rows in problem.chunks(len(y)):
            inputs = x[rows]
            t = torch.mm(inputs, w, out=self.t[: len(inputs)]).tanh_()
            g = torch.mv(t, r).mul_(1 / problem.N).sub_(y[rows]).mul_(1 / len(y))
            added = 0 if rows.start == 0 else 1
            torch.addmv(into_r, t.t(), g, beta=added, out=into_r)
            torch.mul(t, t, out=t)
            gx = inputs * g[:, None]
            self.constant += gx.sum(0)[:, None]
            torch.addmm(into_w, gx.t(), t, beta=added, out=into_w)
        torch.sub(self.constant, into_w, out=into_w).mul_(r)
        self.theta.mul_(DECAY).add_(self.drift, alpha=-STEP_SIZE)

    def step(self):
        problem = self.problem
        if problem.batch_size:
            samples = self.torch.randint(problem.n, (problem.batch_size,))
            self.descend(self.inputs[samples], self.targets[samples])
        else:
            self.descend(self.inputs, self.targets)
        self.theta.add_(self.noise.normal_(), alpha=AMPLITUDE)

    def check(self, samples):
        self.start_over()
        rows = samples if samples else slice(None)
        self.descend(self.inputs[rows], self.targets[rows])
        return self.theta.numpy()


class TorchAutogradSteps(TorchManualSteps):
    """The same step with the gradient by backward(); chunks add up in .grad."""

    def start_over(self):
        torch = self.torch
        theta = torch.from_numpy(self.problem.particles())
        self.blocks = [theta[:1].t().contiguous(), theta[1:].contiguous()]
        self.noises = [torch.empty_like(block) for block in self.blocks]
        for block in self.blocks:
            block.requires_grad_()

    def descend(self, x, y):
        torch, problem = self.torch, self.problem
        r, w = self.blocks
        for rows in problem.chunks(len(y)):
            with torch.enable_grad():
                outputs = torch.tanh(torch.mm(x[rows], w)) @ r / problem.N
                # Times N: the drift of the mean-field scaling is N times the gradient.
                loss = 0.5 * (outputs[:, 0] - y[rows]).square().sum() * (problem.N / len(y))
            loss.backward()
        for block in self.blocks:
            block.mul_(DECAY).add_(block.grad, alpha=-STEP_SIZE)
            block.grad = None

    def step(self):
        problem = self.problem
        if problem.batch_size:
            samples = self.torch.randint(problem.n, (problem.batch_size,))
            self.descend(self.inputs[samples], self.targets[samples])
        else:
            self.descend(self.inputs, self.targets)
        for block, noise in zip(self.blocks, self.noises):
            block.add_(noise.normal_(), alpha=AMPLITUDE)

    def check(self, samples):
        self.start_over()
        rows = samples if samples else slice(None)
        self.descend(self.inputs[rows], self.targets[rows])
        return self.torch.cat([self.blocks[0].t(), self.blocks[1]]).numpy()


class TorchCompiledSteps(TorchManualSteps):
    """The hand-written gradient without buffers, which torch.compile makes itself: a step is one compiled graph, the
    chunks of its samples written out in it, its random numbers from the library's generator or the compiler's own."""

    own_noise = False

    def __init__(self, problem):
        super().__init__(problem)
        # One object each: what is compiled for a chunk size and a generator stays, and is found again.
        self.compiled = self.torch.compile(self.moved, dynamic=False)
        self.compiled_descent = self.torch.compile(self.descended, dynamic=False)

    def start_over(self):
        self.theta = self.torch.from_numpy(self.problem.particles())
        self.noise = self.torch.empty_like(self.theta)

    def descended(self, theta, x, y):
        r, w = theta[0], theta[1:]
        into_r, into_w, constant = 0, 0, 0
        for rows in self.problem.chunks(len(y)):
            t = (x[rows] @ w).tanh()
            g = (t @ r / self.problem.N - y[rows]) / len(y)
            gx = x[rows] * g[:, None]
            into_r = into_r + g @ t
            into_w = into_w + gx.t() @ (t * t)
            constant = constant + gx.sum(0)[:, None]
        drift = self.torch.cat([into_r[None], (constant - into_w) * r])
        return DECAY * theta - STEP_SIZE * drift

    def batch(self):
        return self.torch.randint(self.problem.n, (self.problem.batch_size,)) if self.problem.batch_size else None

    def moved(self, theta, noise, samples):
        if noise is None:
            noise, samples = self.torch.randn_like(theta), self.batch()
        x, y = self.inputs, self.targets
        if samples is not None:
            x, y = x[samples], y[samples]
        return self.descended(theta, x, y) + AMPLITUDE * noise

    def step(self):
        given = (None, None) if self.own_noise else (self.noise.normal_(), self.batch())
        self.theta = self.compiled(self.theta, *given)

    def check(self, samples):
        self.start_over()
        rows = samples if samples else slice(None)
        return self.compiled_descent(self.theta, self.inputs[rows], self.targets[rows]).numpy()


KINDS = {"numpy": NumpySteps, "torch": TorchManualSteps, "autograd": TorchAutogradSteps, "compiled": TorchCompiledSteps}
QUIET = ("torch.utils.flop_counter",)  # misses what only graphics processors need


def seconds_per_step(engine, steps, warm_up, threads):
    engine.set_threads(threads)
    for _ in range(warm_up):
        engine.step()
    start = time.perf_counter()
    for _ in range(steps):
        engine.step()
    return (time.perf_counter() - start) / steps


def answer(engine, words):
    command = words[0]
    if command == "time":
        return f"{seconds_per_step(engine, *map(int, words[1:4])):.9g}"
    if command == "chunk":
        engine.problem.chunk = int(words[1])
        engine.start_over()
        return "ok"
    if command == "noise":
        engine.own_noise = words[1] == "compiled"
        return "ok"
    if command == "blas":
        return blas_in_use()
    if command == "version":
        return engine.version
    if command == "check":
        engine.check([int(word) for word in words[2:]]).astype("float64").tofile(words[1])
        return "ok"
    raise ValueError(f"unknown request '{command}'")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    for name in ("particles", "samples", "dim", "batch", "chunk"):
        parser.add_argument("--" + name, type=int, default=0)
    parser.add_argument("--precision", choices=("double", "single"), default="double")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    engine = KINDS[options.kind](Problem(options))
    for line in sys.stdin:
        print(answer(engine, line.split()), flush=True)


if __name__ == "__main__":
    main()
