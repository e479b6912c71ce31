#pragma once
#include <fmt/format.h>

#include <string_view>

#include "mfld/config/config.hpp"
#include "mfld/core/memory.hpp"

namespace mfld {

/// Rejects `name` when what it asks for does not fit into the memory that is available. The count comes as a double: no
/// product of sizes overflows in it.
inline void check_memory(const Section& section, std::string_view name, double num_doubles, std::string_view what) {
  const double needed = num_doubles * sizeof(double);
  const double available = available_memory();
  section.check(
      needed <= available, name,
      fmt::format("{} need {:.3g} GiB and {:.3g} GiB are available", what, needed / 0x1p30, available / 0x1p30));
}

}  // namespace mfld
