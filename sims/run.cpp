// mfld run, resume, branch, merge.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <new>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "dry_run.hpp"
#include "job_array.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/core/startable_threads.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/emptying.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/runs/merge.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/runs/sweep_runner.hpp"
#include "progress.hpp"
#include "ranks/company.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_formula = 800;  // in bytes; the text of an experiment can make them longer

void draw_progress(const mfld::Progress& progress) { draw(progress_line(progress, terminal_width())); }

bool draws(const RunArguments& arguments) { return !arguments.quiet && can_draw(); }

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

/// On a terminal at once; elsewhere one line where it takes longer than people wait.
void draw_checking(std::int64_t num_checked, std::int64_t num_runs, bool draws, bool first) {
  if (draws) {
    draw(fmt::format("checking run {} of {}", num_checked + 1, num_runs));
  } else if (first) {
    say(fmt::format("checking {} runs", num_runs));
  }
}

/// The same before they are even listed, which takes as long where there are very many; `told` is then set.
mfld::Watcher watcher(const RunArguments& arguments, const char* doing, bool& told) {
  return {&stop_requested, [&arguments, doing, &told](std::size_t num_runs) {
            if (!arguments.quiet && !std::exchange(told, true)) {
              say(fmt::format("{} {} runs", doing, num_runs));
            }
          }};
}

void print_formulas(const mfld::Experiment& experiment, const RunArguments& arguments) {
  if (!arguments.quiet) {
    for (const std::string& formula : experiment.formulas()) {
      say(formula, longest_formula);
    }
  }
}

/// What to change where a run disappoints, a line each.
void say_advice(const fs::path& run, const std::vector<std::string>& advice) {
  for (const std::string& sentence : advice) {
    say(fmt::format("{}: advice: {}", run.string(), sentence), longest_formula);
  }
}

template <class Matrix>
std::uint64_t hash_of_numbers(const Matrix& matrix) {
  const auto* bytes = reinterpret_cast<const char*>(matrix.data());
  return hash_of({bytes, static_cast<std::size_t>(matrix.size()) * sizeof(*matrix.data())});
}

/// Where a run starts from: it is made by all ranks.
mfld::Surroundings surroundings_in(const fs::path& folder) {
  mfld::Surroundings surroundings(folder, &stop_requested);
  if (ranks() != nullptr) {
    surroundings.num_ranks = ranks()->count();
    surroundings.rank = ranks()->rank();
  }
  return surroundings;
}

/// What all ranks have to have in common: the experiment, what came of it on this machine, whose mathematical functions
/// may be others, and where the run goes on. Of particles that they divide all have the first ones.
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

/// A run in its directory, which this process holds unless another rank writes. All ranks have agreed.
ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory* directory, const fs::path& path,
                   const RunArguments& arguments) {
  print_formulas(run.experiment, arguments);
  const bool goes_on = run.checkpoint && run.checkpoint->phase < std::ssize(run.experiment.phases);
  if (goes_on && !arguments.quiet) {
    say(fmt::format("{}: goes on from step {}", path.string(), run.checkpoint->step));
  }
  mfld::RunOptions options = {mfld::provenance(arguments.command), run.notes,
                              run.checkpoint ? &*run.checkpoint : nullptr, draws(arguments) ? draw_progress : nullptr};
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

/// In a new directory, which goes again if the input turns out wrong on the way: then nothing is written.
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

void check_ranks(const mfld::Experiment& experiment) {
  if (ranks() != nullptr) {
    mfld::check_ranks(experiment, ranks()->count());
  }
}

/// Ranks make one run together.
void refuse_several_runs(const fs::path& path) {
  if (ranks() != nullptr) {
    throw mfld::InvalidInput(fmt::format(
        "{}: is several runs, and ranks make one together; start it without mpirun, with --jobs on one machine, or as "
        "a job array with --shard auto",
        path.string()));
  }
}

/// runs/<name of the file>, where that can be the name of a directory that people find.
fs::path default_out(const fs::path& file) {
  const std::string name = file.stem().string();
  const bool is_odd = name.empty() || name.front() == '.' || name.front() == '-' || name.front() == '~' ||
                      std::any_of(name.begin(), name.end(), [](unsigned char c) { return std::iscntrl(c) != 0; });
  if (is_odd || !fs::is_regular_file(file)) {
    throw mfld::InvalidInput(fmt::format("{}: no directory of results can be named after it; give one with --out",
                                         mfld::printable(file.string())));
  }
  return fs::path("runs") / name;
}

void empty_if_forced(const fs::path& out, const RunArguments& arguments) {
  if (arguments.force && !arguments.shard.empty()) {
    throw mfld::InvalidInput("--force: would empty the directory that the other shards write into; leave it out");
  }
  if (arguments.force && leads()) {
    mfld::empty_run_directory(out);
  }
}

/// "2/5": the second of five; "auto": by the job array that this is a task of.
void read_shard(const std::string& given, mfld::SweepOptions& options) {
  constexpr std::int64_t most = 1000000;
  char rest = 0;
  const std::string text = given == "auto" ? shard_of_job_array() : given;
  if (!text.empty() &&
      (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64 "%c", &options.shard, &options.num_shards, &rest) != 2 ||
       options.shard < 1 || options.shard > options.num_shards || options.num_shards > most)) {
    throw mfld::InvalidInput(
        fmt::format("--shard {}: must be i/k with 1 <= i <= k <= {}, such as 2/5, or auto", text, most));
  }
}

