#pragma once
#include <functional>

#include "mfld/dynamics/state.hpp"
#include "selfcheck/finding.hpp"

namespace mfld::theorems {

/// Coordinates of the last particles of a run that are not the same bits on 2 and 3 threads as on 1.
Finding check_threads();

/// Coordinates of the last particles that are not the same bits in an unbroken run and in runs that were split after
/// each of its steps and went on from `kept`, what is left of the state in between.
Finding check_resume(const std::function<State<double>(const State<double>&)>& kept);

}  // namespace mfld::theorems
