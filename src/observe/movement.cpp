#include "mfld/observe/movement.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <vector>

#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

/// Particles and samples of one block of pre-activations: 2 x 512 KiB a task, whatever N and n.
constexpr Index block_size = 256;

Matrix pre_activations(const Particles<double>& particles, const ParameterLayout& layout, Index first_particle,
                       Index num_particles, const Eigen::Ref<const Inputs>& inputs) {
  const auto rows = particles.middleRows(first_particle, num_particles);
  Matrix z = rows.middleCols(layout.input, layout.input_dim) * inputs.transpose();
  if (layout.bias >= 0) {
    z.colwise() += rows.col(layout.bias);
  }
  return z;
}

}  // namespace

Vector movement(const Eigen::Ref<const Matrix>& weights, const Eigen::Ref<const Matrix>& initial_weights) {
  return (weights - initial_weights).rowwise().norm();
}

double relative_movement(const Particles<double>& particles, const Particles<double>& initial) {
  return (particles - initial).norm() / initial.norm();
}

double pattern_change(const Particles<double>& particles, const Particles<double>& initial,
                      const ParameterLayout& layout, const Inputs& inputs) {
  assert(particles.rows() == initial.rows() && inputs.cols() == layout.input_dim);
  const Index num_particles = particles.rows();
  const Index num_samples = inputs.rows();
  const Index num_tasks = (num_particles + block_size - 1) / block_size;
  std::vector<Index> changed(static_cast<std::size_t>(num_tasks), 0);
  for_each_task(num_tasks, [&](Index task) {
    const Index first = task * block_size;
    const Index rows = std::min(block_size, num_particles - first);
    for (Index sample = 0; sample < num_samples; sample += block_size) {
      const auto block = inputs.middleRows(sample, std::min(block_size, num_samples - sample));
      const Matrix now = pre_activations(particles, layout, first, rows, block);
      const Matrix then = pre_activations(initial, layout, first, rows, block);
      changed[static_cast<std::size_t>(task)] += ((now.array() > 0) != (then.array() > 0)).count();
    }
  });
  const Index total = std::accumulate(changed.begin(), changed.end(), Index{0});
  return static_cast<double>(total) / (static_cast<double>(num_particles) * static_cast<double>(num_samples));
}

}  // namespace mfld
