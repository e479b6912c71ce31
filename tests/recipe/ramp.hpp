#pragma once
#include <cstdint>

#include "mfld/task/dataset.hpp"

namespace mfld {

/// y = slope |x|, n inputs x at equal distances from -1 to 1.
struct RampOptions {
  Index num_train = 20;  // at least 2
  double slope = 1;
};

Dataset make_ramp(const RampOptions& options, std::uint64_t seed);

}  // namespace mfld
