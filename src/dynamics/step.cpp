#include "mfld/dynamics/step.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

#include "mfld/core/parallel.hpp"
#include "model/kernels.hpp"

namespace mfld {

namespace {

/// Particles per task: a multiple of every vector length, enough work to be worth a task.
constexpr Index task_particles = 256;

}  // namespace

template <class Scalar>
Index euler_maruyama_step(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar>& particles) {
  assert(drift.rows() == particles.rows() && drift.cols() == particles.cols());
  assert(static_cast<Index>(trained.size()) == particles.cols());
  const Index num_particles = particles.rows();
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
    const Index bad = table.step(task, particles.data());
    Index known = first_bad.load();
    while (bad >= 0 && bad < known && !first_bad.compare_exchange_weak(known, bad)) {
    }
  });
  return first_bad == num_particles ? -1 : first_bad.load();
}

template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<double>&);
template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<float>&);

void langevin_noise(std::uint64_t seed, std::int64_t step, Index first, Eigen::Ref<Matrix> xi) {
  const PhiloxKey key = stream_key(seed, Purpose::noise);
  Vector unused(xi.rows());
  for (Index column = 0; column < xi.cols(); column += 2) {
    double* odd = column + 1 < xi.cols() ? xi.col(column + 1).data() : unused.data();
    kernels::normals(key, static_cast<std::uint64_t>(step), static_cast<std::uint32_t>(column / 2), first, xi.rows(),
                     xi.col(column).data(), odd);
  }
}

}  // namespace mfld
