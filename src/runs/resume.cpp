#include "mfld/runs/resume.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cinttypes>
#include <cstdio>
#include <exception>
#include <functional>
#include <set>
#include <string_view>

#include "config/stored_folder.hpp"
#include "core/comments.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/runs/merge.hpp"
#include "record/data_record.hpp"
#include "record/state_of.hpp"
#include "runs/belonging.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view branch_start = "branched from ";
constexpr std::string_view step_start = " at step ";
constexpr const char* last_checkpoint = "checkpoint.h5";
constexpr const char* previous_checkpoint = "checkpoint.previous.h5";

FilePlace experiment_of(const FilePlace& directory) { return directory / "experiment.toml"; }

/// Of a run whose particles are divided, the rows of this process.
Checkpoint read_checkpoint(const Experiment& experiment, const CheckpointFile& file, const FilePlace& place) {
  const std::set<std::string, std::less<>> divided = experiment.divided
                                                         ? record::matrices_of_particles(file.numbers(), experiment)
                                                         : std::set<std::string, std::less<>>();
  Checkpoint checkpoint = file.read(
      [&](std::string_view name) { return divided.contains(name) ? std::optional(experiment.rows) : std::nullopt; });
  if (const std::string why = runs::objection(checkpoint, experiment); !why.empty()) {
    throw FileError(fmt::format("cannot use checkpoint {}: {}", place.path.string(), why));
  }
  return checkpoint;
}

bool can_be_used(const Experiment& experiment, const FilePlace& place) {
  try {
    read_checkpoint(experiment, CheckpointFile(place), place);
    return true;
  } catch (const FileError&) {
    return false;
  }
}

void take(const std::string& name, const FilePlace& directory, StoppedRun& run) {
  const FilePlace place = directory / name;
  const CheckpointFile file(place);
  run.checkpoint = read_checkpoint(run.experiment, file, place);
  run.checkpoint_name = name;
  run.checkpoint_checksum = file.checksum();
}

void find_checkpoint(const FilePlace& directory, Kept kept, StoppedRun& run) {
  const FilePlace last = directory / last_checkpoint;
  const FilePlace previous = directory / previous_checkpoint;
  const bool has_last = files::exists(last);
  const bool has_previous = files::exists(previous);
  if (kept == Kept::previous && !has_previous) {
    throw FileError(fmt::format("cannot read {}: there is no previous checkpoint", previous.path.string()));
  }
  if (!has_last && !has_previous) {
    return;
  }
  if (kept == Kept::previous || !has_last) {
    take(previous_checkpoint, directory, run);
    return;
  }
  try {
    take(last_checkpoint, directory, run);
  } catch (const FileError& error) {
    throw has_previous && can_be_used(run.experiment, previous)
        ? FileError(fmt::format("{}; --previous goes on from the one before it", error.what()))
        : error;
  }
}

/// The files of a plan that are at none of the places where its paths may start, with what to do about it.
FileError missing_file(const Plan& plan, const FilePlace& directory) {
  const fs::path missing = *missing_file(plan.runs, plan.folders.back());
  const fs::path stored = fs::absolute(plan.folders.back() / missing).lexically_normal();
  return FileError(
      fmt::format("cannot read {}: there is no such file; where the data have moved, correct {} of {}", stored.string(),
                  missing.is_absolute() ? "the path in [task]" : "the line \"" + folder_comment_start() + "...\"",
                  experiment_of(directory).path.string()));
}

/// What a checkpoint would know: whether the data are those that the run began with.
void check_numbers(const Plan& plan, const Experiment& experiment, const FilePlace& directory) {
  const record::NumbersInComments numbers(plan.comments);
  for (const auto& [name, file] : record::named_files(plan.runs.front().config, experiment.data.files)) {
    if (const std::string why = numbers.objection(name, file); !why.empty()) {
      throw FileError(fmt::format("cannot continue {}: {}", directory.path.string(), why));
    }
  }
}

