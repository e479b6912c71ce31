#pragma once
#include <span>
#include <string>
#include <vector>

#include "mfld/config/experiment.hpp"

namespace mfld {

// Steps with finite particles can end in a loss that is not.

/// "; not finite: test_loss, mean_norm", or nothing where all values are finite.
std::string not_finite_in_words(const std::vector<std::string>& columns, std::span<const double> values);

}  // namespace mfld
