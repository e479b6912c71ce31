#pragma once
#include <cstdint>
#include <vector>

namespace mfld {

/// When to look: a pure function of the step. The first and the last step of a run always fire, and so does the first
/// step of every phase (the caller passes those as `landmarks`).
class Trigger {
 public:
  /// Never fires, landmarks apart.
  Trigger() = default;
  /// Every `interval` >= 1 steps, from step 0.
  static Trigger every(std::int64_t interval);
  /// Exactly min(count, num_steps + 1) distinct steps, count >= 2, both 0 and num_steps among them: every step while an
  /// even spacing in log(step + 1) would repeat one, from there evenly spaced in log(step + 1).
  static Trigger log_spaced(std::int64_t count, std::int64_t num_steps);
  /// The given steps.
  static Trigger at(std::vector<std::int64_t> steps);

  /// Also fires at these steps.
  Trigger with(std::vector<std::int64_t> landmarks) const;

  bool fires(std::int64_t step) const;
  /// The steps from `first` >= 0 to `last` at which it fires.
  std::vector<std::int64_t> steps_between(std::int64_t first, std::int64_t last) const;
  /// At how many steps from `first` >= 0 to `last`.
  std::int64_t num_fires(std::int64_t first, std::int64_t last) const;

 private:
  std::int64_t interval_ = 0;
  std::vector<std::int64_t> steps_;  // ascending, distinct
};

}  // namespace mfld
