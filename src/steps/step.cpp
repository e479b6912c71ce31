#include "mfld/steps/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "kernels/kernels.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "steps/step_task.hpp"

namespace mfld {

namespace {

/// Particles per task: a multiple of every vector length, enough work to be worth a task.
constexpr Index task_particles = 256;

}  // namespace

void check_counters(std::int64_t step, Index first, Index num_particles) {
  constexpr Index limit = Index{1} << 32U;
  if (step < 0 || first < 0 || num_particles > limit - first) {
    throw InvalidInput(fmt::format(
        "noise of step {} for particles {} to {}: there is noise from step 0 on, for particles below 2^32 = {}", step,
        first, first + num_particles - 1, limit));
  }
}

void for_each_run(RowRange rows, const std::function<void(Index first, Index last)>& body) {
  for_each_task((rows.count() + task_particles - 1) / task_particles, [&](Index index) {
    const Index first = rows.first + index * task_particles;
    body(first, std::min(rows.last, first + task_particles));
  });
}

template <class Scalar>
void add_to_average(std::int64_t num_before, Index first, Index last, const Particles<Scalar>& particles,
                    Particles<double>& average) {
  assert(average.rows() == particles.rows() && average.cols() == particles.cols());
  const double weight = 1 / (static_cast<double>(num_before) + 1);
  for (Index column = 0; column < particles.cols(); ++column) {
    auto mean = average.col(column).segment(first, last - first);
    mean += weight * (particles.col(column).segment(first, last - first).template cast<double>() - mean);
  }
}

template void add_to_average(std::int64_t, Index, Index, const Particles<double>&, Particles<double>&);
template void add_to_average(std::int64_t, Index, Index, const Particles<float>&, Particles<double>&);

namespace {

template <std::size_t num, class Scalar>
void noise_of_blocks(std::uint64_t seed, Purpose purpose, std::int64_t step, Index first,
                     Eigen::Ref<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>>& xi) {
  check_counters(step, first, xi.rows());
  const PhiloxKey key = stream_key(seed, purpose);
  constexpr auto stride = static_cast<Index>(num);
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> unused(xi.rows());
  for (Index column = 0; column < xi.cols(); column += stride) {
    Scalar* columns[num];
    for (Index k = 0; k < stride; ++k) {
      columns[k] = column + k < xi.cols() ? xi.col(column + k).data() : unused.data();
    }
    kernels::normals(key, static_cast<std::uint64_t>(step), static_cast<std::uint32_t>(column / stride), first,
                     xi.rows(), columns);
  }
}

}  // namespace

void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi, Purpose purpose) {
  noise_of_blocks<2, double>(seed, purpose, step, first, xi);
}

void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Eigen::MatrixXf> xi,
                    Purpose purpose) {
  noise_of_blocks<4, float>(seed, purpose, step, first, xi);
}

}  // namespace mfld
