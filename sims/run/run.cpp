// mfld run, resume.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/core/startable_threads.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/emptying.hpp"
#include "mfld/record/provenance.hpp"
#include "run/dry_run.hpp"
#include "run/one_run.hpp"
#include "run/sweep.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

/// The same before they are even listed, which takes as long where there are very many; `told` is then set.
mfld::Watcher watcher(const RunArguments& arguments, const char* doing, bool& told) {
  return {&stop_requested, [&arguments, doing, &told](std::size_t num_runs) {
            if (!arguments.quiet && !std::exchange(told, true)) {
              say(fmt::format("{} {} runs", doing, num_runs));
            }
          }};
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
