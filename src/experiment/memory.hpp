#pragma once
#include <fmt/format.h>
#include <unistd.h>

#include <string_view>

#include "mfld/experiment/config.hpp"

namespace mfld {

/// Rejects `name` when what it asks for does not fit into the memory of this machine.
inline void check_memory(const Section& section, std::string_view name, double num_doubles, std::string_view what) {
  const double needed = num_doubles * sizeof(double);
  const double present = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  section.check(
      needed <= present, name,
      fmt::format("{} need {:.3g} GiB and this machine has {:.3g} GiB", what, needed / 0x1p30, present / 0x1p30));
}

}  // namespace mfld
