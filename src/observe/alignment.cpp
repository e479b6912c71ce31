#include "mfld/observe/alignment.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace mfld {

namespace {

/// numerator / denominator, and 0 where both vanish together with the vector they come from. A NaN stays a NaN.
double share(double numerator, double denominator) { return denominator == 0 ? 0 : numerator / denominator; }

}  // namespace

CosineSign cosine_sign(Activation activation) { return info(activation).odd ? CosineSign::ignore : CosineSign::keep; }

Matrix cosines(const Eigen::Ref<const Matrix>& weights, const Matrix& directions, CosineSign sign) {
  assert(weights.cols() == directions.cols());
  const Vector weight_norms = weights.rowwise().norm();
  const Vector direction_norms = directions.rowwise().norm();
  Matrix result = weights * directions.transpose();
  for (Index l = 0; l < result.cols(); ++l) {
    for (Index j = 0; j < result.rows(); ++j) {
      // Divided one after the other: the product of two small norms could underflow. Rounding may exceed 1.
      const double cosine = share(share(result(j, l), weight_norms[j]), direction_norms[l]);
      const double clamped = std::clamp(cosine, -1.0, 1.0);
      result(j, l) = sign == CosineSign::ignore ? std::abs(clamped) : clamped;
    }
  }
  return result;
}

double mass_near_teacher(const Eigen::Ref<const Matrix>& weights, const Vector& output_weights,
                         const Matrix& neuron_cosines, double threshold) {
  assert(weights.rows() == output_weights.size() && weights.rows() == neuron_cosines.rows());
  const Vector mass = output_weights.cwiseAbs().cwiseProduct(weights.rowwise().norm());
  double near = 0;
  for (Index j = 0; j < mass.size(); ++j) {
    if (neuron_cosines.row(j).maxCoeff() > threshold) {
      near += mass[j];
    }
  }
  return share(near, mass.sum());
}

Vector squared_projections(const Eigen::Ref<const Matrix>& weights, const Matrix& basis) {
  assert(weights.cols() == basis.rows());
  return (weights * basis).rowwise().squaredNorm();
}

double mean_alignment(const Eigen::Ref<const Matrix>& weights, const Matrix& basis) {
  const Vector projected = squared_projections(weights, basis);
  const Vector squared_norms = weights.rowwise().squaredNorm();
  double sum = 0;
  for (Index j = 0; j < projected.size(); ++j) {
    sum += share(projected[j], squared_norms[j]);
  }
  return sum / static_cast<double>(projected.size());
}

double relevant_mass(const Eigen::Ref<const Matrix>& weights, const Matrix& basis) {
  return share(squared_projections(weights, basis).sum(), weights.squaredNorm());
}

WeightSpectrum weight_spectrum(const Eigen::Ref<const Matrix>& weights) {
  const bool of_inputs = weights.cols() <= weights.rows();
  const Matrix gram = of_inputs ? Matrix(weights.transpose() * weights) : Matrix(weights * weights.transpose());
  if (!gram.allFinite()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {Vector::Constant(gram.rows(), none), Vector::Constant(weights.cols(), none)};
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
  const Vector leading = solver.eigenvectors().rightCols(1);
  const Vector direction = of_inputs ? leading : Vector(weights.transpose() * leading);
  return {solver.eigenvalues().reverse().cwiseMax(0.0).cwiseSqrt(), direction.stableNormalized()};
}

}  // namespace mfld
