#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>

#include "support/oracles/chain.hpp"
#include "support/oracles/reference_values.hpp"
#include "support/random_normals.hpp"
#include "verification/studies.hpp"

namespace mfld {

namespace {

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

}  // namespace

void study_convergence(const std::filesystem::path& folder) {
  const Quadratic problem;
  constexpr Index width = 200000;
  constexpr double step_size = 0.02;
  constexpr std::int64_t num_steps = 1000;
  constexpr double first_variance = 1;
  ChainOptions options;
  options.inputs = problem.inputs;
  options.targets = problem.targets;
  options.step_size = step_size;
  options.lambda1 = problem.lambda1;
  options.lambda2 = problem.lambda2;
  const Vector first_mean = Vector::Constant(2, -1);
  const Particles<double> start =
      (std::sqrt(first_variance) * random_normals(width, 2, 1)).rowwise() + first_mean.transpose();
  // The law after k steps is normal: its mean follows (I - eta S)^k, a coordinate's variance about it (1 - 2 eta
  // lambda1)^2k.
  const double last_variance = problem.lambda2 / (2 * problem.lambda1 * (1 - step_size * problem.lambda1));
  Vector distance = first_mean - problem.optimum;
  std::vector<std::vector<double>> rows;
  run_chain(options, start, num_steps, [&](const Particles<double>& theta, std::int64_t k) {
    distance -= step_size * problem.s * distance;
    if (k % 25 != 0) {
      return;
    }
    const double contraction = std::pow(1 - 2 * step_size * problem.lambda1, 2 * static_cast<double>(k));
    const double variance = last_variance + contraction * (first_variance - last_variance);
    const Vector mean = theta.colwise().mean().transpose();
    const Matrix centred = theta.rowwise() - mean.transpose();
    const Matrix covariance = centred.transpose() * centred / static_cast<double>(width - 1);
    rows.push_back({static_cast<double>(k) * step_size, problem.energy(mean, covariance) - problem.minimum(),
                    problem.energy(problem.optimum + distance, variance * Matrix::Identity(2, 2)) - problem.minimum()});
  });
  write_table(folder, "convergence", "time,simulated,exact", rows);
}

}  // namespace mfld
