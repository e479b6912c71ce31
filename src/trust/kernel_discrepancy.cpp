#include "mfld/trust/kernel_discrepancy.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "mfld/model/neuron_derivatives.hpp"
#include "objective/pair_tiles.hpp"

namespace mfld {

namespace {

constexpr Index most_particles = 10'000;
constexpr Index most_of_bias = 500;
constexpr Index block_samples = 1024;

double mean_over_pairs(double sum, Index num_particles) {
  return sum / (static_cast<double>(num_particles) * static_cast<double>(num_particles - 1));
}

/// The sum of W_jl over all pairs of j and another l; columns are particles.
double sum_over_pairs(const Matrix& theta, const Matrix& score, double inverse_square) {
  const Index p = theta.rows();
  const auto numbers_of = [&](Index j, Index k) { return k < p ? theta(k, j) : score(k - p, j); };
  PairSources<double> sources;
  sources.fill(theta.cols(), 2 * p, numbers_of);
  PairTiles<double> tiles;
  tiles.resize(2 * p, 0);
  Vector sums(theta.cols());
  const kernels::PairKernel kernel = {kernels::PairKernelKind::inverse_multiquadric, inverse_square, {}};
  tiles.for_each(theta.cols(), [&](PairTile<double>& tile) {
    tile.fill(2 * p, numbers_of);
    kernels::sum_pairs(kernels::SteinTask<double>{kernel, p, tile.particles.data(), sources.numbers.data(),
                                                  sources.num_points, tile.values.data(), nullptr, nullptr});
    for (Index i = 0; i < tile.count; ++i) {
      const Index j = tile.first + i;
      const double of_itself = score.col(j).squaredNorm() + static_cast<double>(p) * inverse_square;
      sums[j] = tile.values[static_cast<std::size_t>(i)] - of_itself;
    }
  });
  return sums.sum();
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
  return {mean_over_pairs(sum_over_pairs(theta, score, inverse_square), theta.cols()),
          bias_of_mean(problem, particles, outputs, inverse_square)};
}

}  // namespace mfld
