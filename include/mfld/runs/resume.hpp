#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/config/sweep.hpp"
#include "mfld/files/file_place.hpp"
#include "mfld/record/checkpoint.hpp"
#include "mfld/record/run_directory.hpp"

namespace mfld {

/// Of the two checkpoints that a run keeps.
enum class Kept { last, previous };

/// A run that stopped, as its directory describes it.
struct StoppedRun {
  Experiment experiment;
  std::optional<Checkpoint> checkpoint;   // none: the run had not come to its first one
  std::vector<std::string> notes;         // of what it was branched, and what was changed, for metrics.csv
  std::uint64_t shorter_hash = 0;         // of the experiment that it makes longer; 0: of none
  std::string checkpoint_name = {};       // the file that has all rows of it
  std::uint64_t checkpoint_checksum = 0;  // of that file
};

/// Builds the experiment from experiment.toml and reads the checkpoint, the other one where there is but that. Its
/// files are looked for where the run's folder says, seen from where the run lies now, and where it said at first; the
/// folder of `surroundings` is not looked at. Throws FileError, with the reason, for files that are at neither, for a
/// checkpoint that is damaged, of another format version or of another experiment, and then names the previous one if
/// that can be used; Interrupted.
StoppedRun read_stopped_run(const FilePlace& directory, Kept kept = Kept::last, const Surroundings& surroundings = {});

/// Puts the run back to the checkpoint of a step: the last, the one before it, or one that it was asked to keep
/// (checkpoint.keep_at). Throws InvalidInput, with the steps that there are, where there is none; FileError as
/// read_stopped_run.
void take_checkpoint_at(std::int64_t step, const FilePlace& directory, StoppedRun& run);

/// How the notes of what a program changed during its run begin; a number of steps follows.
inline constexpr std::string_view changed_at = "changed at step ";

/// The note of a branch, and what the last such note of a run says; nothing for a run that is no branch.
std::string note_of(const Parent& parent);
std::optional<Parent> parent_in(const std::vector<std::string>& notes);

/// The experiment of a run directory, or of a directory of runs.
Plan read_stored_plan(const FilePlace& directory, const Watcher& watcher = {});

/// The instruction set a run directory says it was begun with; empty if it does not say.
std::string stored_instruction_set(const FilePlace& directory);

}  // namespace mfld
