#pragma once
// What every objective over pairs of particles has to be, whatever its formula.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/objective/objective.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_normals.hpp"

namespace mfld {

template <class Scalar>
Drift drift_at(Objective<Scalar>& objective, const Particles<double>& particles) {
  Drift drift = Drift::Constant(particles.rows(), particles.cols(), 7);
  objective.drift(particles.template cast<Scalar>(), drift);
  return drift;
}

template <class Scalar>
Drift drift_of_at(Objective<Scalar>& objective, const std::vector<Index>& terms, const Particles<double>& particles) {
  Drift drift = Drift::Constant(particles.rows(), particles.cols(), 7);
  objective.drift_of(terms, particles.template cast<Scalar>(), drift);
  return drift;
}

/// N (R(theta + h e) - R(theta - h e)) / (2 h), in the fourth order of h.
inline Drift central_differences(Objective<double>& objective, Particles<double> particles) {
  constexpr double h = 1e-3;
  Drift differences(particles.rows(), particles.cols());
  const auto at = [&](Index j, Index c, double shift) {
    const double there = particles(j, c);
    particles(j, c) = there + shift;
    const double value = objective.value(particles);
    particles(j, c) = there;
    return value;
  };
  for (Index j = 0; j < particles.rows(); ++j) {
    for (Index c = 0; c < particles.cols(); ++c) {
      const double near = at(j, c, h) - at(j, c, -h);
      const double far = at(j, c, 2 * h) - at(j, c, -2 * h);
      differences(j, c) = static_cast<double>(particles.rows()) * (8 * near - far) / (12 * h);
    }
  }
  return differences;
}

inline double largest(const Matrix& matrix) { return matrix.cwiseAbs().maxCoeff(); }

/// All batches of `size` of n terms.
inline std::vector<std::vector<Index>> all_batches(Index n, Index size) {
  std::vector<std::vector<Index>> batches;
  std::vector<Index> batch(static_cast<std::size_t>(size));
  std::iota(batch.begin(), batch.end(), Index{0});
  while (true) {
    batches.push_back(batch);
    Index k = size - 1;
    while (k >= 0 && batch[static_cast<std::size_t>(k)] == n - size + k) {
      --k;
    }
    if (k < 0) {
      return batches;
    }
    ++batch[static_cast<std::size_t>(k)];
    for (Index next = k + 1; next < size; ++next) {
      batch[static_cast<std::size_t>(next)] = batch[static_cast<std::size_t>(next - 1)] + 1;
    }
  }
}

inline void expect_gradient_of_value(Objective<double>& objective, const Particles<double>& particles,
                                     double tolerance) {
  const Drift drift = drift_at(objective, particles);
  EXPECT_LE(largest(drift - central_differences(objective, particles)), tolerance * (1 + largest(drift)));
}

/// The mean over all batches is the full drift, and the batch of all is it to the bit.
inline void expect_unbiased_batches(Objective<double>& objective, const Particles<double>& particles, Index size) {
  const Drift full = drift_at(objective, particles);
  Drift mean = Drift::Zero(particles.rows(), particles.cols());
  const auto batches = all_batches(objective.num_terms(), size);
  for (const auto& batch : batches) {
    mean += drift_of_at(objective, batch, particles) / static_cast<double>(batches.size());
  }
  EXPECT_LE(largest(mean - full), 1e-13 * (1 + largest(full)));
  EXPECT_EQ(drift_of_at(objective, all_batches(objective.num_terms(), objective.num_terms()).front(), particles), full);
}

/// subtract() takes away what drift_of() gives.
inline void expect_subtraction(Objective<double>& objective, const Particles<double>& particles) {
  const std::vector<Index> batch = {0, 2};
  Drift drift = drift_of_at(objective, batch, particles);
  objective.subtract(batch, {}, particles, drift);
  EXPECT_EQ(largest(drift), 0);
}

/// The same bits on any number of threads, and every particle is finished once, after its drift.
template <class Scalar>
void expect_same_on_all_threads(Objective<Scalar>& objective, const Particles<double>& particles) {
  const Particles<Scalar> in_precision = particles.cast<Scalar>();
  const Drift drift = with_threads(1, [&] { return drift_at(objective, particles); });
  const double value = with_threads(1, [&] { return objective.value(in_precision); });
  for (const int num_threads : {2, 3, 8}) {
    with_threads(num_threads, [&] {
      EXPECT_EQ(drift_at(objective, particles), drift) << num_threads;
      EXPECT_EQ(objective.value(in_precision), value) << num_threads;
      Particles<Scalar> moving = in_precision;
      Drift moved_drift(particles.rows(), particles.cols());
      const auto move = [&](Index first, Index last) {
        moving.middleRows(first, last - first) -= moved_drift.middleRows(first, last - first).template cast<Scalar>();
      };
      objective.drift(moving, moved_drift, {}, std::cref(move));
      EXPECT_EQ(moved_drift, drift) << "particles that have moved are not read";
      EXPECT_EQ(moving, Particles<Scalar>(in_precision - drift.cast<Scalar>()));
    });
  }
}

}  // namespace mfld
