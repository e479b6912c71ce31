#include "mfld/task/ramp.hpp"

#include <fmt/format.h>

#include "mfld/core/error.hpp"

namespace mfld {

Dataset make_ramp(const RampOptions& options, std::uint64_t /*seed*/) {
  if (options.num_train < 2) {
    throw InvalidInput("a ramp has two samples at least");
  }
  Dataset data;
  data.train_inputs = Vector::LinSpaced(options.num_train, -1, 1);
  data.train_targets = options.slope * data.train_inputs.col(0).cwiseAbs();
  data.description = fmt::format("y = {} |x|, x on a grid of [-1, 1]", options.slope);
  return data;
}

}  // namespace mfld
