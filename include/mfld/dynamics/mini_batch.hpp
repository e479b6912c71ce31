#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"
#include "mfld/dynamics/symmetric_sweep.hpp"

namespace mfld {

/// The samples of step `step`: `batch.size()` of n, ascending, with or without replacement. Reads only the stream
/// (seed, batch, step). Without replacement by Floyd's algorithm; batch.size() = n gives all samples in order.
void draw_batch(std::uint64_t seed, std::int64_t step, Index num_samples, Sampling sampling, std::span<Index> batch);

/// The terms of a step as its phase says, ascending, out of the num_terms that it takes batches of; in a symmetric
/// sweep MiniBatch chooses itself.
void choose_batch(const Phase& phase, std::uint64_t seed, std::int64_t step, std::int64_t step_in_phase,
                  Index num_terms, std::vector<Index>& batch);
/// Those of the context's step.
template <class Scalar>
void choose_batch(const EstimateContext<Scalar>& context, std::vector<Index>& batch);

/// Where samples come from, in words.
std::string batches_in_words(const Phase& phase);

/// v_I, the drift over one mini-batch I shared by all particles (src/README.md, equation 6). Carries nothing; draws
/// from the stream (seed, batch, step), or what SymmetricSweep does. Cost: |I| per-sample gradients.
template <class Scalar>
class MiniBatch {
 public:
  static constexpr std::string_view formula = "v = v_I of a mini-batch I";

  Estimate estimate(const EstimateContext<Scalar>& context);

  static std::string describe(const Phase& phase) { return batches_in_words(phase); }

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}

 private:
  Estimate sweep(const EstimateContext<Scalar>& context);

  std::vector<Index> batch_;
  SymmetricSweep sweep_;
};

}  // namespace mfld
