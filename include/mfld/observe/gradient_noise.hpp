#pragma once
#include <cstdint>
#include <vector>

#include "mfld/core/sample_span.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/model/row_sums.hpp"
#include "mfld/objective/objective.hpp"

namespace mfld {

/// How the drift of the next step is estimated, as observers see it.
struct NextEstimate {
  const Phase* phase = nullptr;
  std::int64_t step = 0;
  std::int64_t step_in_phase = 0;
  std::uint64_t batch_seed = 0;
  const Particles<double>* snapshot = nullptr;  // SVRG [N x p], and its coefficients [n x K]
  SampleSpan<const double> coefficients = {};

  /// Whether chance decides which terms it is made of.
  bool is_random() const;
};

/// How far that estimate v_I is from the full v, in the mean over particles.
struct GradientNoise {
  /// E |v_I - v|^2 / N over the draw of the batch I, given all else:
  ///   c (1/n) sum_i (1/N) sum_j |u_ij - u_j|^2,   u_j = (1/n) sum_i u_ij,
  /// c = (n - B) / (B (n - 1)) without replacement, 1/B with it, and in one pass, as if each sample were a fresh draw
  /// from the training set; u_i the drift of term i alone, for SVRG less that at the snapshot.
  double expected = 0;
  /// |v_I - v|^2 / N of the batch that the next step takes: its mean is the other number.
  double of_next_batch = 0;
};

/// Whether the batches of a phase are fresh ones of all samples, with their own labels.
bool has_gradient_noise(const Phase& phase);

/// Exactly, from the drifts of all n terms: O(n N p), n passes of one term each. Both are 0 for full drifts, and where
/// a snapshot is taken. Of a network; sums: with whom it makes its passes, each over its own rows.
GradientNoise gradient_noise(Objective<double>& objective, const Particles<double>& particles, const NextEstimate& next,
                             RowSums<double>& sums);

}  // namespace mfld