void say_what_is_lacking(const fs::path& run, const std::string& instruction_set) {
  complain(fmt::format("{} began with instruction set {}, which this machine has not: the last digits will differ",
                       run.string(), instruction_set));
}

mfld::SweepOptions sweep_options(const mfld::Plan& plan, const fs::path& out, const RunArguments& arguments,
                                 ExitStatus& worst, bool told) {
  mfld::SweepOptions options;
  read_shard(arguments.shard, options);
  options.jobs = arguments.jobs;
  options.kept = arguments.kept();
  options.surroundings.stop = &stop_requested;
  options.surroundings.tables = std::make_shared<mfld::TableStore>();
  options.provenance = mfld::provenance(arguments.command);
  const auto all = std::ssize(plan.runs);
  const auto sweep = std::make_shared<SweepProgress>((all - options.shard + options.num_shards) / options.num_shards);
  if (draws(arguments)) {
    options.progress = [sweep](const mfld::Progress& run) { draw(progress_line(*sweep, run, terminal_width())); };
  }
  if (!arguments.quiet) {
    options.checking = [draws = draws(arguments), first = !told](std::int64_t num_checked, std::int64_t num) mutable {
      draw_checking(num_checked, num, draws, std::exchange(first, false));
    };
  }
  options.lacking = [out](const mfld::CellReport& report, const std::string& instruction_set) {
    say_what_is_lacking(out / report.run->name, instruction_set);
  };
  // The formulas of one run after the other, as far as they differ from the last one's.
  options.begun = [&plan, &arguments, sweep,
                   last = std::vector<std::string>()](const mfld::CellReport& report) mutable {
    if (!arguments.quiet) {
      const std::string words = sweep->words();
      say(fmt::format("run {} of {}: {}{}", report.position + 1, plan.runs.size(), report.run->name,
                      words.empty() ? "" : fmt::format(" ({})", words)));
    }
    for (const std::string& formula : report.experiment->formulas()) {
      if (!arguments.quiet && std::find(last.begin(), last.end(), formula) == last.end()) {
        say("  " + formula, longest_formula);
      }
    }
    last = report.experiment->formulas();
  };
  options.ended = [out, &arguments, &worst, sweep](const mfld::CellReport& report) {
    sweep->count(report.earlier);
    worst = std::max(worst, status_of(report.end.ending));
    if (report.earlier ? report.end.ending != mfld::Ending::finished
                       : (!arguments.quiet || report.end.ending != mfld::Ending::finished)) {
      say(fmt::format("{}: {}", (out / report.run->name).string(), report.message));
    }
    if (!arguments.quiet && !report.earlier) {
      say_advice(out / report.run->name, report.advice);
    }
  };
  return options;
}

/// Memory that runs out before there are files means that the input was too large; later it does not.
template <class Action>
auto where_files_are(const fs::path& directory, const Action& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    throw mfld::FileError(
        fmt::format("{}: no memory was left; what is there can be resumed where there is more", directory.string()));
  }
}

/// A run goes on with the instruction set that it began with, or else not to the same bits.
void use_instruction_set_of(const mfld::FilePlace& directory) {
  const std::string name = mfld::stored_instruction_set(directory);
  const auto available = mfld::available_instruction_sets();
  if (std::find(available.begin(), available.end(), name) != available.end()) {
    mfld::force_instruction_set(name);
  } else if (!name.empty()) {
    say_what_is_lacking(directory.path, name);
  }
}

ExitStatus make_sweep(const mfld::Plan& plan, const mfld::FilePlace& out, const mfld::SweepOptions& options,
                      mfld::CheckedPlan* checked) {
  const mfld::SweepOutcome outcome = mfld::run_sweep(plan, out, stop_requested, options, checked);
  if (outcome.num_left > 0) {
    say(fmt::format("{}: interrupted with {} of {} runs left", out.path.string(), outcome.num_left, outcome.num_runs));
  }
  return outcome.num_left > 0 ? interrupted : finished;
}

}  // namespace

