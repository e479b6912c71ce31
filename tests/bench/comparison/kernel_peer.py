#!/usr/bin/env python3
"""The tangent kernel of a deep ReLU network, timed on request like kernel_matrix_bench: in NumPy with one expression a
line on whole matrices ("plain"), or in place on blocks of rows that stay in the cache, on several threads ("blocks"); or
in neural-tangents, compiled, all at once or in batches of rows and columns ("neural-tangents")."""

import argparse
import concurrent.futures
import sys
import time
import types

import numpy as np


def plain(x, depth):
    norms = np.linalg.norm(x, axis=1)
    scale = np.outer(norms, norms)
    kernel = x @ x.T
    theta = kernel
    for _ in range(depth):
        cosine = np.clip(kernel / scale, -1, 1)
        angle = np.arccos(cosine)
        kernel = scale * (np.sin(angle) + (np.pi - angle) * cosine) / np.pi
        theta = kernel + theta * (np.pi - angle) / np.pi
    return theta


def fill_rows(x, norms, first, last, depth, out, room):
    """Rows [first, last) of the kernel into out, without a temporary; sin = sqrt(1 - cos^2) is cheaper than sin."""
    theta = out[first:last]
    cosine, angle, sine = (buffer[: last - first] for buffer in room)
    np.matmul(x[first:last] / norms[first:last, None], (x / norms[:, None]).T, out=cosine)
    theta[...] = cosine
    for _ in range(depth):
        np.clip(cosine, -1, 1, out=cosine)
        np.arccos(cosine, out=angle)
        np.multiply(cosine, cosine, out=sine)
        np.subtract(1, sine, out=sine)
        np.sqrt(sine, out=sine)
        np.subtract(np.pi, angle, out=angle)
        angle *= 1 / np.pi
        cosine *= angle
        sine *= 1 / np.pi
        cosine += sine
        theta *= angle
        theta += cosine
    theta *= norms[first:last, None]
    theta *= norms


def blocks(x, depth, rows, pool):
    n = len(x)
    norms = np.linalg.norm(x, axis=1)
    out = np.empty((n, n))
    starts = range(0, n, rows)

    def work(first):
        room = [np.empty((rows, n)) for _ in range(3)]
        fill_rows(x, norms, first, min(first + rows, n), depth, out, room)

    list(pool.map(work, starts))
    return out


def neural_tangents(x, depth, rows):
    """A call without arguments that computes the kernel; rows = 0: all at once. Its part for networks in TensorFlow would
    ask for TensorFlow on import and has nothing to do with kernels of infinite width: an empty one stands in for it."""
    part = types.ModuleType("empirical")
    part.empirical_ntk_fn_tf = part.get_apply_fn_and_params = None
    for name in ("empirical_tf", "empirical_tf.empirical"):
        sys.modules[f"neural_tangents.experimental.{name}"] = part
    import jax

    jax.config.update("jax_enable_x64", True)
    import neural_tangents

    stax = neural_tangents.stax
    hidden = [layer for _ in range(depth) for layer in (stax.Dense(1, W_std=2**0.5), stax.Relu())]
    _, _, kernel = stax.serial(*hidden, stax.Dense(1, W_std=1.0))
    inputs = jax.numpy.asarray(x * len(x[0]) ** 0.5)  # which its first layer divides by
    of_part = jax.jit(lambda a, b: kernel(a, b, get="ntk"))
    if not rows:
        return lambda: of_part(inputs, None).block_until_ready()
    batched = neural_tangents.batch(kernel, batch_size=rows, device_count=0)
    return lambda: batched(inputs, None, get="ntk").block_until_ready()


class Engine:
    def __init__(self, options):
        self.x = np.fromfile(f"{options.data}/inputs.bin").reshape(-1, options.dim)[: options.samples]
        self.options = options
        self.pools = {}
        if options.engine == "neural-tangents":
            self.kernel = neural_tangents(self.x, options.depth, options.rows)

    def step(self, threads):
        if self.options.engine == "neural-tangents":  # on as many threads as it began with
            return self.kernel()
        if self.options.engine == "plain":
            return plain(self.x, self.options.depth)
        pool = self.pools.setdefault(threads, concurrent.futures.ThreadPoolExecutor(threads))
        return blocks(self.x, self.options.depth, self.options.rows, pool)

    def answer(self, words):
        if words[0] == "time":
            steps, warm_up, threads = map(int, words[1:])
            for _ in range(warm_up):
                self.step(threads)
            start = time.perf_counter()
            for _ in range(steps):
                self.step(threads)
            return repr((time.perf_counter() - start) / steps)
        np.asarray(self.step(1)).tofile(words[1])  # check FILE
        return "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("plain", "blocks", "neural-tangents"))
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--data", required=True)
    engine = Engine(parser.parse_args())
    for line in sys.stdin:
        print(engine.answer(line.split()), flush=True)


if __name__ == "__main__":
    main()
