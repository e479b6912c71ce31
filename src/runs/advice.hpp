#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/dynamics/ending.hpp"
#include "mfld/observe/moment.hpp"

namespace mfld::runs {

/// A run that has ended. Refers to all of it.
struct EndedRun {
  const Experiment* experiment;
  RunEnd end;
  std::int64_t phase = 0;         // where it ended
  bool last_rule_is_met = false;  // `until` of the last phase
  double first_value = 0;         // data part of the objective at the first particles, if it has finished
  Moment* moment;                 // of the particles in the end
};

/// What is advised where a run disappoints is a row of a table. In a run that is as it should be no row is
/// `concerned`, or what is measured does not `disappoint`. The rows are asked in order, and where the first of them
/// speaks, of the step, it speaks alone. What they measure is a function of experiment and state, the same however
/// often the run stopped, and costs nothing where no row is concerned.
struct AdviceRule {
  std::string_view name;
  std::string_view concern;  // when it is asked, and the quantity, in words
  bool (*is_concerned)(const EndedRun& run);
  double (*measure)(const EndedRun& run);
  bool (*disappoints)(const EndedRun& run, double measured);
  std::string (*sentence)(const EndedRun& run, double measured);  // what was measured, and what to change
};

std::span<const AdviceRule> advice_rules();

/// The sentences of the rules that this run is concerned by and disappoints.
std::vector<std::string> advice_for(const EndedRun& run);

}  // namespace mfld::runs
