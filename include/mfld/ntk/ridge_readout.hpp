#pragma once
#include <optional>

#include "mfld/model/network.hpp"

namespace mfld {

/// Which system of equations is solved: of the samples [n x n], of the neurons [N x N], or the smaller one.
enum class RidgeForm { smaller, of_samples, of_neurons };

/// The output weights that minimise, over r, for given w and b of a neuron r sigma(w.x + b),
///   (1/2) sum_i (f(x_i) - y_i)^2 + (shift / 2) penalty_factor sum_j r_j^2,
///   f(x) = output_factor sum_j r_j sigma_j(x):
///   r_j = drift_factor sum_i a_i sigma_j(x_i),   a = (K + shift I)^-1 y,
///   K = output_factor drift_factor sum_j sigma_j sigma_j'
/// (src/README.md, equation 20), in the mean-field scaling K = (1/N) sum_j sigma_j sigma_j' and f(x_i) = y_i - shift
/// a_i; or the same by r = drift_factor (G + shift I)^-1 Phi' y, G = output_factor drift_factor Phi' Phi, Phi_ij =
/// sigma_j(x_i). inputs [n x d], targets [n], shift > 0. Nothing where the matrix is not finite and positive definite:
/// a pivot of its Cholesky factorisation is at most its size times the rounding of its largest entry. Cost
/// O(n N (d + m) + m^3), m = min(n, N), in tiles; memory 2 m^2. Sums run in a fixed order: the same bits on any number
/// of threads.                                                                                          [N]
std::optional<Vector> ridge_readout(const Network& network, const Particles<double>& particles, const Inputs& inputs,
                                    const Vector& targets, double shift, RidgeForm form = RidgeForm::smaller);

/// Doubles that this needs at once.
double num_doubles_of_ridge_readout(Index num_samples, Index num_particles, Index num_parameters);

}  // namespace mfld
