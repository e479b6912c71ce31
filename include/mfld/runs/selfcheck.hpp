#pragma once
#include <functional>
#include <string>

namespace mfld {

/// One known answer and what this build gives for it.
struct SelfcheckResult {
  std::string name;
  std::string found;
  std::string expected;
  bool passed = false;
};

/// Compares this build with known answers, from the random bits to a whole run; seconds. Calls `report` after each
/// check. Returns whether all passed.
bool selfcheck(const std::function<void(const SelfcheckResult&)>& report);

}  // namespace mfld
