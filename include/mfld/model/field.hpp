#pragma once
#include "mfld/core/sample_span.hpp"

namespace mfld {

/// Where the coefficients c_i [K] of a sample come from, given the outputs [K] of a run of samples (src/README.md, "How
/// a step moves a particle"): called once per block of samples [first, first + outputs.num_samples()), from one thread.
class Field {
 public:
  virtual ~Field() = default;
  virtual void coefficients(Index first, SampleSpan<const double> outputs, SampleSpan<double> coefficients) const = 0;
};

}  // namespace mfld
