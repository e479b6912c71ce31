#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mfld {

/// How a constant of the dynamics (step_size, temperature, lambda1) changes with the step. given: by a list of the
/// caller's own.
enum class ScheduleKind { constant, exponential, inverse, logarithmic, halving, given };

struct ScheduleInfo {
  ScheduleKind value;
  std::string_view name;
  std::string_view formula;
};

/// The table behind `mfld list schedules`.
inline constexpr auto schedules = std::to_array<ScheduleInfo>({
    {ScheduleKind::constant, "constant", "value"},
    {ScheduleKind::exponential, "exponential",
     "value (final / value)^(k / (K - 1)): final is reached at the last step, unless that is off"},
    {ScheduleKind::inverse, "inverse", "value / (1 + k / timescale)"},
    {ScheduleKind::logarithmic, "logarithmic", "value / log(e + k / timescale)"},
    {ScheduleKind::halving, "halving", "value 2^-floor(k / timescale): rounds of equal length"},
});

/// A pure function of the step k within a phase of K steps: it remembers no call.
struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double value = 0;         // at k = 0
  double final_value = 0;   // exponential only; > 0, at k = K - 1 if no step is off
  double timescale = 1;     // inverse, logarithmic, halving: in steps, > 0
  double off_fraction = 0;  // the last fraction of the phase has the value 0 (any kind), in [0, 1]
  std::shared_ptr<const std::vector<double>> values = {};  // given: one a step; `value` is the largest

  /// k >= 0; k >= K reads as K - 1, so the state after the last step is seen with the constants that made it.
  double at(std::int64_t step, std::int64_t num_steps) const;

  /// The formula with its numbers, as runs print it.
  std::string describe() const;
};

}  // namespace mfld
