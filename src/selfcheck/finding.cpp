#include "selfcheck/finding.hpp"

#include <fmt/format.h>

#include <cmath>

namespace mfld::theorems {

Finding within_errors(const std::vector<Statistic>& statistics) {
  Finding finding{.value = "", .bound = "", .passed = true};
  for (const Statistic& each : statistics) {
    const char* separator = finding.value.empty() ? "" : ", ";
    finding.value += fmt::format("{}{:.4g} (z {:+.2f})", separator, each.found, each.z());
    finding.bound += fmt::format("{}{:.4g}", separator, each.expected);
    finding.passed = finding.passed && std::abs(each.z()) <= max_standard_errors;
  }
  const double false_alarm = static_cast<double>(statistics.size()) * std::erfc(max_standard_errors / std::sqrt(2.0));
  finding.bound += fmt::format(", |z| <= {}, false alarm {:.0e}", max_standard_errors, false_alarm);
  return finding;
}

Finding at_most(double deviation, double limit) {
  return {fmt::format("{:.1e}", deviation), fmt::format("<= {:.0e}", limit), deviation <= limit};
}

Finding no_difference(long num_differing) { return {fmt::format("{}", num_differing), "0", num_differing == 0}; }

}  // namespace mfld::theorems
