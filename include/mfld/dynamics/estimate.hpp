#pragma once
#include <cstdint>
#include <string_view>

#include "mfld/dynamics/phase.hpp"
#include "mfld/objective/objective.hpp"

namespace mfld {

/// One step's question to a gradient estimator: the data part v of the drift at the particles.
template <class Scalar>
struct EstimateContext {
  Objective<Scalar>& objective;
  const Phase& phase;
  std::int64_t step;           // global: what batches are drawn by
  std::int64_t step_in_phase;  // what snapshots are counted by
  std::uint64_t batch_seed;
  const Particles<Scalar>& particles;  // [N x p]
  Drift& drift;                        // [N x p] <- the estimate
  /// Called for the particles as their estimates become complete; it may move them. Not called where the answer is a
  /// failure.
  const Finish& finish;
  RowRange rows = {0, particles.rows()};  // the particles that this process moves
  /// [n x K] <- what the particles represent together, unless it is empty: of an estimator that gives_outputs and an
  /// objective that has them.
  SampleSpan<double> outputs = {};

  /// Of how many terms the phase takes its batches.
  Index num_terms() const { return phase.takes_all_samples() ? objective.num_terms() : phase.num_samples(); }
};

/// Its answer.
struct Estimate {
  std::int64_t evaluations = 0;   // gradients of single terms that were made
  std::string_view failure = {};  // why there is no estimate, in words that stay; empty: there is one
};

}  // namespace mfld
