#pragma once
#include <string>
#include <string_view>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// No drift at all: the particles stay where they are, and only a readout that is solved changes. Carries nothing,
/// draws nothing.
template <class Scalar>
class AtRest {
 public:
  static constexpr std::string_view formula = "v = 0";

  Estimate estimate(const EstimateContext<Scalar>& /*context*/) { return {}; }

  static std::string describe(const Phase& /*phase*/) { return "no drift"; }

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}
};

}  // namespace mfld