StoppedRun stopped_run(const Plan& plan, const FilePlace& directory, Kept kept, const Surroundings& surroundings) {
  StoppedRun run{build_experiment(plan.runs.front().config, surroundings), std::nullopt, {}};
  find_checkpoint(directory, kept, run);
  if (!run.checkpoint) {
    check_numbers(plan, run.experiment, directory);
  }
  for (const std::string& comment : plan.comments) {
    if (comment.starts_with(branch_start) || comment.starts_with(runs::change_start) ||
        comment.starts_with(merge_start) || comment.starts_with(changed_at)) {
      run.notes.push_back(comment);
    }
  }
  return run;
}

/// The step of a file, if it is a checkpoint.
std::optional<std::int64_t> step_in(const FilePlace& place) {
  try {
    return files::exists(place) ? std::optional(CheckpointFile(place).numbers().step) : std::nullopt;
  } catch (const FileError&) {
    return std::nullopt;
  }
}

}  // namespace

void take_checkpoint_at(std::int64_t step, const FilePlace& directory, StoppedRun& run) {
  std::set<std::int64_t> steps;
  for (const std::string& name : Folder::open(directory).names()) {
    const bool is_recent = name == last_checkpoint || name == previous_checkpoint;
    const auto found = is_recent ? step_in(directory / name) : step_of_kept_checkpoint(name);
    if (found == step) {
      take(name, directory, run);
      return;
    }
    if (found) {
      steps.insert(*found);
    }
  }
  throw InvalidInput(
      fmt::format("--at {}: {} has no checkpoint of that step, and those of {}; checkpoint.keep_at keeps more", step,
                  directory.path.string(), fmt::join(steps, ", ")));
}

Plan read_stored_plan(const FilePlace& directory, const Watcher& watcher) {
  const FilePlace file = experiment_of(directory);
  return parse_plan(files::read_text(file), file, {}, watcher);
}

std::string stored_instruction_set(const FilePlace& directory) {
  constexpr std::string_view key = "instruction set ";
  for (const std::string& comment : comments_in(files::read_text(experiment_of(directory)))) {
    if (const std::size_t place = comment.find(key); comment.starts_with("mfld ") && place != std::string::npos) {
      return comment.substr(place + key.size());
    }
  }
  return {};
}

StoppedRun read_stopped_run(const FilePlace& directory, Kept kept, const Surroundings& surroundings) {
  const Plan plan = read_stored_plan(directory, surroundings.stop);
  if (plan.is_sweep) {
    throw InvalidInput(fmt::format("{} is a directory of several runs; name one of them", directory.path.string()));
  }
  std::exception_ptr first;
  for (const fs::path& folder : plan.folders) {
    if (missing_file(plan.runs, folder)) {
      continue;
    }
    // Of a copied project the files are at both places, and may be the run's at one only.
    try {
      return stopped_run(plan, directory, kept, surroundings.in(folder));
    } catch (const InvalidInput&) {
      first = first ? first : std::current_exception();
    } catch (const FileError&) {
      first = first ? first : std::current_exception();
    }
  }
  if (first) {
    std::rethrow_exception(first);
  }
  throw missing_file(plan, directory);
}

std::string note_of(const Parent& parent) {
  return fmt::format("{}{}{}{}, seed {}, experiment {:016x}", branch_start, parent.directory, step_start, parent.step,
                     parent.seed, parent.experiment_hash);
}

std::optional<Parent> parent_in(const std::vector<std::string>& notes) {
  std::optional<Parent> last;
  for (const std::string& note : notes) {
    const std::size_t step = note.rfind(step_start);
    Parent parent;
    if (note.starts_with(branch_start) && step != std::string::npos &&
        std::sscanf(note.c_str() + step + step_start.size(), "%" SCNd64 ", seed %" SCNd64 ", experiment %" SCNx64,
                    &parent.step, &parent.seed, &parent.experiment_hash) == 3) {
      parent.directory = note.substr(branch_start.size(), step - branch_start.size());
      last = parent;
    }
  }
  return last;
}

}  // namespace mfld
