#pragma once
#include <string>

#include "mfld/config/experiment.hpp"
#include "mfld/record/checkpoint.hpp"

namespace mfld::runs {

/// Why no run of the experiment can stand at the checkpoint; empty: it can.
std::string objection(const Checkpoint& checkpoint, const Experiment& experiment);

/// What the notes of a branch begin with, beside where it comes from.
inline constexpr std::string_view change_start = "changed in the branch: ";

}  // namespace mfld::runs
