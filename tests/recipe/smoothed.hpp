#pragma once
#include <string>
#include <string_view>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/full_batch.hpp"

namespace mfld {

/// m <- 9/10 m + 1/10 v, v over all samples, from m = v at the first step of a phase. Carries m [N x p].
template <class Scalar>
class Smoothed {
 public:
  static constexpr std::string_view formula = "v = m <- 9/10 m + 1/10 v over all samples";

  Estimate estimate(const EstimateContext<Scalar>& context) {
    const Finish nothing;
    const EstimateContext<Scalar> whole = {context.objective,  context.phase,     context.step,  context.step_in_phase,
                                           context.batch_seed, context.particles, context.drift, nothing};
    const Estimate made = full_.estimate(whole);
    if (context.step_in_phase == 0) {
      mean_ = context.drift;
    }
    mean_ = 0.9 * mean_ + 0.1 * context.drift;
    context.drift = mean_;
    if (context.finish) {
      context.finish(0, context.particles.rows());
    }
    return made;
  }

  static std::string describe(const Phase& /*phase*/) { return "all samples every step, smoothed over ten"; }

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("smoothed_drift", self.mean_, sizes.per_parameter());
  }

 private:
  FullBatch<Scalar> full_;
  Drift mean_;
};

}  // namespace mfld
