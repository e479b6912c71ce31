"""Deep relu networks of finite width, which the program does not have, and the tangent kernel that they come to.

In the scaling of Jacot, Gabriel & Hongler (NeurIPS 2018, section 2): a_0 = x, z_l = W_l a_{l-1} / sqrt(n_{l-1}) + beta b_l,
a_l = relu(z_l), f = z_L, all W and b N(0, 1) at the start.
"""

import numpy as np


def limit_kernel(cosines, depth, beta):
    """The tangent kernel of infinite width, L = depth, between unit vectors of the plane at these cosines (their theorem 1,
    with the arc-cosine kernels of Cho & Saul, NIPS 2009): S_1 = x.x'/2 + beta^2, T_1 = S_1, S_{l+1} = E[relu relu] + beta^2,
    T_{l+1} = S_{l+1} + E[relu' relu'] T_l."""
    square = 0.5 + beta**2
    covariance = 0.5 * np.asarray(cosines, float) + beta**2
    tangent = covariance
    for _ in range(depth - 1):
        rho = np.clip(covariance / square, -1, 1)
        angle = np.pi - np.arccos(rho)
        covariance = square * (np.sqrt(1 - rho**2) + rho * angle) / (2 * np.pi) + beta**2
        tangent = covariance + angle / (2 * np.pi) * tangent
        square = square / 2 + beta**2
    return tangent


class DeepNetwork:
    """Draws the weights in the order of the layers; single precision, for speed."""

    def __init__(self, generator, inputs, width, depth, beta):
        sizes = [inputs] + [width] * (depth - 1) + [1]
        self.weights = [generator.standard_normal((new, old), dtype=np.float32) for old, new in zip(sizes, sizes[1:])]
        self.biases = [generator.standard_normal(new, dtype=np.float32) for new in sizes[1:]]
        self.scales = [np.float32(size**-0.5) for size in sizes[:-1]]
        self.beta = np.float32(beta)

    def _passes(self, inputs):
        """Activations a_0 .. a_{L-1}, df/dz_1 .. df/dz_L, and f [n]."""
        activations, slopes = [np.asarray(inputs, np.float32)], []
        for weights, biases, scale in zip(self.weights, self.biases, self.scales):
            z = scale * (activations[-1] @ weights.T) + self.beta * biases
            slopes.append(z > 0)
            activations.append(np.maximum(z, 0))
        gradients = [np.ones_like(z)]
        for layer in range(len(self.weights) - 1, 0, -1):
            gradients.insert(0, self.scales[layer] * (gradients[0] @ self.weights[layer]) * slopes[layer - 1])
        return activations[:-1], gradients, z[:, 0]

    def outputs(self, inputs):
        return self._passes(inputs)[2]

    def tangent_kernel(self, one, other):
        """[n, m]: the sum over weights and biases of products of derivatives."""
        a, g, _ = self._passes(one)
        b, h, _ = self._passes(other)
        return sum((x @ y.T) * (scale**2 * (u @ v.T) + self.beta**2)
                   for u, v, x, y, scale in zip(a, b, g, h, self.scales))

    def train(self, inputs, targets, steps, step_size):
        """Gradient descent on 1/(2n) sum_i (f(x_i) - y_i)^2; returns this loss before the last step."""
        for _ in range(steps):
            activations, gradients, outputs = self._passes(inputs)
            residual = outputs - np.asarray(targets, np.float32)
            share = (step_size / len(residual) * residual)[:, None].astype(np.float32)
            for weights, biases, scale, a, g in zip(self.weights, self.biases, self.scales, activations, gradients):
                weights -= scale * (share * g).T @ a
                biases -= self.beta * (share * g).sum(axis=0)
        return 0.5 * float(np.mean(residual**2))
