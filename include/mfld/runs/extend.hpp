#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mfld/record/run_directory.hpp"
#include "mfld/runs/resume.hpp"

namespace mfld {

/// How much longer a run becomes.
struct Extension {
  std::optional<std::int64_t> steps;       // those of its last phase, all together; none: as many as it has
  std::optional<std::int64_t> more_steps;  // further ones
};

/// The run with more steps in its last phase, from its last checkpoint on: what its directory then holds is what the
/// experiment in it gives when it is run from the start. Where looks are spread over all steps (log_spaced), those so
/// far are kept, those to come are of the longer run, and both are listed (at). Throws InvalidInput for a run that does
/// not get longer, for a last phase that ends by a rule, and for one with a schedule whose form depends on the number
/// of steps (exponential, off_fraction); FileError where there is no checkpoint; otherwise as read_stopped_run.
StoppedRun extend(const FilePlace& directory, const Extension& extension, Kept kept = Kept::last,
                  const Surroundings& surroundings = {});

/// Writes it into its directory, to be run there. Killed in between, the directory is still that of a run: the shorter
/// one by its previous checkpoint, or the longer one. Checkpoints that were kept become those of the longer run.
void begin_extension(const StoppedRun& run, RunDirectory& directory, const std::vector<std::string>& provenance);

/// What a branch changes: other noise and batches (seed), other values of keys ("path=value": phase.*, observe.*,
/// checkpoint.*, noise.*, seeds.noise, seeds.batches).
struct Changes {
  std::optional<std::int64_t> seed;
  std::vector<std::string> settings;
  std::optional<std::int64_t> step = {};  // that it goes on from; none: that of the last checkpoint
};

/// The experiment with changes from a checkpoint on (take_checkpoint_at, the last), and the notes of where that is and what
/// changed. Rows and frames are counted anew. Throws InvalidInput for keys of what the particles are of (task, network,
/// loss, objective), for changes in phases that are over, for another method or step in the phase that is under way,
/// and where they leave no step; FileError where there is no checkpoint.
StoppedRun branch(const FilePlace& directory, const Changes& changes, Kept kept = Kept::last,
                  const Surroundings& surroundings = {});

}  // namespace mfld
