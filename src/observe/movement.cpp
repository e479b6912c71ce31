#include "mfld/observe/movement.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace mfld {

namespace {

/// Samples at a time whose pre-activations, of a strip of particles, are kept: 256 KiB.
constexpr Index block_samples = 256;

Matrix pre_activations(const Particles<double>& particles, const ParameterLayout& layout, RowRange strip,
                       const Eigen::Ref<const Inputs>& inputs) {
  const auto rows = particles.middleRows(strip.first, strip.count());
  Matrix z = rows.middleCols(layout.input, layout.input_dim) * inputs.transpose();
  if (layout.bias >= 0) {
    z.colwise() += rows.col(layout.bias);
  }
  return z;
}

}  // namespace

Movement movement(const Eigen::Ref<const Matrix>& weights, const Eigen::Ref<const Matrix>& initial_weights,
                  RowSums<double>& sums) {
  const auto totals = sums.over(weights.rows(), {.sums = 1, .maxima = 1, .cost = 2 * weights.cols()},
                                [&](RowRange strip, double* sum, double* max) {
                                  const StripNumbers distances =
                                      squared_distances(weights, initial_weights, strip).sqrt();
                                  *sum += distances.sum();
                                  *max = larger(*max, distances.maxCoeff<Eigen::PropagateNaN>());
                                });
  return {totals[0] / static_cast<double>(weights.rows()), totals[1]};
}

double relative_movement(const Particles<double>& particles, const Particles<double>& initial, RowSums<double>& sums) {
  const auto squares = sums.over(particles.rows(), {.sums = 2, .cost = 3 * particles.cols()},
                                 [&](RowRange strip, double* sum, double* /*max*/) {
                                   sum[0] += squared_distances(particles, initial, strip).sum();
                                   sum[1] += squared_norms(initial, strip).sum();
                                 });
  return std::sqrt(squares[0]) / std::sqrt(squares[1]);
}

double pattern_change(const Particles<double>& particles, const Particles<double>& initial,
                      const ParameterLayout& layout, const Inputs& inputs, RowSums<double>& sums) {
  assert(particles.rows() == initial.rows() && inputs.cols() == layout.input_dim);
  const Index num_samples = inputs.rows();
  const double changed = sums.sum(particles.rows(), 4 * num_samples * layout.input_dim, [&](RowRange strip) {
    Index count = 0;
    for (Index sample = 0; sample < num_samples; sample += block_samples) {
      const auto block = inputs.middleRows(sample, std::min(block_samples, num_samples - sample));
      const Matrix now = pre_activations(particles, layout, strip, block);
      const Matrix then = pre_activations(initial, layout, strip, block);
      count += ((now.array() > 0) != (then.array() > 0)).count();
    }
    return static_cast<double>(count);
  });
  return changed / (static_cast<double>(particles.rows()) * static_cast<double>(num_samples));
}

}  // namespace mfld
