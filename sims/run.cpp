// mfld run, resume, branch.
#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/algorithm/string/join.hpp>
#include <cctype>
#include <cinttypes>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/folder.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/core/user_path.hpp"
#include "mfld/experiment/experiment.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/runner.hpp"
#include "mfld/experiment/sweep_runner.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

std::atomic<bool> stop_requested = false;

/// The first signal asks the run to stop after its step; a second one has its usual effect. So does the end of the time
/// it may take.
void stop_on_signals(double max_wall_seconds) {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_requested = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGALRM}) {
    sigaction(number, &action, nullptr);
  }
  if (max_wall_seconds > 0) {
    itimerval timer = {};
    timer.it_value.tv_sec = static_cast<time_t>(max_wall_seconds);
    timer.it_value.tv_usec = std::max<suseconds_t>(
        1, static_cast<suseconds_t>(1e6 * (max_wall_seconds - static_cast<double>(timer.it_value.tv_sec))));
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::min(std::ceil(seconds), 1e15));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

void draw_progress(const mfld::Progress& progress) {
  constexpr std::int64_t width = 24;
  const std::int64_t total = std::max<std::int64_t>(progress.num_steps, 1);
  const auto done = static_cast<std::size_t>(width * std::min(progress.step, total) / total);
  fmt::print(stderr, "\r[{:-<{}}] step {}/{}  train loss {:.4g}  {:.4g} steps/s  {} left\x1b[K", std::string(done, '#'),
             width, progress.step, progress.num_steps, progress.train_loss, progress.steps_per_second,
             duration(progress.seconds_left));
  std::fflush(stderr);
}

bool draws(const RunArguments& arguments) { return !arguments.quiet && isatty(STDERR_FILENO) != 0; }

ExitStatus status_of(std::string_view ending) {
  return ending == "finished"   ? finished
         : ending == "refused"  ? wrong_input
         : ending == "diverged" ? diverged
         : ending == "failed"   ? file_error
                                : interrupted;
}

/// On a terminal at once; elsewhere one line where it takes longer than people wait.
void draw_checking(std::int64_t num_checked, std::int64_t num_runs, bool draws, bool first) {
  if (draws) {
    fmt::print(stderr, "\rchecking run {} of {}\x1b[K", num_checked + 1, num_runs);
    std::fflush(stderr);
  } else if (first) {
    fmt::print(stderr, "checking {} runs\n", num_runs);
  }
}

void print_formulas(const mfld::Experiment& experiment, const RunArguments& arguments) {
  if (!arguments.quiet) {
    fmt::print(stderr, "{}\n", boost::algorithm::join(experiment.formulas(), "\n"));
  }
}

ExitStatus run_one(const mfld::StoppedRun& run, mfld::RunDirectory& directory, const RunArguments& arguments) {
  print_formulas(run.experiment, arguments);
  if (run.checkpoint && !arguments.quiet) {
    fmt::print(stderr, "{}: goes on from step {}\n", directory.path().string(), run.checkpoint->step);
  }
  const mfld::RunSummary summary =
      mfld::run_experiment(run.experiment, directory, stop_requested,
                           {mfld::provenance(arguments.command), run.notes, run.checkpoint ? &*run.checkpoint : nullptr,
                            draws(arguments) ? draw_progress : nullptr});
  if (!arguments.quiet || summary.ending != "finished") {
    fmt::print(stderr, "{}{}: {}\n", draws(arguments) ? "\n" : "", directory.path().string(), summary.message);
  }
  return status_of(summary.ending);
}

