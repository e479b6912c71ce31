#include "mfld/core/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace mfld {

namespace {

/// The last steps of a phase that have the value 0: the fraction rounded to whole steps, so that 0.2 of 10 is 2
/// although 10 (1 - 0.2) is not 8 in floating point.
std::int64_t num_off_steps(double off_fraction, std::int64_t num_steps) {
  return std::llround(off_fraction * static_cast<double>(num_steps));
}

}  // namespace

double Schedule::at(std::int64_t step, std::int64_t num_steps) const {
  assert(step >= 0);
  const std::int64_t last = std::max<std::int64_t>(num_steps - 1, 0);
  step = std::min(step, last);
  if (num_steps > 0 && step >= num_steps - num_off_steps(off_fraction, num_steps)) {
    return 0;
  }
  const auto k = static_cast<double>(step);
  switch (kind) {
    case ScheduleKind::constant:
      return value;
    case ScheduleKind::exponential:
      return last == 0 ? value : value * std::pow(final_value / value, k / static_cast<double>(last));
    case ScheduleKind::inverse:
      return value / (1 + k / timescale);
    case ScheduleKind::logarithmic:
      return value / std::log(std::numbers::e + k / timescale);
    case ScheduleKind::halving:
      return value * std::exp2(-std::floor(k / timescale));
    case ScheduleKind::given:
      return (*values)[static_cast<std::size_t>(step)];
  }
  return value;
}

std::string Schedule::describe() const {
  const auto formula = [this]() -> std::string {
    switch (kind) {
      case ScheduleKind::constant:
        return fmt::format("{}", value);
      case ScheduleKind::exponential:
        return fmt::format("{} ({} / {})^(k / (K - 1))", value, final_value, value);
      case ScheduleKind::inverse:
        return fmt::format("{} / (1 + k / {})", value, timescale);
      case ScheduleKind::logarithmic:
        return fmt::format("{} / log(e + k / {})", value, timescale);
      case ScheduleKind::halving:
        return fmt::format("{} 2^-floor(k / {})", value, timescale);
      case ScheduleKind::given:
        return fmt::format("{} given values, {} .. {}", values->size(), values->front(), values->back());
    }
    return {};
  };
  if (off_fraction > 0) {
    return fmt::format("{}, then 0 for the last {} of the steps", formula(), off_fraction);
  }
  return formula();
}

}  // namespace mfld
