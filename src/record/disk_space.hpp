#pragma once
#include "mfld/config/experiment.hpp"
#include "mfld/files/file_place.hpp"
#include "mfld/record/checkpoint.hpp"

namespace mfld::record {

/// The one rule for trajectories and disks: the frames that a run in `directory` can still record, at most, must fit
/// into what is free there. `start`: where it goes on, if not at step 0. Throws FileError for a run that has begun; for
/// one that has not InvalidInput where the empty disk would be too small, too, and else NoRoom. Passes where the system
/// does not say what is free.
void check_disk_space(const Experiment& experiment, const FilePlace& directory, const Checkpoint* start);

}  // namespace mfld::record
