"""The timed step in JAX, answering the requests that step_server.hpp lists.

One compiled loop of steps, so that Python is not in the time: the gradient by hand or by jax.grad, the noise and the
mini-batches from one of JAX's generators, all samples at once or chunks of them. Particles as columns, one row a
parameter ([r, w_1..w_d, b][N]), a column of ones beside the inputs, as in peers.py.
"""

import argparse
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from peers import AMPLITUDE, DECAY, STEP_SIZE, Problem

GENERATORS = {"threefry": "threefry2x32", "rbg": "rbg", "unsafe_rbg": "unsafe_rbg"}


class JaxSteps:
    def __init__(self, problem, with_grad, seeds):
        self.problem, self.with_grad, self.seeds = problem, with_grad, seeds
        self.inputs, self.targets = jnp.asarray(problem.inputs), jnp.asarray(problem.targets)
        self.generator = "unsafe_rbg"
        self.start_over()

    def start_over(self):
        theta = jnp.asarray(self.problem.particles())
        key = jax.random.key(1, impl=GENERATORS[self.generator])
        self.state = (theta, key)
        if self.seeds:
            self.state = (jnp.tile(theta, (self.seeds, 1, 1)), jax.random.split(key, self.seeds))
        self.compiled = False
        self.loop = jax.jit(self.steps, donate_argnums=0)

    # --- the drift of some samples, weighted as samples of all

    def by_hand(self, theta, x, y, count):
        """r (sum_i g_i x_i - sum_i g_i x_i t_i^2), as in peers.py: the products see t and t^2 alone."""
        r, w = theta[0], theta[1:]
        t = jnp.tanh(x @ w)
        g = (t @ r / self.problem.N - y) / count
        gx = x * g[:, None]
        return jnp.concatenate([(g @ t)[None], (gx.sum(0)[:, None] - gx.T @ (t * t)) * r])

    def loss(self, theta, x, y, count):
        """Times N: the drift of the mean-field scaling is N times the gradient."""
        outputs = theta[0] @ jnp.tanh(x @ theta[1:]).T / self.problem.N
        return 0.5 * jnp.square(outputs - y).sum() * (self.problem.N / count)

    def drift(self, theta, x, y):
        part = jax.grad(self.loss) if self.with_grad else self.by_hand
        count, chunk = len(y), self.problem.chunk
        if chunk >= count:
            return part(theta, x, y, count)

        def add(total, rows):
            return total + part(theta, *rows, count), None

        whole = count // chunk * chunk
        rows = (x[:whole].reshape(-1, chunk, x.shape[1]), y[:whole].reshape(-1, chunk))
        total, _ = jax.lax.scan(add, jnp.zeros_like(theta), rows)
        return total + part(theta, x[whole:], y[whole:], count) if whole < count else total

    def descend(self, theta, x, y):
        return DECAY * theta - STEP_SIZE * self.drift(theta, x, y)

    # --- steps

    def step(self, _, state):
        theta, key = state
        key, for_noise, for_batch = jax.random.split(key, 3)
        x, y = self.inputs, self.targets
        if self.problem.batch_size:
            samples = jax.random.randint(for_batch, (self.problem.batch_size,), 0, self.problem.n)
            x, y = x[samples], y[samples]
        noise = jax.random.normal(for_noise, theta.shape, theta.dtype)
        return self.descend(theta, x, y) + AMPLITUDE * noise, key

    def steps(self, state, count):
        one = jax.vmap(self.step, in_axes=(None, 0)) if self.seeds else self.step
        return jax.lax.fori_loop(0, count, one, state)

    def run(self, count):
        self.compiled = True
        self.state = self.loop(self.state, count)
        jax.block_until_ready(self.state)

    def check(self, samples):
        rows = np.asarray(samples) if samples else slice(None)
        theta = jnp.asarray(self.problem.particles())
        return np.asarray(jax.jit(self.descend)(theta, self.inputs[rows], self.targets[rows]))


def seconds_per_step(engine, steps, warm_up):
    """Of one run, where there are many seeds."""
    if warm_up or not engine.compiled:
        engine.run(max(warm_up, 1))
    start = time.perf_counter()
    engine.run(steps)
    return (time.perf_counter() - start) / (steps * max(engine.seeds, 1))


def answer(engine, words):
    command = words[0]
    if command == "time":
        return f"{seconds_per_step(engine, *map(int, words[1:3])):.9g}"
    if command in ("chunk", "generator"):
        if command == "chunk":
            engine.problem.chunk = int(words[1])
        else:
            engine.generator = words[1]
        engine.start_over()
        return "ok"
    if command == "version":
        return f"JAX {jax.__version__}"
    if command == "check":
        engine.check([int(word) for word in words[2:]]).astype("float64").tofile(words[1])
        return "ok"
    raise ValueError(f"unknown request '{command}'")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("jax", "jaxgrad"))
    for name in ("particles", "samples", "dim", "batch", "chunk", "seeds"):
        parser.add_argument("--" + name, type=int, default=0)
    parser.add_argument("--precision", choices=("double", "single"), default="double")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.precision == "double")
    engine = JaxSteps(Problem(options), options.kind == "jaxgrad", options.seeds)
    for line in sys.stdin:
        print(answer(engine, line.split()), flush=True)


if __name__ == "__main__":
    main()
