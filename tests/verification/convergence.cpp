#include <cmath>

#include "support/oracles/chain.hpp"
#include "support/random_normals.hpp"
#include "verification/quadratic.hpp"
#include "verification/studies.hpp"

namespace mfld {

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
