#include "mfld/observe/gradient_noise.hpp"

#include <cmath>

#include "mfld/dynamics/mini_batch.hpp"

namespace mfld {
namespace {

/// c, of B terms out of n.
double variance_factor(const Phase& phase, Index num_terms) {
  const auto n = static_cast<double>(num_terms);
  const auto b = static_cast<double>(phase.batch_size);
  return phase.sampling == Sampling::without_replacement ? (n > 1 ? (n - b) / (b * (n - 1)) : 0) : 1 / b;
}

/// u_I: the mean of the terms' drifts, less that at the snapshot.
void drift_of(Objective<double>& objective, std::span<const Index> terms, const Particles<double>& particles,
              const NextEstimate& next, Drift& drift) {
  objective.drift_of(terms, particles, drift);
  if (next.snapshot != nullptr) {
    objective.subtract(terms, next.coefficients, *next.snapshot, drift);
  }
}

}  // namespace

bool has_gradient_noise(const Phase& phase) {
  return draws_batches(phase.method->estimator) && phase.sampling != Sampling::symmetric_sweep &&
         phase.takes_all_samples() && phase.label_noise == 0 && phase.moved.empty();
}

bool NextEstimate::is_random() const {
  if (phase == nullptr || !draws_batches(phase->method->estimator)) {
    return false;
  }
  return phase->method->estimator != Estimator::svrg || step_in_phase % phase->snapshot_every != 0;
}

GradientNoise gradient_noise(Objective<double>& objective, const Particles<double>& particles,
                             const NextEstimate& next) {
  if (!next.is_random()) {
    return {};
  }
  const Index num_terms = objective.num_terms();
  Drift mean = Drift::Zero(particles.rows(), particles.cols());
  Drift drift(particles.rows(), particles.cols());
  Drift squares = mean;  // sums of squared distances to the mean so far (Welford): no cancellation
  for (Index i = 0; i < num_terms; ++i) {
    drift_of(objective, {&i, 1}, particles, next, drift);
    drift -= mean;
    const double count = static_cast<double>(i) + 1;
    mean += drift / count;
    squares.array() += drift.array().square() * ((count - 1) / count);
  }
  std::vector<Index> batch;
  choose_batch(*next.phase, next.batch_seed, next.step, next.step_in_phase, num_terms, batch);
  drift_of(objective, batch, particles, next, drift);
  const auto num_particles = static_cast<double>(particles.rows());
  return {variance_factor(*next.phase, num_terms) * squares.sum() / (static_cast<double>(num_terms) * num_particles),
          (drift - mean).squaredNorm() / num_particles};
}

}  // namespace mfld