/// In a new directory, which goes again if the input turns out wrong on the way: then nothing is written.
ExitStatus run_in(const fs::path& out, const mfld::StoppedRun& run, const RunArguments& arguments) {
  mfld::RunDirectory directory = mfld::RunDirectory::create(out);
  try {
    return run_one(run, directory, arguments);
  } catch (const mfld::InvalidInput&) {
    directory.unmake();
    throw;
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

/// "2/5": the second of five.
void read_shard(const std::string& text, mfld::SweepOptions& options) {
  char rest = 0;
  if (!text.empty() &&
      (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64 "%c", &options.shard, &options.num_shards, &rest) != 2 ||
       options.shard < 1 || options.shard > options.num_shards)) {
    throw mfld::InvalidInput(fmt::format("--shard {}: must be i/k with 1 <= i <= k, such as 2/5", text));
  }
}

void say_what_is_lacking(const fs::path& run, const std::string& instruction_set) {
  fmt::print(stderr,
             "mfld: {} began with instruction set {}, which this machine has not: the last digits will differ\n",
             run.string(), instruction_set);
}

mfld::SweepOptions sweep_options(const mfld::Plan& plan, const fs::path& out, const RunArguments& arguments,
                                 ExitStatus& worst) {
  mfld::SweepOptions options;
  read_shard(arguments.shard, options);
  options.jobs = arguments.jobs;
  options.kept = arguments.kept();
  options.provenance = mfld::provenance(arguments.command);
  options.progress = draws(arguments) ? draw_progress : nullptr;
  if (!arguments.quiet) {
    options.checking = [draws = draws(arguments), first = true](std::int64_t num_checked, std::int64_t num) mutable {
      draw_checking(num_checked, num, draws, std::exchange(first, false));
    };
  }
  options.lacking = [out](const mfld::CellReport& report, const std::string& instruction_set) {
    say_what_is_lacking(out / report.run->name, instruction_set);
  };
  // The formulas of one run after the other, as far as they differ from the last one's.
  options.begun = [&plan, &arguments, last = std::vector<std::string>()](const mfld::CellReport& report) mutable {
    if (!arguments.quiet) {
      fmt::print(stderr, "run {} of {}: {}\n", report.position + 1, plan.runs.size(), report.run->name);
    }
    for (const std::string& formula : report.experiment->formulas()) {
      if (!arguments.quiet && std::find(last.begin(), last.end(), formula) == last.end()) {
        fmt::print(stderr, "  {}\n", formula);
      }
    }
    last = report.experiment->formulas();
  };
  options.ended = [out, &arguments, &worst](const mfld::CellReport& report) {
    worst = std::max(worst, status_of(report.ending));
    if (report.earlier ? report.ending != "finished" : (!arguments.quiet || report.ending != "finished")) {
      fmt::print(stderr, "{}{}: {}\n", draws(arguments) && arguments.jobs == 1 ? "\n" : "",
                 (out / report.run->name).string(), report.message);
    }
  };
  return options;
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
    fmt::print(stderr, "{}: interrupted with {} of {} runs left\n", out.path.string(), outcome.num_left,
               outcome.num_runs);
  }
  return outcome.num_left > 0 ? interrupted : finished;
}

}  // namespace

ExitStatus run(const RunArguments& arguments) {
  const fs::path file = mfld::user_path(arguments.path);
  const mfld::Plan plan = mfld::read_plan(file, arguments.settings, &stop_requested);
  const fs::path out = arguments.out.empty() ? default_out(file) : mfld::user_path(arguments.out);
  if (!plan.is_sweep) {
    mfld::SweepOptions ignored;
    read_shard(arguments.shard, ignored);
    const mfld::Surroundings surroundings(plan.folder(), &stop_requested);
    const mfld::StoppedRun fresh{mfld::build_experiment(plan.runs.front().config, surroundings), std::nullopt, {}};
    return run_in(out, fresh, arguments);
  }
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, out, arguments, worst);
  mfld::CheckedPlan checked(plan, options, &stop_requested);
  const mfld::Folder folder = mfld::start_sweep(plan, out, options);
  const ExitStatus status = make_sweep(plan, folder.place(), options, &checked);
  return std::max(worst, status);
}

ExitStatus resume(const RunArguments& arguments) {
  const fs::path path = mfld::user_path(arguments.path);
  if (!mfld::read_stored_plan(path, &stop_requested).is_sweep) {
    mfld::RunDirectory directory = mfld::RunDirectory::reopen(path);
    const auto summary = mfld::read_summary(directory.place());
    if (mfld::is_final(summary)) {
      if (!arguments.quiet) {
        fmt::print(stderr, "{}: {}; nothing is left to do\n", path.string(), summary->message);
      }
      return status_of(summary->ending);
    }
    use_instruction_set_of(directory.place());
    return run_one(mfld::read_stopped_run(directory.place(), arguments.kept(), &stop_requested), directory, arguments);
  }
  const mfld::Folder folder = mfld::Folder::open(path);
  const mfld::Plan plan = mfld::read_stored_plan(folder.place(), &stop_requested);
  ExitStatus worst = finished;
  const mfld::SweepOptions options = sweep_options(plan, path, arguments, worst);
  const ExitStatus status = make_sweep(plan, folder.place(), options, nullptr);
  return std::max(worst, status);
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
    fmt::print(stderr, "mfld: no phase from here on draws random numbers: this branch repeats its parent\n");
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

ExitStatus branch(const RunArguments& arguments) {
  const fs::path parent = named_run(mfld::user_path(arguments.path));
  const fs::path beside = parent.parent_path() / fmt::format("{}_seed={}", parent.filename().string(), arguments.seed);
  const fs::path out = arguments.out.empty() ? beside : mfld::user_path(arguments.out);
  const mfld::Folder folder = mfld::Folder::open(parent);
  use_instruction_set_of(folder.place());
  const mfld::StoppedRun child = mfld::branch(folder.place(), arguments.seed, arguments.kept(), &stop_requested);
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

ExitStatus simulate(const RunArguments& arguments, ExitStatus (*command)(const RunArguments&)) {
  stop_on_signals(arguments.max_wall_seconds);
  if (!arguments.instruction_set.empty()) {
    mfld::force_instruction_set(arguments.instruction_set);
  }
  return arguments.threads > 0 ? mfld::with_threads(arguments.threads, [&] { return command(arguments); })
                               : command(arguments);
}

}  // namespace commands
