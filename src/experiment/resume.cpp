#include "mfld/experiment/resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_start = "# paths start at ";
constexpr std::string_view branch_start = "branched from ";
constexpr std::string_view step_start = " at step ";

/// What follows `start` in each of the comments that a file opens with.
std::vector<std::string> comments_of(const fs::path& path, std::string_view start) {
  std::vector<std::string> comments;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line) && line.starts_with('#');) {
    if (line.starts_with(start)) {
      comments.push_back(line.substr(start.size()));
    }
  }
  return comments;
}

/// Throws FileError unless a run of the experiment can stand at the checkpoint.
void check_belongs(const Checkpoint& checkpoint, const Experiment& experiment, const fs::path& path) {
  const auto refuse_unless = [&path](bool condition, const std::string& reason) {
    if (!condition) {
      throw FileError(fmt::format("cannot use checkpoint {}: {}", path.string(), reason));
    }
  };
  refuse_unless(checkpoint.experiment_hash == experiment.hash,
                fmt::format("it is of another experiment ({:016x}) than experiment.toml and its data ({:016x})",
                            checkpoint.experiment_hash, experiment.hash));
  const auto fits = [&experiment](const Particles<double>& matrix) {
    return matrix.rows() == experiment.initial.rows() && matrix.cols() == experiment.initial.cols();
  };
  const bool snapshot_fits =
      !checkpoint.has_snapshot || (fits(checkpoint.snapshot_particles) && fits(checkpoint.snapshot_drift) &&
                                   std::ssize(checkpoint.snapshot_field) == experiment.data.num_train());
  const bool average_fits = checkpoint.average.size() == 0 || fits(checkpoint.average);
  refuse_unless(fits(checkpoint.particles) && snapshot_fits && average_fits,
                "its particles are not as many as the experiment's");
  refuse_unless(checkpoint.step >= 0 && checkpoint.phase >= 0 && checkpoint.phase <= std::ssize(experiment.phases) &&
                    checkpoint.step_in_phase >= 0 && checkpoint.metrics_rows >= 0 && checkpoint.trajectory_frames >= 0,
                "it counts steps that the experiment does not have");
  const bool averaging = checkpoint.phase < std::ssize(experiment.phases) && checkpoint.step_in_phase > 0 &&
                         experiment.phases[static_cast<std::size_t>(checkpoint.phase)].averaging;
  refuse_unless(averaging == (checkpoint.average.size() > 0),
                averaging ? "it lacks the average of the phase" : "it has an average, which the phase does not form");
}

Checkpoint read_checkpoint(const Experiment& experiment, const fs::path& path) {
  Checkpoint checkpoint = load_checkpoint(path);
  check_belongs(checkpoint, experiment, path);
  return checkpoint;
}

std::optional<Checkpoint> find_checkpoint(const Experiment& experiment, const fs::path& directory, Kept kept) {
  const fs::path last = directory / "checkpoint.h5";
  const fs::path previous = directory / "checkpoint.previous.h5";
  const bool has_last = fs::exists(last);
  const bool has_previous = fs::exists(previous);
  if (kept == Kept::previous && !has_previous) {
    throw FileError(fmt::format("cannot read {}: there is no previous checkpoint", previous.string()));
  }
  if (!has_last && !has_previous) {
    return std::nullopt;
  }
  if (kept == Kept::previous || !has_last) {
    return read_checkpoint(experiment, previous);
  }
  try {
    return read_checkpoint(experiment, last);
  } catch (const FileError& error) {
    throw has_previous ? FileError(fmt::format("{}; --previous goes on from the one before it", error.what())) : error;
  }
}

}  // namespace

std::string folder_comment(const fs::path& folder) {
  const std::string path = fs::absolute(folder / ".").lexically_normal().string();
  if (path.find('\n') != std::string::npos) {
    throw InvalidInput(fmt::format("the folder {} has a line break in its name; rename it", path));
  }
  return fmt::format("{}{}\n", folder_start, path);
}

Plan read_stored_plan(const fs::path& directory) {
  const fs::path file = directory / "experiment.toml";
  Plan plan = read_plan(file, {});
  if (const auto folders = comments_of(file, folder_start); !folders.empty()) {
    plan.folder = folders.front();
  }
  return plan;
}

std::string stored_instruction_set(const fs::path& directory) {
  constexpr std::string_view key = "instruction set ";
  for (const std::string& comment : comments_of(directory / "experiment.toml", "# mfld ")) {
    if (const std::size_t place = comment.find(key); place != std::string::npos) {
      return comment.substr(place + key.size());
    }
  }
  return {};
}

StoppedRun read_stopped_run(const fs::path& directory, Kept kept, const Surroundings& surroundings) {
  const Plan plan = read_stored_plan(directory);
  if (plan.is_sweep) {
    throw InvalidInput(fmt::format("{} is a directory of several runs; name one of them", directory.string()));
  }
  StoppedRun run{build_experiment(plan.runs.front().config, surroundings.in(plan.folder)), std::nullopt, {}};
  run.checkpoint = find_checkpoint(run.experiment, directory, kept);
  for (const std::string& parent : comments_of(directory / "experiment.toml", fmt::format("# {}", branch_start))) {
    run.notes.push_back(fmt::format("{}{}", branch_start, parent));
  }
  return run;
}

std::string note_of(const Parent& parent) {
  std::string directory = parent.directory;  // one line, whatever its name
  std::replace_if(
      directory.begin(), directory.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return fmt::format("{}{}{}{}, seed {}, experiment {:016x}", branch_start, directory, step_start, parent.step,
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

StoppedRun branch(const fs::path& directory, std::int64_t seed, Kept kept, const Surroundings& surroundings) {
  StoppedRun parent = read_stopped_run(directory, kept, surroundings);
  if (!parent.checkpoint) {
    throw FileError(fmt::format("cannot branch {}: it has no checkpoint", directory.string()));
  }
  Value config = parse_toml(parent.experiment.resolved, (directory / "experiment.toml").string());
  assign(config, "seeds.noise", {seed});
  assign(config, "seeds.batches", {seed});
  StoppedRun child{build_experiment(config, surroundings.in(directory)), std::nullopt, {}};
  child.notes = std::move(parent.notes);
  child.notes.push_back(note_of({fs::absolute(directory).lexically_normal().string(), parent.checkpoint->step,
                                 static_cast<std::int64_t>(parent.experiment.seeds.noise), parent.experiment.hash}));
  child.checkpoint = std::move(parent.checkpoint);
  child.checkpoint->experiment_hash = child.experiment.hash;
  child.checkpoint->metrics_rows = 0;
  child.checkpoint->trajectory_frames = 0;
  return child;
}

}  // namespace mfld
