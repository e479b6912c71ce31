#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/observe/stop_rule.hpp"

namespace mfld::runs {

/// How the stop rules of a run stand, phase by phase.
class StopRules {
 public:
  static constexpr std::string_view name = "stop_rules";  // of the looks, in a checkpoint
  static constexpr Index num_columns = 3;

  /// rules: one a phase. columns: of metrics.csv, behind its own ones.
  StopRules(const std::vector<std::optional<StopRule>>& rules, const std::vector<std::string>& columns);

  /// What a run that goes on must know of the rows before: for each phase the number of rows in a row up to the last
  /// that meet its rule, step and value of that last one; -1 and not a number before the first.    [phases x 3]
  const Particles<double>& looks() const { return looks_; }
  void restore(const Particles<double>& looks) { looks_ = looks; }

  /// Looks at a row of the phase, which has the values `own` in the file's own columns. Another look at the step of the
  /// last one changes nothing.
  void look(std::int64_t phase, std::span<const double> own, std::span<const double> values);
  bool is_met(std::int64_t phase) const;

  /// How the phases before `end` that have a rule ended by it, or did not: "; phase 0 ended at step 120: ...".
  std::string in_words(std::int64_t end) const;

 private:
  std::string in_words_of(std::int64_t phase) const;

  const std::vector<std::optional<StopRule>>* rules_;
  std::vector<std::size_t> columns_;  // of each rule, among all
  Particles<double> looks_;
};

}  // namespace mfld::runs
