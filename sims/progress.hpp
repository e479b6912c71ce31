#pragma once
#include <string>

#include "mfld/runs/runner.hpp"

namespace commands {

/// "[###---] step 3/6  train loss 0.1  2 steps/s  0:02 left", in at most `width` characters (0: as many as it takes),
/// a shorter bar or less of the rest where there is not the room.
std::string progress_line(const mfld::Progress& progress, std::size_t width);

}  // namespace commands
