#pragma once
#include <span>

#include "mfld/model/network.hpp"

namespace mfld {

/// Where c_i comes from in natural gradient descent of the squared loss (Zhang, Martens & Grosse, "Fast convergence of
/// natural gradient descent for overparameterized neural networks", NeurIPS 2019):
///   c = (K + damping I)^-1 (u - y),   v_j = drift_factor sum_i c_i grad h(theta_j; x_i),
/// K = J J' the tangent kernel at the particles in the units in which the network trains, so that eta v moves the
/// outputs by -eta K c to first order. It is eta times the step that minimises
///   |u + J delta - y|^2 + damping penalty_factor sum_j |delta_j|^2:
/// a factor of the loss (1/2 or 1, mean or sum) stands before both terms and cancels, so there is none here.
/// damping = n ridge is the ridge of KernelRegression. One object serves one network and one data set.
class NaturalGradient {
 public:
  /// c from residual u - y, both [n]. False if K + damping I is not finite and positive definite: a pivot of its
  /// Cholesky factorisation is at most n times the rounding of its largest entry. A linearised network is factorised
  /// once, for its kernel never changes. Cost O(n^2 N d + n^3), two matrices [n x n] of memory. The kernel is parallel;
  /// the same bits on any thread count.
  bool solve(const Network& network, const Particles<double>& particles, const Inputs& inputs, double damping,
             std::span<const double> residual, std::span<double> coefficients);

  static double num_doubles(Index num_samples) { return 2.0 * static_cast<double>(num_samples * num_samples); }

 private:
  bool factorise(const Network& network, const Particles<double>& particles, const Inputs& inputs, double damping);

  Matrix factor_;  // [n x n] lower triangle: the Cholesky factor
  double factored_damping_ = -1;
};

}  // namespace mfld
