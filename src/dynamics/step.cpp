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
EulerMaruyama<Scalar>::EulerMaruyama(const StepOptions& options, const Drift& drift,
                                     const std::vector<unsigned char>& trained, Particles<Scalar>& particles,
                                     const Particles<Scalar>* anchor)
    : options_(options),
      drift_(&drift),
      trained_(&trained),
      particles_(&particles),
      anchor_(anchor),
      first_bad_(particles.rows()) {
  assert(drift.rows() == particles.rows() && drift.cols() == particles.cols());
  assert(anchor == nullptr || (anchor->rows() == particles.rows() && anchor->cols() == particles.cols()));
  assert(static_cast<Index>(trained.size()) == particles.cols());
  check_counters(options.step, 0, particles.rows());
}

template <class Scalar>
void EulerMaruyama<Scalar>::move(Index first, Index last) {
  const kernels::StepTask task = {first,
                                  last,
                                  particles_->rows(),
                                  particles_->cols(),
                                  trained_->data(),
                                  drift_->data(),
                                  options_.step_size,
                                  options_.penalty,
                                  std::sqrt(2 * options_.temperature * options_.step_size),
                                  stream_key(options_.noise_seed, Purpose::noise),
                                  static_cast<std::uint64_t>(options_.step)};
  const Scalar* anchor = anchor_ == nullptr ? nullptr : anchor_->data();
  const Index bad = kernels::table<Scalar>().step(task, anchor, particles_->data());
  Index known = first_bad_.load();
  while (bad >= 0 && bad < known && !first_bad_.compare_exchange_weak(known, bad)) {
  }
}

template <class Scalar>
Index EulerMaruyama<Scalar>::first_bad_particle() const {
  return first_bad_ == particles_->rows() ? -1 : first_bad_.load();
}

template class EulerMaruyama<double>;
template class EulerMaruyama<float>;

void for_each_run(Index num_particles, const std::function<void(Index first, Index last)>& body) {
  for_each_task((num_particles + task_particles - 1) / task_particles, [&](Index index) {
    body(index * task_particles, std::min(num_particles, (index + 1) * task_particles));
  });
}

template <class Scalar>
Index euler_maruyama_step(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar>& particles, const Particles<Scalar>* anchor) {
  EulerMaruyama<Scalar> step(options, drift, trained, particles, anchor);
  for_each_run(particles.rows(), [&step](Index first, Index last) { step.move(first, last); });
  return step.first_bad_particle();
}

template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<double>&, const Particles<double>*);
template Index euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                   Particles<float>&, const Particles<float>*);

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
