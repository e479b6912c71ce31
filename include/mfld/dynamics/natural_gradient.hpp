#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// The natural gradient of the squared loss (Zhang, Martens & Grosse, "Fast convergence of natural gradient descent for
/// overparameterized neural networks", NeurIPS 2019):
///   c = (K + damping I)^-1 (u - y),   v_j = drift_factor sum_i c_i grad h(theta_j; x_i),
/// K = J J' the tangent kernel at the particles in the units in which the network trains, so that eta v moves the
/// outputs by -eta K c to first order. It is eta times the step that minimises
///   |u + J delta - y|^2 + damping penalty_factor sum_j |delta_j|^2:
/// a factor of the loss (1/2 or 1, mean or sum) stands before both terms and cancels, so there is none here.
/// damping = n ridge is the ridge of KernelRegression.
/// Fails where K + damping I is not finite and positive definite: a pivot of its Cholesky factorisation is at most n
/// times the rounding of its largest entry. The kernel of a linearised network never changes: it is factorised once a
/// phase. Carries nothing, draws nothing. Cost O(n^2 N d + n^3), two matrices [n x n] of memory.
template <class Scalar>
class NaturalGradient {
 public:
  static constexpr std::string_view formula = "v = J'(K + damping I)^-1 (u - y)";

  Estimate estimate(const EstimateContext<Scalar>& context);

  static std::string describe(const Phase& phase);

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}

 private:
  bool factorise(const Model& model, const Particles<Scalar>& particles, const Inputs& inputs, double damping);

  Matrix factor_;  // [n x n] lower triangle: the Cholesky factor
  double factored_damping_ = -1;
  std::vector<double> coefficients_;  // [n]
};

/// Doubles that the factorisation of n samples needs at once.
inline double num_doubles_of_natural_gradient(Index num_samples) {
  return 2.0 * static_cast<double>(num_samples) * static_cast<double>(num_samples);
}

}  // namespace mfld
