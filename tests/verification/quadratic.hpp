#pragma once
#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>

#include "mfld/core/particles.hpp"
#include "support/oracles/reference_values.hpp"

namespace mfld {

/// Linear neurons, squared loss: the problem of reference_values.hpp.
struct Quadratic {
  Matrix inputs = Eigen::Map<const Inputs>(&reference::quadratic_inputs[0][0], 3, 2);
  Vector targets = Eigen::Map<const Vector>(reference::quadratic_targets, 3);
  double lambda1 = reference::quadratic_lambda1;
  double lambda2 = reference::quadratic_lambda2;
  Matrix s = inputs.transpose() * inputs / 3 + 2 * lambda1 * Matrix::Identity(2, 2);
  Vector optimum = s.ldlt().solve(inputs.transpose() * targets / 3);

  /// L of a normal law.
  double energy(const Vector& mean, const Matrix& covariance) const {
    const double entropy = 0.5 * std::log((2 * M_PI * M_E * covariance).determinant());
    return (inputs * mean - targets).squaredNorm() / 6 + lambda1 * (mean.squaredNorm() + covariance.trace()) -
           lambda2 * entropy;
  }
  double minimum() const { return energy(optimum, lambda2 / (2 * lambda1) * Matrix::Identity(2, 2)); }
};

}  // namespace mfld
