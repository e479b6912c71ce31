"""The reference of plots/posterior_coefficients.py: a long Markov chain for the posterior of logistic regression.

    python3 plots/posterior_chain.py > plots/posterior_coefficients.csv

200 chains of the Metropolis-adjusted Langevin algorithm, preconditioned by the curvature at the mode, of 4000 steps
each after 200 that are left out, from draws of Laplace's approximation (fixed seed; ten seconds). The standard error of
a mean is that of the means of the chains, which are independent; so is that of a standard deviation. The effective
sample size is the variance of the law over the square of the error of its mean. Data and prior are those of
sims/posterior_coefficients.toml.
"""

import sys

import numpy as np

DATA = "/usr/lib/python3/dist-packages/sklearn/datasets/data/breast_cancer.csv"
COLUMNS = {"radius": 0, "texture": 1, "smoothness": 4, "symmetry": 8}
NUM_CHAINS, NUM_STEPS, NUM_LEFT_OUT, STEP, SEED = 200, 4000, 200, 0.9, 1


class Posterior:
    """pi(w) proportional to prod_i sigma(y_i w.x_i) exp(-|w|^2 / (2 prior_std^2)), the last input being 1."""

    def __init__(self, prior_std=1.0):
        table = np.genfromtxt(DATA, delimiter=",", skip_header=1)
        inputs = table[:, list(COLUMNS.values())]
        inputs = np.c_[(inputs - inputs.mean(axis=0)) / inputs.std(axis=0), np.ones(len(table))]
        self.signed = inputs * np.where(table[:, -1:] == 1, 1.0, -1.0)
        self.precision = 1 / prior_std**2

    def log_density(self, w):
        return -np.logaddexp(0, -w @ self.signed.T).sum(axis=-1) - self.precision * (w**2).sum(axis=-1) / 2

    def doubts(self, w):
        return 1 / (1 + np.exp(w @ self.signed.T))

    def score(self, w):
        return self.doubts(w) @ self.signed - self.precision * w

    def mode(self):
        """The mode and the negative Hessian of the logarithm there, by Newton's method."""
        w = np.zeros(self.signed.shape[1])
        for _ in range(50):
            doubt = self.doubts(w)
            curvature = (self.signed.T * (doubt * (1 - doubt))) @ self.signed + self.precision * np.eye(len(w))
            w = w + np.linalg.solve(curvature, self.score(w))
        return w, curvature


def chain(posterior):
    """[steps, chains, coefficients] and the share of proposals that were accepted."""
    generator = np.random.default_rng(SEED)
    mode, curvature = posterior.mode()
    covariance = np.linalg.inv(curvature)
    root = np.linalg.cholesky(covariance)

    def normals():
        return generator.standard_normal((NUM_CHAINS, len(mode))) @ root.T

    def ahead(w):
        return w + STEP**2 / 2 * posterior.score(w) @ covariance

    def log_proposal(w, middle):
        return -(((w - middle) @ curvature) * (w - middle)).sum(axis=1) / (2 * STEP**2)

    w = mode + normals()
    density, middle = posterior.log_density(w), ahead(w)
    draws, num_accepted = [], 0
    for step in range(NUM_LEFT_OUT + NUM_STEPS):
        new = middle + STEP * normals()
        new_density, new_middle = posterior.log_density(new), ahead(new)
        log_ratio = new_density - density + log_proposal(w, new_middle) - log_proposal(new, middle)
        accepts = np.log(generator.random(NUM_CHAINS)) < log_ratio
        w = np.where(accepts[:, None], new, w)
        middle = np.where(accepts[:, None], new_middle, middle)
        density = np.where(accepts, new_density, density)
        if step >= NUM_LEFT_OUT:
            draws.append(w)
            num_accepted += accepts.mean()
    return np.array(draws), num_accepted / NUM_STEPS


def main():
    draws, accepted = chain(Posterior())
    of_chains = draws.mean(axis=0), draws.std(axis=0)
    errors = [each.std(axis=0, ddof=1) / np.sqrt(NUM_CHAINS) for each in of_chains]
    pooled = draws.reshape(-1, draws.shape[2])
    mean, deviation = pooled.mean(axis=0), pooled.std(axis=0)
    print(f"# Posterior of logistic regression, by plots/posterior_chain.py: {NUM_CHAINS} chains of {NUM_STEPS} steps, "
          f"{accepted:.3f} accepted, seed {SEED}")
    print("coefficient,mean,mean_error,standard_deviation,standard_deviation_error,effective_sample_size")
    for row in zip([*COLUMNS, "intercept"], mean, errors[0], deviation, errors[1], (deviation / errors[0])**2):
        print("{},{:.6f},{:.6f},{:.6f},{:.6f},{:.0f}".format(*row))


if __name__ == "__main__":
    sys.exit(main())
