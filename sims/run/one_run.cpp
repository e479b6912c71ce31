#include "run/one_run.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <optional>

#include "mfld/core/printable.hpp"
#include "mfld/record/provenance.hpp"
#include "progress.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

void draw_progress(const mfld::Progress& progress) { draw(progress_line(progress, terminal_width())); }

void print_formulas(const mfld::Experiment& experiment, const RunArguments& arguments) {
  if (!arguments.quiet) {
    for (const std::string& formula : experiment.formulas()) {
      say(formula, longest_formula);
    }
  }
}

template <class Matrix>
std::uint64_t hash_of_numbers(const Matrix& matrix) {
  const auto* bytes = reinterpret_cast<const char*>(matrix.data());
  return hash_of({bytes, static_cast<std::size_t>(matrix.size()) * sizeof(*matrix.data())});
}

}  // namespace

bool draws_progress(const RunArguments& arguments) { return !arguments.quiet && can_draw(); }

ExitStatus status_of(mfld::Ending ending) {
  switch (ending) {
    case mfld::Ending::finished:
      return finished;
    case mfld::Ending::refused:
      return wrong_input;
    case mfld::Ending::diverged:
      return diverged;
    case mfld::Ending::failed:
      return file_error;
    case mfld::Ending::interrupted:
    case mfld::Ending::running:
      break;
  }
  return interrupted;
}

void say_advice(const fs::path& run, const std::vector<std::string>& advice) {
  for (const std::string& sentence : advice) {
    say(fmt::format("{}: advice: {}", run.string(), sentence), longest_formula);
  }
}

mfld::Surroundings surroundings_in(const fs::path& folder) {
  mfld::Surroundings surroundings(folder, &stop_requested);
  if (ranks() != nullptr) {
    surroundings.num_ranks = ranks()->count();
    surroundings.rank = ranks()->rank();
  }
  return surroundings;
}

void check_ranks(const mfld::Experiment& experiment) {
  if (ranks() != nullptr) {
    mfld::check_ranks(experiment, ranks()->count());
  }
}

Numbers numbers_of(const mfld::StoppedRun& run) {
  if (ranks() == nullptr) {
    return {};
  }
  const auto first_rows = run.experiment.initial.topRows(run.experiment.num_common());
  const mfld::CheckpointNumbers from =
      run.checkpoint ? mfld::CheckpointNumbers(*run.checkpoint) : mfld::CheckpointNumbers();
  return {run.experiment.hash,
          hash_of_numbers(first_rows.eval()),
          hash_of_numbers(run.experiment.data.train_inputs),
          hash_of_numbers(run.experiment.data.train_targets),
          run.checkpoint ? 1U : 0U,
          run.checkpoint_checksum,
          from.experiment_hash,
          static_cast<std::uint64_t>(from.step),
          static_cast<std::uint64_t>(from.phase),
          static_cast<std::uint64_t>(from.metrics_rows),
          static_cast<std::uint64_t>(from.trajectory_frames)};
}

void say_what_is_lacking(const fs::path& run, const std::string& instruction_set) {
  complain(fmt::format("{} began with instruction set {}, which this machine has not: the last digits will differ",
                       run.string(), instruction_set));
}

void use_instruction_set_of(const mfld::FilePlace& directory) {
  const std::string name = mfld::stored_instruction_set(directory);
  const auto available = mfld::available_instruction_sets();
  if (std::find(available.begin(), available.end(), name) != available.end()) {
    mfld::force_instruction_set(name);
  } else if (!name.empty()) {
    say_what_is_lacking(directory.path, name);
  }
}

ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory* directory, const fs::path& path,
                   const RunArguments& arguments) {
  print_formulas(run.experiment, arguments);
  const bool goes_on = run.checkpoint && run.checkpoint->phase < std::ssize(run.experiment.phases);
  if (goes_on && !arguments.quiet) {
    say(fmt::format("{}: goes on from step {}", path.string(), run.checkpoint->step));
  }
  mfld::RunOptions options = {mfld::provenance(arguments.command), run.notes,
                              run.checkpoint ? &*run.checkpoint : nullptr,
                              draws_progress(arguments) ? draw_progress : nullptr};
  options.ranks = ranks();
  const mfld::RunSummary summary = ranks() == nullptr
                                       ? mfld::run_experiment(run.experiment, *directory, stop_requested, options)
                                       : mfld::run_experiment(run.experiment, directory, stop_requested, options);
  if (!arguments.quiet || summary.end.ending != mfld::Ending::finished) {
    say(fmt::format("{}: {}", path.string(), summary.message));
  }
  if (!arguments.quiet) {
    say_advice(path, summary.advice);
  }
  return status_of(summary.end.ending);
}

ExitStatus run_in(const fs::path& out, const mfld::StoppedRun& run, const RunArguments& arguments) {
  std::optional<mfld::RunDirectory> directory;
  if (leads()) {
    directory.emplace(mfld::RunDirectory::create(out));
  }
  const auto unmake = [&] {
    if (directory) {
      directory->unmake();
    }
  };
  try {
    agree_to_write(numbers_of(run));
    return run_one(run, directory ? &*directory : nullptr, out, arguments);
  } catch (const mfld::InvalidInput&) {
    unmake();
    throw;
  } catch (const NotAgreed&) {
    unmake();
    throw;
  }
}

}  // namespace commands