ExitStatus run(const RunArguments& arguments) {
  const fs::path file = mfld::user_path(arguments.path);
  bool told = false;
  const mfld::Plan plan = mfld::read_plan(file, arguments.settings, watcher(arguments, "checking", told));
  if (arguments.dry_run) {
    return leads() ? dry_run(plan, arguments) : finished;
  }
  const fs::path out = arguments.out.empty() ? default_out(file) : mfld::user_path(arguments.out);
  if (!plan.is_sweep) {
    mfld::SweepOptions ignored;
    read_shard(arguments.shard, ignored);
    const mfld::StoppedRun fresh{
        mfld::build_experiment(plan.runs.front().config, surroundings_in(plan.folder())), std::nullopt, {}};
    check_ranks(fresh.experiment);
    agree(numbers_of(fresh));  // with and without --force, for a rank may not have it
    empty_if_forced(out, arguments);
    return run_in(out, fresh, arguments);
  }
  refuse_several_runs(file);
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, out, arguments, worst, told);
  std::optional<mfld::CheckedPlan> checked;
  try {
    checked.emplace(plan, options);
  } catch (const mfld::Interrupted&) {  // all runs are left, to be resumed
  }
  empty_if_forced(out, arguments);
  const mfld::Folder folder = mfld::start_sweep(plan, out, options);
  const ExitStatus status =
      where_files_are(out, [&] { return make_sweep(plan, folder.place(), options, checked ? &*checked : nullptr); });
  return std::max(worst, status);
}

/// A run that is there: locked by whoever writes, held open by the other ranks.
struct OpenRun {
  explicit OpenRun(const fs::path& where) : path(where) {
    if (leads()) {
      directory.emplace(mfld::RunDirectory::reopen(path));
    } else {
      folder.emplace(mfld::Folder::open(path));
    }
  }

  mfld::FilePlace place() const { return directory ? directory->place() : folder->place(); }
  mfld::RunDirectory* writer() { return directory ? &*directory : nullptr; }

  fs::path path;
  std::optional<mfld::RunDirectory> directory;
  std::optional<mfld::Folder> folder;
};

/// The run in its directory, made longer.
ExitStatus extend(OpenRun& opened, const RunArguments& arguments) {
  use_instruction_set_of(opened.place());
  const mfld::StoppedRun longer =
      mfld::extend(opened.place(), arguments.extension, arguments.kept(), surroundings_in({}));
  check_ranks(longer.experiment);
  agree_to_write(numbers_of(longer));
  if (leads()) {
    mfld::begin_extension(longer, *opened.directory, mfld::provenance(arguments.command));
  }
  return run_one(longer, opened.writer(), opened.path, arguments);
}

ExitStatus resume_run(const fs::path& path, const RunArguments& arguments) {
  OpenRun opened(path);
  if (arguments.extension.steps || arguments.extension.more_steps) {
    return extend(opened, arguments);
  }
  const auto summary = mfld::read_summary(opened.place());
  if (mfld::is_final(summary)) {
    if (!arguments.quiet) {
      say(fmt::format("{}: {}; nothing is left to do", path.string(), summary->message));
    }
    return status_of(summary->end.ending);
  }
  use_instruction_set_of(opened.place());
  const mfld::StoppedRun stopped = mfld::read_stopped_run(opened.place(), arguments.kept(), surroundings_in({}));
  check_ranks(stopped.experiment);
  agree_to_write(numbers_of(stopped));
  return run_one(stopped, opened.writer(), path, arguments);
}

ExitStatus resume(const RunArguments& arguments) {
  const fs::path path = mfld::user_path(arguments.path);
  bool told = false;
  if (!mfld::read_stored_plan(path, watcher(arguments, "listing", told)).is_sweep) {
    return resume_run(path, arguments);
  }
  if (arguments.extension.steps || arguments.extension.more_steps) {
    throw mfld::InvalidInput(
        fmt::format("{} is a directory of several runs; name one of them to make it longer", path.string()));
  }
  refuse_several_runs(path);
  const mfld::Folder folder = mfld::Folder::open(path);
  const mfld::Plan plan = mfld::read_stored_plan(folder.place(), &stop_requested);
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, path, arguments, worst, told);
  const ExitStatus status = make_sweep(plan, folder.place(), options, nullptr);
  return std::max(worst, status);
}

bool draws_random_numbers(const mfld::Phase& phase) {
  const bool in_batches = draws_batches(phase.method->estimator);
  return phase.temperature.value > 0 || phase.label_noise > 0 ||
         (in_batches && phase.sampling != mfld::Sampling::one_pass);
}

