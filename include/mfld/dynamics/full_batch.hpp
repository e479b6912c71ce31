#pragma once
#include <string>
#include <string_view>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// The exact drift, v_j = weight sum_i l'(f(x_i), y_i) grad h(theta_j; x_i) over all n samples. Carries nothing, draws
/// nothing. Cost: n per-sample gradients.
template <class Scalar>
class FullBatch {
 public:
  static constexpr std::string_view formula = "v over all samples";

  Estimate estimate(const EstimateContext<Scalar>& context) {
    context.objective.drift(context.particles, context.drift, {}, context.finish);
    return {context.objective.num_terms()};
  }

  static std::string describe(const Phase& /*phase*/) { return "all samples every step"; }

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}
};

}  // namespace mfld
