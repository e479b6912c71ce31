#include "mfld/observe/gradient_noise.hpp"

#include <cmath>
#include <functional>

#include "mfld/dynamics/mini_batch.hpp"

namespace mfld {
namespace {

/// c, of B terms out of n.
double variance_factor(const Phase& phase, Index num_terms) {
  const auto n = static_cast<double>(num_terms);
  const auto b = static_cast<double>(phase.batch_size);
  return phase.sampling == Sampling::without_replacement ? (n > 1 ? (n - b) / (b * (n - 1)) : 0) : 1 / b;
}

/// u_I: the mean of the terms' drifts, less that at the snapshot, of the rows that finish(first, last) is called for.
void drift_of(Objective<double>& objective, std::span<const Index> terms, const Particles<double>& particles,
              const NextEstimate& next, Drift& drift, const Finish& finish) {
  if (next.snapshot == nullptr) {
    objective.drift_of(terms, particles, drift, finish);
    return;
  }
  const auto leave = [](Index /*first*/, Index /*last*/) {};
  objective.drift_of(terms, particles, drift, leave);
  objective.subtract(terms, next.coefficients, *next.snapshot, drift, finish);
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

GradientNoise gradient_noise(Objective<double>& objective, const Particles<double>& particles, const NextEstimate& next,
                             RowSums<double>& sums) {
  if (!next.is_random()) {
    return {};
  }
  const Index num_terms = objective.num_terms();
  Drift drift(particles.rows(), particles.cols());
  Drift mean(particles.rows(), particles.cols());
  Drift squares(particles.rows(), particles.cols());
  const RowRange own = sums.own(particles.rows());
  mean.middleRows(own.first, own.count()).setZero();
  squares.middleRows(own.first, own.count()).setZero();
  for (Index i = 0; i < num_terms; ++i) {
    const double count = static_cast<double>(i) + 1;
    // Sums of squared distances to the mean so far (Welford): no cancellation.
    const auto add = [&](Index first, Index last) {
      for (Index column = 0; column < drift.cols(); ++column) {
        auto distance = drift.col(column).segment(first, last - first).array();
        auto of_mean = mean.col(column).segment(first, last - first).array();
        distance -= of_mean;
        of_mean += distance / count;
        squares.col(column).segment(first, last - first).array() += distance.square() * ((count - 1) / count);
      }
    };
    drift_of(objective, {&i, 1}, particles, next, drift, std::cref(add));
  }
  std::vector<Index> batch;
  choose_batch(*next.phase, next.batch_seed, next.step, next.step_in_phase, num_terms, batch);
  drift_of(objective, batch, particles, next, drift, [](Index /*first*/, Index /*last*/) {});
  const auto totals = sums.over(particles.rows(), {.sums = 2, .cost = 3 * drift.cols()},
                                [&](RowRange strip, double* sum, double* /*max*/) {
                                  for (Index column = 0; column < squares.cols(); ++column) {
                                    sum[0] += StripNumbers(strip.of(squares.col(column))).sum();
                                  }
                                  sum[1] += squared_distances(drift, mean, strip).sum();
                                });
  const auto num_particles = static_cast<double>(particles.rows());
  return {variance_factor(*next.phase, num_terms) * totals[0] / (static_cast<double>(num_terms) * num_particles),
          totals[1] / num_particles};
}

}  // namespace mfld
