#include "mfld/trust/kernel_discrepancy.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/model/neuron_derivatives.hpp"

namespace mfld {

namespace {

constexpr Index most_particles = 10'000;
constexpr Index most_of_bias = 500;
constexpr Index block_samples = 1024;

double mean_over_pairs(double sum, Index num_particles) {
  return sum / (static_cast<double>(num_particles) * static_cast<double>(num_particles - 1));
}

/// sum over l of W_jl, l != j; columns are particles, so that each is contiguous.
double sum_of_row(const Matrix& theta, const Matrix& score, Index j, double inverse_square) {
  const auto p = static_cast<double>(theta.rows());
  double sum = 0;
  for (Index l = 0; l < theta.cols(); ++l) {
    if (l == j) {
      continue;
    }
    const auto difference = theta.col(j) - theta.col(l);
    const double u = 1 / (1 + difference.squaredNorm() * inverse_square);
    const double k = std::sqrt(u);
    const double slope = -inverse_square * k * u;  // grad_j k = slope (theta_j - theta_l) = -grad_l k
    const double trace = -p * slope - 3 * inverse_square * inverse_square * k * u * u * difference.squaredNorm();
    sum += score.col(j).dot(score.col(l)) * k - slope * (score.col(j) - score.col(l)).dot(difference) + trace;
  }
  return sum;
}

double bias_of_mean(const MeanFieldProblem& problem, const Particles<double>& particles, const Vector& outputs,
                    double inverse_square) {
  const std::vector<Index> rows = thinned(particles.rows(), most_of_bias);
  const Particles<double> theta = particles(rows, Eigen::all);
  const Dataset& data = *problem.data;
  Vector curvature(outputs.size());
  for (Index i = 0; i < outputs.size(); ++i) {
    curvature[i] = problem.sample_weight() * problem.risk->loss().second_derivative(outputs[i], data.train_targets[i]);
  }
  const double of_bias = problem.network->layout().bias >= 0 ? 1 : 0;
  Matrix products = Matrix::Zero(theta.rows(), theta.rows());
  for (Index first = 0; first < outputs.size(); first += block_samples) {
    const Index count = std::min(block_samples, outputs.size() - first);
    const Inputs inputs = data.train_inputs.middleRows(first, count);
    const auto [value, output, hidden] = neuron_derivatives(*problem.network, theta, inputs);
    const Vector weights = curvature.segment(first, count);
    const Vector lengths = inputs.rowwise().squaredNorm().array() + of_bias;
    products.noalias() += output.transpose() * weights.asDiagonal() * output;
    products.noalias() += hidden.transpose() * weights.cwiseProduct(lengths).asDiagonal() * hidden;
  }
  double sum = 0;
  for (Index j = 0; j < theta.rows(); ++j) {
    for (Index l = 0; l < j; ++l) {
      sum += 2 * products(l, j) / std::sqrt(1 + (theta.row(j) - theta.row(l)).squaredNorm() * inverse_square);
    }
  }
  return mean_over_pairs(sum, theta.rows()) / (problem.temperature * static_cast<double>(particles.rows()));
}

}  // namespace

KernelDiscrepancy kernel_gradient_discrepancy(const MeanFieldProblem& problem, const Particles<double>& particles,
                                              const Drift& drift, const Vector& outputs, InverseMultiquadric kernel) {
  assert(particles.rows() >= 2 && drift.rows() == particles.rows() && kernel.width > 0);
  const std::vector<Index> rows = thinned(particles.rows(), most_particles);
  const Matrix theta = particles(rows, Eigen::all).transpose();
  const Matrix score = -drift(rows, Eigen::all).transpose() / problem.temperature;
  const double inverse_square = 1 / (kernel.width * kernel.width);
  Vector sums(theta.cols());
  for_each_task(theta.cols(), [&](Index j) { sums[j] = sum_of_row(theta, score, j, inverse_square); });
  return {mean_over_pairs(sums.sum(), theta.cols()), bias_of_mean(problem, particles, outputs, inverse_square)};
}

}  // namespace mfld
