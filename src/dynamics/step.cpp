#include "mfld/dynamics/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "model/kernels.hpp"

namespace mfld {

namespace {

/// Particles per task: a multiple of every vector length, enough work to be worth a task.
constexpr Index task_particles = 256;

/// The counters of the noise have 32 bits for the particle: a larger number would draw what another one draws.
void check_counters(std::int64_t step, Index first, Index num_particles) {
  constexpr Index limit = Index{1} << 32U;
  if (step < 0 || first < 0 || num_particles > limit - first) {
    throw InvalidInput(fmt::format(
        "noise of step {} for particles {} to {}: there is noise from step 0 on, for particles below 2^32 = {}", step,
        first, first + num_particles - 1, limit));
  }
}

}  // namespace

template <class Scalar>
Index euler_maruyama_step(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar>& particles, const Particles<Scalar>* anchor) {
  assert(drift.rows() == particles.rows() && drift.cols() == particles.cols());
  assert(anchor == nullptr || (anchor->rows() == particles.rows() && anchor->cols() == particles.cols()));
  assert(static_cast<Index>(trained.size()) == particles.cols());
  const Index num_particles = particles.rows();
  check_counters(options.step, 0, num_particles);
  const kernels::StepTask whole = {0,
                                   num_particles,
                                   num_particles,
                                   particles.cols(),
                                   trained.data(),
                                   drift.data(),
                                   options.step_size,
                                   options.penalty,
                                   std::sqrt(2 * options.temperature * options.step_size),
                                   stream_key(options.noise_seed, Purpose::noise),
                                   static_cast<std::uint64_t>(options.step)};
  const auto& table = kernels::table<Scalar>();
  std::atomic<Index> first_bad{num_particles};
  for_each_task((num_particles + task_particles - 1) / task_particles, [&](Index index) {
    kernels::StepTask task = whole;
    task.first = index * task_particles;
    task.last = std::min(num_particles, task.first + task_particles);
    const Index bad = table.step(task, anchor == nullptr ? nullptr : anchor->data(), particles.data());
    Index known = first_bad.load();
    while (bad >= 0 && bad < known && !first_bad.compare_exchange_weak(known, bad)) {
    }
  });
  return first_bad == num_particles ? -1 : first_bad.load();
}

template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<double>&, const Particles<double>*);
template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<float>&, const Particles<float>*);

template <class Scalar>
void add_to_average(std::int64_t num_before, const Particles<Scalar>& particles, Particles<double>& average) {
  if (num_before == 0) {
    average = particles.template cast<double>();
    return;
  }
  assert(average.rows() == particles.rows() && average.cols() == particles.cols());
  const double weight = 1 / (static_cast<double>(num_before) + 1);
  const Index num_particles = particles.rows();
  for_each_task((num_particles + task_particles - 1) / task_particles, [&](Index index) {
    const Index first = index * task_particles;
    const Index count = std::min(task_particles, num_particles - first);
    for (Index column = 0; column < particles.cols(); ++column) {
      auto mean = average.col(column).segment(first, count);
      mean += weight * (particles.col(column).segment(first, count).template cast<double>() - mean);
    }
  });
}

template void add_to_average(std::int64_t, const Particles<double>&, Particles<double>&);
template void add_to_average(std::int64_t, const Particles<float>&, Particles<double>&);

namespace {

template <std::size_t num, class Scalar>
void noise_of_blocks(std::uint64_t seed, std::int64_t step, Index first,
                     Eigen::Ref<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>>& xi) {
  check_counters(step, first, xi.rows());
  const PhiloxKey key = stream_key(seed, Purpose::noise);
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

void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi) {
  noise_of_blocks<2, double>(seed, step, first, xi);
}

void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Eigen::MatrixXf> xi) {
  noise_of_blocks<4, float>(seed, step, first, xi);
}

}  // namespace mfld
