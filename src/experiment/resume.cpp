#include "mfld/experiment/resume.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string_view>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_start = "# paths start at ";
constexpr std::string_view branch_start = "branched from ";

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
  refuse_unless(fits(checkpoint.particles) && snapshot_fits, "its particles are not as many as the experiment's");
  refuse_unless(checkpoint.step >= 0 && checkpoint.phase >= 0 && checkpoint.phase <= std::ssize(experiment.phases) &&
                    checkpoint.step_in_phase >= 0 && checkpoint.metrics_rows >= 0 && checkpoint.trajectory_frames >= 0,
                "it counts steps that the experiment does not have");
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
  return fmt::format("{}{}\n", folder_start, fs::absolute(folder / ".").lexically_normal().string());
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

StoppedRun read_stopped_run(const fs::path& directory, Kept kept) {
  const Plan plan = read_stored_plan(directory);
  if (plan.is_sweep) {
    throw InvalidInput(fmt::format("{} is a directory of several runs; name one of them", directory.string()));
  }
  StoppedRun run{build_experiment(plan.runs.front().config, plan.folder), std::nullopt, {}};
  run.checkpoint = find_checkpoint(run.experiment, directory, kept);
  for (const std::string& parent : comments_of(directory / "experiment.toml", fmt::format("# {}", branch_start))) {
    run.notes.push_back(fmt::format("{}{}", branch_start, parent));
  }
  return run;
}

StoppedRun branch(const fs::path& directory, std::int64_t seed, Kept kept) {
  StoppedRun parent = read_stopped_run(directory, kept);
  if (!parent.checkpoint) {
    throw FileError(fmt::format("cannot branch {}: it has no checkpoint", directory.string()));
  }
  Value config = parse_toml(parent.experiment.resolved, (directory / "experiment.toml").string());
  assign(config, "seeds.noise", {seed});
  assign(config, "seeds.batches", {seed});
  StoppedRun child{build_experiment(config, directory), std::nullopt, {}};
  child.notes = std::move(parent.notes);
  child.notes.push_back(fmt::format("{}{} at step {}, experiment {:016x}", branch_start,
                                    fs::absolute(directory).lexically_normal().string(), parent.checkpoint->step,
                                    parent.experiment.hash));
  child.checkpoint = std::move(parent.checkpoint);
  child.checkpoint->experiment_hash = child.experiment.hash;
  child.checkpoint->metrics_rows = 0;
  child.checkpoint->trajectory_frames = 0;
  return child;
}

}  // namespace mfld
