#pragma once
#include <array>
#include <string_view>

namespace mfld {

/// What every row of metrics.csv begins with, whatever is observed.
inline constexpr auto own_columns = std::to_array<std::string_view>({"step", "phase", "time", "gradient_evaluations"});

}  // namespace mfld