/// Other noise makes no difference where there is none.
void say_if_it_repeats(const mfld::StoppedRun& child) {
  const auto& phases = child.experiment.phases;
  auto next =
      phases.begin() + std::min<std::ptrdiff_t>(child.checkpoint ? child.checkpoint->phase : 0, std::ssize(phases));
  if (next != phases.end() && child.checkpoint && child.checkpoint->step_in_phase >= next->num_steps) {
    ++next;  // it is over
  }
  if (std::none_of(next, phases.end(), draws_random_numbers)) {
    complain("no phase from here on draws random numbers: this branch repeats its parent");
  }
}

/// The directory of a run by its own name, where dots or links lead to it.
fs::path named_run(const fs::path& given) {
  std::error_code error;
  const fs::path canonical = fs::canonical(given, error);
  if (error) {
    return given;
  }
  const fs::path plain = (given / ".").lexically_normal().parent_path();
  return !plain.empty() && fs::absolute(plain).lexically_normal() == canonical ? plain : canonical;
}

/// Beside the parent, called by what is other: DIR_step_size=0.01_seed=7, by the last components of the keys as in
/// sweeps.
fs::path beside(const fs::path& parent, const RunArguments& arguments) {
  std::string name = parent.filename().string();
  for (const std::string& setting : arguments.settings) {
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::size_t dot = setting.rfind('.', equals);
    name += '_' + setting.substr(dot == std::string::npos ? 0 : dot + 1);
  }
  name += arguments.seed ? fmt::format("_seed={}", *arguments.seed) : "";
  name += arguments.at_step ? fmt::format("_at={}", *arguments.at_step) : "";
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._-+=").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!arguments.settings.empty() && (!is_plain || name.size() > 100)) {
    throw mfld::InvalidInput("no directory can be named after these settings; give one with --out");
  }
  return parent.parent_path() / name;
}

ExitStatus branch(const RunArguments& arguments) {
  if (!arguments.seed && arguments.settings.empty()) {
    throw mfld::InvalidInput("branch: needs --seed S for other noise, or --set path=value for a change");
  }
  const fs::path parent = named_run(mfld::user_path(arguments.path));
  const fs::path out = arguments.out.empty() ? beside(parent, arguments) : mfld::user_path(arguments.out);
  const mfld::Folder folder = mfld::Folder::open(parent);
  use_instruction_set_of(folder.place());
  const mfld::StoppedRun child = mfld::branch(folder.place(), {arguments.seed, arguments.settings, arguments.at_step},
                                              arguments.kept(), surroundings_in({}));
  if (const auto origin = mfld::parent_in(child.notes); arguments.seed && origin && origin->seed == *arguments.seed) {
    throw mfld::InvalidInput(fmt::format("--seed {}: is the seed of {} itself; give another for other noise",
                                         *arguments.seed, parent.string()));
  }
  check_ranks(child.experiment);
  const ExitStatus status = run_in(out, child, arguments);
  if (!arguments.quiet && arguments.settings.empty()) {
    say_if_it_repeats(child);
  }
  return status;
}

ExitStatus merge(const RunArguments& arguments) {
  std::vector<mfld::Folder> folders;  // held open
  std::vector<mfld::FilePlace> places;
  for (const std::string& path : arguments.paths) {
    folders.push_back(mfld::Folder::open(mfld::user_path(path)));
    places.push_back(folders.back().place());
  }
  mfld::Surroundings surroundings(fs::path(), &stop_requested);
  surroundings.tables = std::make_shared<mfld::TableStore>();
  const mfld::StoppedRun merged = mfld::merge_runs(places, surroundings);
  if (!arguments.quiet) {
    for (const std::string& note : merged.notes) {
      say(note);
    }
  }
  return run_in(mfld::user_path(arguments.out), merged, arguments);
}

int num_threads(int asked) {
  const auto all = static_cast<int>(mfld::num_slots());
  const int share = share_of_processors();
  return mfld::startable_threads(asked > 0 ? asked : share > 0 ? std::min(share, all) : all);
}

ExitStatus simulate(const RunArguments& arguments, ExitStatus (*command)(const RunArguments&)) {
  stop_on_signals(arguments.max_wall_seconds);
  if (ranks() != nullptr && arguments.jobs > 1) {
    throw mfld::InvalidInput(
        fmt::format("--jobs {}: ranks make one run together, not several at a time; leave it out", arguments.jobs));
  }
  if (!arguments.instruction_set.empty()) {
    mfld::force_instruction_set(arguments.instruction_set);
  }
  const auto obey = [&] {
    return mfld::with_threads(num_threads(arguments.threads), [&] { return command(arguments); });
  };
  return command == run || command == merge ? obey() : where_files_are(arguments.path, obey);
}

}  // namespace commands
