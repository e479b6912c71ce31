// mfld run --dry-run.
#include "run/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/algorithm/string/join.hpp>
#include <map>
#include <memory>
#include <string>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/memory.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/record/memory_record.hpp"
#include "mfld/runs/cost.hpp"
#include "mfld/runs/runner.hpp"
#include "progress.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

/// Of its files: rows of about 20 bytes a number, frames, and two checkpoints of particles and as much again.
double disk_bytes(const mfld::Experiment& experiment) {
  constexpr double bytes_of_number = 20;
  constexpr double columns_before = 4;
  const double rows =
      mfld::num_rows(experiment) * bytes_of_number * (columns_before + static_cast<double>(experiment.columns.size()));
  const double checkpoints = 2 * 2 * sizeof(double) * static_cast<double>(experiment.initial.size());
  return rows + static_cast<double>(experiment.num_frames()) * experiment.frame_bytes() + checkpoints;
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
  /// jobs: runs at a time; 0: as many as a sweep makes by itself.
  explicit Estimate(int jobs) : jobs_(jobs) {}

  void add(const mfld::RunPlan& run, const mfld::Experiment& experiment) {
    const auto num_threads = static_cast<int>(mfld::num_slots());
    const mfld::RunCost cost = mfld::cost_of(experiment, num_threads);
    Together& others = together_[jobs_ > 0 ? jobs_ : mfld::runs_at_once(cost, num_threads, mfld::available_memory())];
    ++others.num_runs;
    others.largest = std::max(others.largest, cost.memory);
    disk_ += disk_bytes(experiment);
    num_steps_ += experiment.num_steps();
    if (experiment.num_steps() == 0) {
      ++num_without_steps_;
      return;
    }
    constexpr std::size_t most_trials = 8;
    const auto known = each_.find(run.case_name);
    if (known != each_.end()) {
      others.seconds += cost.work * known->second;
      return;
    }
    if (each_.size() < most_trials) {
      last_ = seconds_of(experiment) / cost.work;
    }
    each_.emplace(run.case_name, last_);
    others.seconds += cost.work * last_;
  }

  void print(const mfld::Plan& plan) const {
    int most_at_once = 1;
    double memory = 0;
    double seconds = 0;
    for (const auto& [jobs, runs] : together_) {
      const int at_once = static_cast<int>(std::min<std::int64_t>(jobs, runs.num_runs));
      most_at_once = std::max(most_at_once, at_once);
      memory = std::max(memory, at_once * runs.largest);
      seconds += runs.seconds / at_once;
    }
    print_line(fmt::format("runs: {}{}, {} steps", plan.runs.size(),
                           plan.swept.empty() ? "" : " over " + boost::algorithm::join(plan.swept, ", "), num_steps_));
    print_line(fmt::format("memory: about {}{}", in_bytes(memory),
                           most_at_once > 1 ? fmt::format(" for {} runs at a time", most_at_once) : ""));
    print_line(fmt::format("disk: about {}", in_bytes(disk_)));
    print_line(fmt::format(
        "time: about {}{}", roughly(seconds),
        num_without_steps_ > 0 ? fmt::format(", without {} runs that take no steps", num_without_steps_) : ""));
    print_line("nothing was written");
  }

 private:
  /// Runs so many of which are made at a time.
  struct Together {
    std::int64_t num_runs = 0;
    double seconds = 0;  // of all, one after the other
    double largest = 0;  // bytes of one
  };

  int jobs_;
  std::map<int, Together> together_;
  std::map<std::string, double> each_;  // seconds for a unit of work, by case
  double last_ = 0;
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
  Estimate estimate(arguments.jobs);
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
  estimate.print(plan);
  return finished;
}

}  // namespace commands
