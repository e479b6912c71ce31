#include "mfld/trust/kernel_discrepancy.hpp"
#include "mfld/objective/penalty.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mfld/objective/empirical_risk.hpp"
#include "support/oracles/mean_field_world.hpp"
#include "support/oracles/reference_values.hpp"

namespace mfld {
namespace {

KernelDiscrepancy discrepancy_of(const MeanFieldProblem& problem, const Particles<double>& particles, double width) {
  EmpiricalRisk<double> objective(*problem.network, *problem.risk, *problem.data);
  Vector outputs(problem.data->num_train());
  Drift drift(particles.rows(), particles.cols());
  objective.drift_and_outputs(particles, drift, {outputs.data(), static_cast<std::size_t>(outputs.size())});
  add_penalty(problem.network->trained(), particles, {problem.penalty}, drift);
  return kernel_gradient_discrepancy(problem, particles, drift, outputs, {width});
}

// W is the Stein operator in both arguments: by central differences of the kernel.
TEST(KernelDiscrepancy, IsTheMeanOverPairsOfTheSteinKernel) {
  const MeanFieldWorld world({NeuronKind::bounded_r, Activation::tanh, true, 2}, random_normals(9, 2, 1),
                             random_normals(9, 1, 2));
  const MeanFieldProblem problem = world.problem(0.1, 0.2);
  const Particles<double> theta = random_normals(5, 4, 3);
  EmpiricalRisk<double> objective(world.network, world.risk, world.data);
  Drift drift(5, 4);
  objective.drift(theta, drift);
  const Matrix score = -(drift + 0.2 * theta) / 0.2;
  const auto k = [](const Vector& x, const Vector& y) { return 1 / std::sqrt(1 + (x - y).squaredNorm() / 2.25); };
  const double e = 1e-3;
  double sum = 0;
  for (Index j = 0; j < 5; ++j) {
    for (Index l = 0; l < 5; ++l) {
      if (j == l) {
        continue;
      }
      const Vector x = theta.row(j);
      const Vector y = theta.row(l);
      sum += score.row(j).dot(score.row(l)) * k(x, y);
      for (Index c = 0; c < 4; ++c) {
        const Vector step = e * Vector::Unit(4, c);
        sum += score(j, c) * (k(x, y + step) - k(x, y - step)) / (2 * e);
        sum += score(l, c) * (k(x + step, y) - k(x - step, y)) / (2 * e);
        sum += (k(x + step, y + step) - k(x + step, y - step) - k(x - step, y + step) + k(x - step, y - step)) /
               (4 * e * e);
      }
    }
  }
  EXPECT_NEAR(discrepancy_of(problem, theta, 1.5).mean, sum / 20, 1e-4);
}

// Under the stationary law of two particles on the line, by quadrature, the mean is the bias.
TEST(KernelDiscrepancy, OfTheStationaryLawIsItsBias) {
  const MeanFieldWorld world({NeuronKind::sigma, Activation::tanh, false, 1},
                             Eigen::Map<const Vector>(reference::line_inputs, 2),
                             Eigen::Map<const Vector>(reference::line_targets, 2));
  const double lambda = reference::line_lambda;
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  double mass = 0, mean = 0, bias = 0;
  constexpr double step = 0.1;
  for (int a = -55; a <= 55; ++a) {
    for (int b = -55; b <= 55; ++b) {
      const Particles<double> pair = (Particles<double>(2, 1) << step * a, step * b).finished();
      const Eigen::Array2d x(reference::line_inputs[0], reference::line_inputs[1]);
      const Eigen::Array2d y(reference::line_targets[0], reference::line_targets[1]);
      const Eigen::Array2d f = 0.5 * ((pair(0) * x).tanh() + (pair(1) * x).tanh());
      const double energy = 0.25 * (f - y).square().sum() + 0.5 * lambda * pair.squaredNorm();
      const double weight = std::exp(-2 * energy / lambda);
      const KernelDiscrepancy seen = discrepancy_of(problem, pair, 1);
      mass += weight;
      mean += weight * seen.mean;
      bias += weight * seen.bias;
    }
  }
  RecordProperty("mean", std::to_string(mean / mass));
  EXPECT_NEAR(mean / mass, bias / mass, 1e-9);
  EXPECT_GT(bias / mass, 0.1);
}

TEST(KernelDiscrepancy, BiasIsTheSumOverGradients) {
  const MeanFieldWorld world({NeuronKind::bounded_r, Activation::tanh, true, 2}, random_normals(9, 2, 1),
                             random_normals(9, 1, 2));
  const MeanFieldProblem problem = world.problem(0.1, 0.2);
  const Particles<double> theta = random_normals(4, 4, 3);
  EmpiricalRisk<double> objective(world.network, world.risk, world.data);
  // grad h_i(theta_j) is the drift from the coefficients e_i.
  std::vector<Drift> gradients(9, Drift(4, 4));
  for (std::size_t i = 0; i < 9; ++i) {
    std::vector<double> unit(9, 0.0);
    unit[i] = 1;
    objective.drift_from(unit, theta, gradients[i], {});
  }
  double sum = 0;
  for (Index j = 0; j < 4; ++j) {
    for (Index l = 0; l < 4; ++l) {
      for (std::size_t i = 0; j != l && i < 9; ++i) {
        sum += gradients[i].row(j).dot(gradients[i].row(l)) / 9 /
               std::sqrt(1 + (theta.row(j) - theta.row(l)).squaredNorm() / 2.25);
      }
    }
  }
  EXPECT_NEAR(discrepancy_of(problem, theta, 1.5).bias, sum / 12 / (0.2 * 4), 1e-12);
}

TEST(KernelDiscrepancy, MedianOfFourPointsByHand) {
  // Distances 1, 2, 3, 4, 6, 7.
  EXPECT_EQ(median_distance((Particles<double>(4, 1) << 0, 1, 3, 7).finished()), 4);
}

}  // namespace
}  // namespace mfld
