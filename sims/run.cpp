// mfld run, resume, branch.
#include <fmt/format.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <new>
#include <optional>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/startable_threads.hpp"
#include "mfld/experiment/experiment.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/runner.hpp"
#include "mfld/experiment/sweep_runner.hpp"
#include "progress.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_formula = 800;  // in bytes; the text of an experiment can make them longer

void draw_progress(const mfld::Progress& progress) { draw(progress_line(progress, terminal_width())); }

bool draws(const RunArguments& arguments) { return !arguments.quiet && can_draw(); }

ExitStatus status_of(std::string_view ending) {
  return ending == "finished"   ? finished
         : ending == "diverged" ? diverged
         : ending == "failed"   ? file_error
                                : interrupted;
}

void print_formulas(const mfld::Experiment& experiment, const RunArguments& arguments) {
  if (!arguments.quiet) {
    for (const std::string& formula : experiment.formulas()) {
      say(formula, longest_formula);
    }
  }
}

ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory& directory, const RunArguments& arguments) {
  print_formulas(run.experiment, arguments);
  if (run.checkpoint && !arguments.quiet) {
    say(fmt::format("{}: goes on from step {}", directory.path().string(), run.checkpoint->step));
  }
  const mfld::RunSummary summary =
      mfld::run_experiment(run.experiment, directory, stop_requested,
                           {mfld::provenance(arguments.command), run.notes, run.checkpoint ? &*run.checkpoint : nullptr,
                            draws(arguments) ? draw_progress : nullptr});
  if (!arguments.quiet || summary.ending != "finished") {
    say(fmt::format("{}: {}", directory.path().string(), summary.message));
  }
  return status_of(summary.ending);
}

/// In a new directory, which goes again if the input turns out wrong on the way: then nothing is written.
ExitStatus run_in(const fs::path& out, const mfld::StoppedRun& run, const RunArguments& arguments) {
  std::error_code ignored;
  const bool existed = fs::exists(out, ignored);
  mfld::RunDirectory directory = mfld::RunDirectory::create(out);
  try {
    return run_one(run, directory, arguments);
  } catch (const mfld::InvalidInput&) {
    if (!existed && fs::is_empty(out, ignored)) {
      fs::remove(out, ignored);
    }
    throw;
  }
}

/// "2/5": the second of five.
void read_shard(const std::string& text, mfld::SweepOptions& options) {
  constexpr std::int64_t most = 1000000;
  char rest = 0;
  if (!text.empty() &&
      (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64 "%c", &options.shard, &options.num_shards, &rest) != 2 ||
       options.shard < 1 || options.shard > options.num_shards || options.num_shards > most)) {
    throw mfld::InvalidInput(fmt::format("--shard {}: must be i/k with 1 <= i <= k <= {}, such as 2/5", text, most));
  }
}

