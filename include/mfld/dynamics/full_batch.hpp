#pragma once
#include <fmt/format.h>

#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// The exact drift, v_j = weight sum_i l'(f(x_i), y_i) grad h(theta_j; x_i) over all n samples, or over those that the
/// phase names. Carries nothing, draws nothing. Cost: so many per-sample gradients.
template <class Scalar>
class FullBatch {
 public:
  static constexpr std::string_view formula = "v over all samples";

  Estimate estimate(const EstimateContext<Scalar>& context) {
    if (const Phase& phase = context.phase; !phase.takes_all_samples()) {
      some_.resize(static_cast<std::size_t>(phase.num_samples()));
      std::iota(some_.begin(), some_.end(), phase.samples_begin);
      context.objective.drift_of(some_, context.particles, context.drift, context.finish);
      return {phase.num_samples()};
    }
    if (!context.outputs.empty()) {
      context.objective.drift_and_outputs(context.particles, context.drift, context.outputs, context.finish);
    } else {
      context.objective.drift(context.particles, context.drift, {}, context.finish);
    }
    return {context.objective.num_terms()};
  }

  static bool gives_outputs(const Phase& phase) { return phase.takes_all_samples(); }

  static std::string describe(const Phase& phase) {
    return phase.takes_all_samples()
               ? std::string("all samples every step")
               : fmt::format("samples {} to {} every step", phase.samples_begin, phase.samples_end - 1);
  }

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}

 private:
  std::vector<Index> some_;
};

}  // namespace mfld
