#pragma once
#include "mfld/core/watch.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

/// The tangent kernel of a finite network at its particles, in the units in which the network trains:
///   K(x, x') = output_factor drift_factor sum_j grad h(theta_j; x) . grad h(theta_j; x')      over trained parameters,
///   d f(x) / dt = -(1/n) sum_i K(x, x_i) l'(f(x_i), y_i)                       (Jacot, Gabriel & Hongler 2018)
/// so that output_factor drift_factor is 1/N in the mean-field, ntk and alpha scalings and 1 in the standard one.
/// With u_j = a' sigma(z_j) + c' and s_j = a sigma'(z_j) the summand is u_j u_j' + s_j s_j' (x . x' + 1).
///
/// x [n x d], z [m x d]; returns [n x m], symmetric to the bit where x and z are the same object. A linearised network
/// has the kernel of its anchor: pass that. Cost O(n m N), in tiles of rows and of particles: the Jacobian is never
/// stored. Parallel over row tiles; the same bits on any thread count. Interrupted by the watch.
Matrix empirical_ntk(const Network& network, const Particles<double>& particles, const Inputs& x, const Inputs& z,
                     const Watch& watch = {});

/// The first-layer kernel (conjugate kernel, random features): (1/N) sum_j h(theta_j; x) h(theta_j; x').
Matrix conjugate_kernel(const Network& network, const Particles<double>& particles, const Inputs& x, const Inputs& z,
                        const Watch& watch = {});

/// The neurons sigma(w.x + b) without their output weights, and their parameters (w, b), columns of `particles`.
Network hidden_network(const Network& network);
Particles<double> hidden_parameters(const Network& network, const Particles<double>& particles);

/// (1/N) sum_j sigma(w_j.x + b_j) sigma(w_j.x' + b_j) on the inputs x: the first-layer kernel whatever the output
/// weights.                                                                                          [n x n]
Matrix feature_kernel(const Network& network, const Particles<double>& particles, const Inputs& x);

/// |K - K_0|_F / |K_0|_F; 0 at the start.
double kernel_drift(const Matrix& kernel, const Matrix& initial);

/// y' K y / (|K|_F |y|^2), in [-1, 1]; 1 where K is y y' (Cristianini et al. 2001).
double kernel_alignment(const Matrix& kernel, const Vector& targets);

/// tr[K (K + n ridge I)^-1] of a symmetric K [n x n], ridge > 0: the effective dimension.
double effective_dimension(const Matrix& kernel, double ridge);

}  // namespace mfld
