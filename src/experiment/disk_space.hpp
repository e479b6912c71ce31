#pragma once
#include <filesystem>

#include "mfld/experiment/checkpoint.hpp"
#include "mfld/experiment/experiment.hpp"

namespace mfld {

/// The one rule for trajectories and disks: the frames that a run in `directory` can still record, at most, must fit
/// into what is free there. `start`: where it goes on, if not at step 0. Throws InvalidInput for a run that has not
/// begun, FileError for one that has. Passes where the system does not say what is free.
void check_disk_space(const Experiment& experiment, const std::filesystem::path& directory, const Checkpoint* start);

}  // namespace mfld
