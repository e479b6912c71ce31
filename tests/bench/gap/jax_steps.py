"""Processor seconds of a full-batch Euler-Maruyama step in JAX: one compiled loop, the gradient by hand, in double precision, on
one thread, by the faster of two generators and of all samples at once or 128 at a time. Run by the interpreter of
comparison/peer_environment.py. Sizes alone decide the time, so that the data are random.

theta' = (1 - 2 step_size lambda1) theta - step_size drift + sqrt(2 step_size lambda2) noise, of tanh(w.x + b) with the squared loss
(sigma) or R tanh(r) tanh(w.x + b) with the logistic loss (bounded-r). Particles are columns, a column of ones stands beside the
inputs, as in comparison/jax_peer.py.
"""

import argparse
import time

import jax
import jax.numpy as jnp


def sigma(theta, x, y, count):
    t = jnp.tanh(x @ theta)
    return _of_weights(x, (t.mean(1) - y) / count, t, 1)


def sigma_risk(theta, x, y):
    return 0.5 * jnp.square(jnp.tanh(x @ theta).mean(1) - y).mean()


def bounded_r(theta, x, y, count):
    t, head = jnp.tanh(x @ theta[1:]), jnp.tanh(theta[0])
    g = -y / (1 + jnp.exp(y * (t @ head) / head.size)) / count
    return jnp.concatenate([((g @ t) * (1 - head * head))[None], _of_weights(x, g, t, head)])


def bounded_r_risk(theta, x, y):
    outputs = jnp.tanh(x @ theta[1:]) @ jnp.tanh(theta[0]) / theta.shape[1]
    return jnp.log1p(jnp.exp(-y * outputs)).mean()


def _of_weights(x, g, t, head):
    """head (sum_i g_i x_i - sum_i g_i x_i t_i^2)."""
    gx = x * g[:, None]
    return (gx.sum(0)[:, None] - gx.T @ (t * t)) * head


NEURONS = {"sigma": (sigma, sigma_risk), "bounded-r": (bounded_r, bounded_r_risk)}


def in_chunks(part, chunk):
    """The drift over all samples, by so many at a time."""
    def drift(theta, x, y):
        count = len(y)
        whole = count // chunk * chunk
        rows = (x[:whole].reshape(-1, chunk, x.shape[1]), y[:whole].reshape(-1, chunk))
        total, _ = jax.lax.scan(lambda sum_, some: (sum_ + part(theta, *some, count), None), jnp.zeros_like(theta), rows)
        return total + part(theta, x[whole:], y[whole:], count) if whole < count else total

    return drift


def check(neuron, drift, theta, x, y):
    """The drift is N times the gradient of the risk."""
    automatic = theta.shape[1] * jax.grad(NEURONS[neuron][1])(theta, x, y)
    error = jnp.abs(drift(theta, x, y) - automatic).max() / jnp.abs(automatic).max()
    if not error < 1e-10:
        raise SystemExit(f"jax_steps: the drift by hand differs from that of jax.grad by {error:.2g}")


def loop_of(drift, x, y, decay, step_size, amplitude):
    def step(_, state):
        theta, key = state
        key, now = jax.random.split(key)
        noise = jax.random.normal(now, theta.shape, theta.dtype)
        return decay * theta - step_size * drift(theta, x, y) + amplitude * noise, key

    return jax.jit(lambda state, count: jax.lax.fori_loop(0, count, step, state))


def seconds(loop, state, turn_seconds, turns):
    """Of a step, the least of the turns."""
    count, least = 1, float("inf")
    jax.block_until_ready(loop(state, 1))
    while True:
        start = time.process_time()
        jax.block_until_ready(loop(state, count))
        passed = time.process_time() - start
        if passed > turn_seconds / 2:
            break
        count *= 2
    for _ in range(turns):
        start = time.process_time()
        jax.block_until_ready(loop(state, count))
        least = min(least, (time.process_time() - start) / count)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("neuron", choices=NEURONS)
    for name in ("particles", "samples", "dim"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(1), 3)
    x = jnp.concatenate([jax.random.normal(keys[0], (options.samples, options.dim)), jnp.ones((options.samples, 1))], 1)
    y = jnp.sign(jax.random.normal(keys[1], (options.samples,)))
    rows = options.dim + (2 if options.neuron == "bounded-r" else 1)
    theta = jax.random.normal(keys[2], (rows, options.particles))
    found = []
    for chunk in (options.samples, 128):
        drift = in_chunks(NEURONS[options.neuron][0], chunk)
        check(options.neuron, drift, theta[:, :50], x, y)
        loop = loop_of(drift, x, y, 0.98, 1.0, 0.1)
        found += [seconds(loop, (theta, jax.random.key(2, impl=generator)), 0.3, options.turns)
                  for generator in ("threefry2x32", "unsafe_rbg")]
    print(min(found), jax.__version__)


if __name__ == "__main__":
    main()