mfld::SweepOptions sweep_options(const mfld::Plan& plan, const fs::path& out, const RunArguments& arguments,
                                 ExitStatus& worst) {
  mfld::SweepOptions options;
  read_shard(arguments.shard, options);
  options.jobs = arguments.jobs;
  options.kept = arguments.kept();
  options.surroundings.stop = &stop_requested;
  options.surroundings.tables = std::make_shared<mfld::TableStore>();
  options.provenance = mfld::provenance(arguments.command);
  options.progress = draws(arguments) ? draw_progress : nullptr;
  // The formulas of one run after the other, as far as they differ from the last one's.
  options.begun = [&plan, &arguments, last = std::vector<std::string>()](const mfld::CellReport& report) mutable {
    if (!arguments.quiet) {
      say(fmt::format("run {} of {}: {}", report.position + 1, plan.runs.size(), report.run->name));
    }
    for (const std::string& formula : report.experiment->formulas()) {
      if (!arguments.quiet && std::find(last.begin(), last.end(), formula) == last.end()) {
        say("  " + formula, longest_formula);
      }
    }
    last = report.experiment->formulas();
  };
  options.ended = [out, &arguments, &worst](const mfld::CellReport& report) {
    worst = std::max(worst, status_of(report.ending));
    if (report.earlier ? report.ending != "finished" : (!arguments.quiet || report.ending != "finished")) {
      say(fmt::format("{}: {}", (out / report.run->name).string(), report.message));
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
void use_instruction_set_of(const fs::path& directory) {
  const std::string name = mfld::stored_instruction_set(directory);
  const auto available = mfld::available_instruction_sets();
  if (std::find(available.begin(), available.end(), name) != available.end()) {
    mfld::force_instruction_set(name);
  } else if (!name.empty()) {
    complain(fmt::format("{} began with instruction set {}, which this machine has not: the last digits will differ",
                         directory.string(), name));
  }
}

}  // namespace

ExitStatus run(const RunArguments& arguments) {
  const fs::path file = arguments.path;
  const mfld::Plan plan = mfld::read_plan(file, arguments.settings, &stop_requested);
  const fs::path out = arguments.out.empty() ? fs::path("runs") / file.stem() : fs::path(arguments.out);
  if (!plan.is_sweep) {
    mfld::SweepOptions ignored;
    read_shard(arguments.shard, ignored);
    const mfld::StoppedRun fresh{
        mfld::build_experiment(plan.runs.front().config, {plan.folder, &stop_requested}), std::nullopt, {}};
    return run_in(out, fresh, arguments);
  }
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, out, arguments, worst);
  std::optional<mfld::CheckedPlan> checked;
  try {
    checked.emplace(plan, options);
  } catch (const mfld::Interrupted&) {  // all runs are left, to be resumed
  }
  mfld::start_sweep(plan, out, options);
  where_files_are(out, [&] { mfld::run_sweep(plan, out, stop_requested, options, checked ? &*checked : nullptr); });
  return worst;
}

ExitStatus resume(const RunArguments& arguments) {
  const fs::path path = arguments.path;
  const mfld::Plan plan = mfld::read_stored_plan(path);
  if (plan.is_sweep) {
    for (const mfld::RunPlan& run : plan.runs) {
      if (fs::exists(path / run.name / "experiment.toml")) {
        use_instruction_set_of(path / run.name);
        break;
      }
    }
    ExitStatus worst = finished;
    const mfld::SweepOptions options = sweep_options(plan, path, arguments, worst);
    mfld::run_sweep(plan, path, stop_requested, options, nullptr);
    return worst;
  }
  mfld::RunDirectory directory = mfld::RunDirectory::reopen(path);
  const auto summary = mfld::read_summary(path);
  if (mfld::is_final(summary)) {
    if (!arguments.quiet) {
      say(fmt::format("{}: {}; nothing is left to do", path.string(), summary->message));
    }
    return status_of(summary->ending);
  }
  use_instruction_set_of(path);
  return run_one(mfld::read_stopped_run(path, arguments.kept(), {fs::path(), &stop_requested}), directory, arguments);
}

bool draws_random_numbers(const mfld::Phase& phase) {
  const mfld::Estimator estimator = phase.method->estimator;
  const bool in_batches = estimator == mfld::Estimator::minibatch || estimator == mfld::Estimator::svrg;
  return phase.temperature.value > 0 || (in_batches && phase.sampling != mfld::Sampling::one_pass);
}

/// Other noise makes no difference where there is none.
void say_if_it_repeats(const mfld::StoppedRun& child) {
  const auto& phases = child.experiment.phases;
  const auto next =
      phases.begin() + std::min<std::ptrdiff_t>(child.checkpoint ? child.checkpoint->phase : 0, std::ssize(phases));
  if (std::none_of(next, phases.end(), draws_random_numbers)) {
    complain("no phase from here on draws random numbers: this branch repeats its parent");
  }
}

ExitStatus branch(const RunArguments& arguments) {
  const fs::path parent = fs::path(arguments.path).lexically_normal();
  std::string name = parent.string();
  while (name.ends_with('/')) {
    name.pop_back();
  }
  const fs::path out =
      arguments.out.empty() ? fs::path(fmt::format("{}_seed={}", name, arguments.seed)) : fs::path(arguments.out);
  use_instruction_set_of(parent);
  const mfld::StoppedRun child = mfld::branch(parent, arguments.seed, arguments.kept(), {fs::path(), &stop_requested});
  if (const auto origin = mfld::parent_in(child.notes); origin && origin->seed == arguments.seed) {
    throw mfld::InvalidInput(fmt::format("--seed {}: is the seed of {} itself; give another for other noise",
                                         arguments.seed, parent.string()));
  }
  const ExitStatus status = run_in(out, child, arguments);
  if (!arguments.quiet) {
    say_if_it_repeats(child);
  }
  return status;
}

int num_threads(int asked) { return mfld::startable_threads(asked > 0 ? asked : static_cast<int>(mfld::num_slots())); }

ExitStatus simulate(const RunArguments& arguments, ExitStatus (*command)(const RunArguments&)) {
  stop_on_signals(arguments.max_wall_seconds);
  if (!arguments.instruction_set.empty()) {
    mfld::force_instruction_set(arguments.instruction_set);
  }
  const auto obey = [&] {
    return mfld::with_threads(num_threads(arguments.threads), [&] { return command(arguments); });
  };
  return command == run ? obey() : where_files_are(arguments.path, obey);
}

}  // namespace commands
