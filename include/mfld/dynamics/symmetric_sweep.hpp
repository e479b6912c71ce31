#pragma once
#include <cstdint>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Batches forward, then backward: a random order of the n samples is cut into m = ceil(n / B) batches, of which the
/// last has what is left, and 2m steps use batches 1, ..., m, m, ..., 1; then comes another order. Each sample is used
/// exactly twice in such a pair of epochs. With `weight`, the drifts of a pair of epochs have the full drift as their
/// mean, exactly, whatever n and B are (Paulin, Whalley, Chada & Leimkuhler, "Sampling from Bayesian neural network
/// posteriors with symmetric minibatch splitting Langevin dynamics", AISTATS 2025).
/// The order is a pure function of the stream (seed, sweep, first step of the pair of epochs); kept while it lasts.
class SymmetricSweep {
 public:
  static Index num_batches(Index num_samples, Index batch_size) { return (num_samples + batch_size - 1) / batch_size; }

  /// batch <- the samples of a step, ascending; step: global, step_in_phase: pairs of epochs are counted by it.
  void choose(std::uint64_t seed, std::int64_t step, std::int64_t step_in_phase, Index num_samples, Index batch_size,
              std::vector<Index>& batch);

  /// What multiplies the mean over a batch: m |I| / n; 1 where B divides n.
  static double weight(Index num_samples, Index batch_size, Index size_of_batch);

 private:
  void draw_order(std::uint64_t seed, std::int64_t first_step, Index num_samples);

  std::vector<Index> order_;      // [n]
  std::int64_t first_step_ = -1;  // that it was drawn for
};

}  // namespace mfld
