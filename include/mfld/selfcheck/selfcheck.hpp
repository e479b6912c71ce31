#pragma once
#include <functional>
#include <string>

namespace mfld {

/// One known answer and what this build gives for it.
struct SelfcheckResult {
  std::string name;   // the check
  std::string what;   // of what
  std::string value;  // found
  std::string bound;  // what the value has to keep
  bool passed = false;
};

/// Compares this build with known answers, from the random bits to whole runs; seconds. Calls `report` after each
/// check. Returns whether all passed. The seeds are fixed; over the choice of seeds all checks together raise a false
/// alarm with probability below 1e-4.
bool selfcheck(const std::function<void(const SelfcheckResult&)>& report);

}  // namespace mfld
