#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mfld/experiment/experiment.hpp"
#include "mfld/experiment/run_directory.hpp"
#include "mfld/experiment/sweep.hpp"

namespace mfld {

struct Progress {
  std::int64_t step = 0;
  std::int64_t num_steps = 0;
  double train_loss = 0;  // as last observed; nan if it is not
  double steps_per_second = 0;
  double seconds_left = 0;
};

struct RunOptions {
  std::vector<std::string> provenance;            // comments of experiment.toml
  std::function<void(const Progress&)> progress;  // called about ten times a second, and at the end
};

/// Runs the experiment into an empty run directory: observables and trajectory where their triggers fire, checkpoints
/// at their intervals, at an interruption (`stop` became true) and at the end. What was recorded before a divergence or
/// an interruption stays. Returns what it wrote to summary.json. Prints nothing. Throws FileError.
RunSummary run_experiment(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                          const RunOptions& options = {});

/// index.csv of a directory of several runs: one row per run that has ended, complete after each.
class RunIndex {
 public:
  /// columns: of metrics.csv, over all runs; a run without one leaves it empty.
  RunIndex(std::filesystem::path path, const Plan& plan, std::vector<std::string> columns);

  void add(const RunPlan& run, const RunSummary& summary);

 private:
  std::filesystem::path path_;
  std::vector<std::string> columns_;
  std::string text_;
};

}  // namespace mfld
