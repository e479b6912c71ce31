// mfld run --dry-run.
#include "dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/algorithm/string/join.hpp>
#include <map>
#include <memory>
#include <string>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/record/memory_record.hpp"
#include "mfld/runs/runner.hpp"
#include "progress.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

/// What time is shared by: steps of so many parameters.
double work_of(const mfld::Experiment& experiment) {
  return static_cast<double>(experiment.num_steps()) * static_cast<double>(experiment.initial.size());
}

/// About: of very many steps, those at both ends are counted.
double num_rows_of(const mfld::Experiment& experiment) {
  constexpr std::int64_t most_counted = 1000000;
  const std::int64_t num_steps = experiment.num_steps();
  const std::int64_t counted = std::min(num_steps, most_counted);
  const auto first = static_cast<double>(experiment.observe.steps_between(0, counted).size());
  if (counted == num_steps) {
    return first;
  }
  const auto last = static_cast<double>(experiment.observe.steps_between(num_steps - counted, num_steps).size());
  return first + last * static_cast<double>(num_steps - counted) / static_cast<double>(counted);
}

/// Of its files: rows of about 20 bytes a number, frames, and two checkpoints of particles and as much again.
double disk_bytes(const mfld::Experiment& experiment) {
  constexpr double bytes_of_number = 20;
  constexpr double columns_before = 4;
  const double rows =
      num_rows_of(experiment) * bytes_of_number * (columns_before + static_cast<double>(experiment.columns.size()));
  const double checkpoints = 2 * 2 * sizeof(double) * static_cast<double>(experiment.initial.size());
  return rows + static_cast<double>(experiment.num_frames()) * experiment.frame_bytes() + checkpoints;
}

/// Of the matrices of a kernel regression.
double kernel_bytes(const mfld::Experiment& experiment) {
  const mfld::Dataset& data = experiment.data;
  return experiment.kernel ? sizeof(double) * mfld::num_doubles(*experiment.kernel, data.num_train(), data.num_test(),
                                                                experiment.predictions)
                           : 0;
}

/// About the seconds that a run takes, from the first of them.
double seconds_of(const mfld::Experiment& experiment) {
  constexpr double trial_seconds = 1;
  std::atomic<bool> stop = false;
  double left = 0;
  const mfld::Clock::time_point start = mfld::Clock::now();
  mfld::RunOptions options;
  options.progress = [&](const mfld::Progress& progress) {
    left = progress.seconds_left;
    stop = stop_requested || mfld::seconds_since(start) > trial_seconds;
  };
  mfld::MemoryRecord memory;
  mfld::run_experiment(experiment, memory, stop, options);
  mfld::stop_if_asked(&stop_requested, "the time was estimated");
  return mfld::seconds_since(start) + left;
}

std::string in_bytes(double bytes) {
  return bytes < 0x1p20   ? fmt::format("{:.3g} KiB", bytes / 0x1p10)
         : bytes < 0x1p30 ? fmt::format("{:.3g} MiB", bytes / 0x1p20)
                          : fmt::format("{:.3g} GiB", bytes / 0x1p30);
}

/// Sums over the runs of a plan.
class Estimate {
 public:
  void add(const mfld::RunPlan& run, const mfld::Experiment& experiment) {
    largest_ = std::max(largest_, experiment.num_bytes() + kernel_bytes(experiment));
    has_kernels_ = has_kernels_ || experiment.kernel;
    disk_ += disk_bytes(experiment);
    num_steps_ += experiment.num_steps();
    const double work = work_of(experiment);
    if (work == 0) {
      ++num_without_steps_;
      return;
    }
    constexpr std::size_t most_trials = 8;
    const auto known = each_.find(run.case_name);
    if (known != each_.end()) {
      seconds_ += work * known->second;
      return;
    }
    if (each_.size() < most_trials) {
      last_ = seconds_of(experiment) / work;
    }
    each_.emplace(run.case_name, last_);
    seconds_ += work * last_;
  }

  void print(const mfld::Plan& plan, int jobs) const {
    const auto num_runs = static_cast<std::int64_t>(plan.runs.size());
    const int at_once = static_cast<int>(std::min<std::int64_t>(jobs, num_runs));
    print_line(fmt::format("runs: {}{}, {} steps", num_runs,
                           plan.swept.empty() ? "" : " over " + boost::algorithm::join(plan.swept, ", "), num_steps_));
    print_line(fmt::format("memory: {} for {}{}", in_bytes(largest_ * at_once),
                           has_kernels_ ? "data, particles and kernels" : "data and particles",
                           at_once > 1 ? fmt::format(" of {} runs at a time", at_once) : ""));
    print_line(fmt::format("disk: about {}", in_bytes(disk_)));
    print_line(fmt::format(
        "time: about {}{}", roughly(seconds_ / at_once),
        num_without_steps_ > 0 ? fmt::format(", without {} runs that take no steps", num_without_steps_) : ""));
    print_line("nothing was written");
  }

 private:
  std::map<std::string, double> each_;  // seconds for a unit of work, by case
  double last_ = 0;
  double seconds_ = 0;
  double largest_ = 0;
  bool has_kernels_ = false;
  double disk_ = 0;
  std::int64_t num_steps_ = 0;
  std::int64_t num_without_steps_ = 0;
};

}  // namespace

ExitStatus dry_run(const mfld::Plan& plan, const RunArguments& arguments) {
  if (!arguments.shard.empty() || arguments.force) {
    throw mfld::InvalidInput("--dry-run: counts all runs and writes nothing; leave out --shard and --force");
  }
  mfld::Surroundings surroundings(plan.folder(), &stop_requested);
  surroundings.tables = std::make_shared<mfld::TableStore>();
  Estimate estimate;
  for (const mfld::RunPlan& run : plan.runs) {
    mfld::stop_if_asked(&stop_requested, "all runs were checked");
    try {
      mfld::Experiment experiment = mfld::build_experiment(run.config, surroundings);
      for (std::int64_t& step : experiment.certified_gap_at) {
        step = -1;  // no step: the trial, of a second, would wait for it
      }
      estimate.add(run, experiment);
    } catch (const mfld::InvalidInput& error) {
      throw run.name.empty() ? error : mfld::InvalidInput(fmt::format("run {}: {}", run.name, error.what()));
    }
  }
  estimate.print(plan, arguments.jobs);
  return finished;
}

}  // namespace commands
