#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mfld/config/sweep.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/runs/cost.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"

namespace mfld {

/// How one run of a plan went. Threads call with these one at a time.
struct CellReport {
  const RunPlan* run = nullptr;
  std::size_t position = 0;                // in the plan, from 0
  const Experiment* experiment = nullptr;  // on beginning only
  RunEnd end;                              // on ending: that of the summary, refused or failed
  std::string message;
  std::vector<std::string> advice = {};
  bool earlier = false;  // the run had ended before
};

/// What is left of the runs of a shard once it stops.
struct SweepOutcome {
  std::int64_t num_runs = 0;
  std::int64_t num_left = 0;  // 0, unless it was interrupted
};

struct SweepOptions {
  /// Runs at a time, in the order of the plan. 0: what keeps all threads busy to the last one and fits into memory
  /// (runs_at_once): those that share their threads best first, and of the others the longest by their counted work.
  int jobs = 1;
  std::int64_t shard = 1;
  std::int64_t num_shards = 1;  // this process makes runs shard - 1, shard - 1 + num_shards, ..
  Kept kept = Kept::last;
  Surroundings surroundings;  // of all the experiments, but for the folder, which is the plan's
  std::vector<std::string> provenance;
  std::function<void(const Progress&)> progress;                                  // of runs made one at a time
  std::function<void(std::int64_t num_checked, std::int64_t num_runs)> checking;  // about ten times a second
  std::function<void(const CellReport&)> begun;
  std::function<void(const CellReport&)> ended;
  std::function<void(const CellReport&, const std::string& instruction_set)> lacking;  // this machine does not have it
};

/// The experiment of one run of the plan.
Experiment build_run(const Plan& plan, const RunPlan& run, const SweepOptions& options);

/// Builds every run of the shard, so that a mistake in one is found before anything is written; keeps what is small.
/// What only its data show to be wrong is left to the run itself, unless that is so of every run.
/// Throws InvalidInput that names the run, and what the data say of the first where no run can be made; Interrupted.
class CheckedPlan {
 public:
  CheckedPlan(const Plan& plan, const SweepOptions& options);
  /// The data files of the runs that could be built, each under the name that it has in the experiment.
  const std::map<std::string, DataFile>& files() const { return files_; }
  /// What a run of the shard takes; nothing where its data are wrong.
  const RunCost& cost(std::size_t position) const { return costs_[position]; }
  /// The experiment of a run, built again if it was not kept; at most once for each.
  Experiment take(std::size_t position);

 private:
  const Plan* plan_;
  const SweepOptions* options_;
  std::vector<std::optional<Experiment>> kept_;
  std::vector<RunCost> costs_;
  std::map<std::string, DataFile> files_;
};

/// Makes `out` and its experiment.toml; the directory, held open. One that is not empty is refused, but for one with
/// the same experiment.toml where there are several shards; so is one that another process begins in.
Folder start_sweep(const Plan& plan, const FilePlace& out, const SweepOptions& options);

/// Makes the runs of the shard that have not ended in `out`, each from its checkpoint if it has one, and with the
/// instruction set that it began with. A run that fails is reported, and the others are made. `checked` may be null.
/// Throws InvalidInput, and makes none, where a data file holds other numbers than when the sweep first read it.
/// Leaves index.csv with a row for every run of the plan that has a summary, whoever made it.
SweepOutcome run_sweep(const Plan& plan, const FilePlace& out, const std::atomic<bool>& stop,
                       const SweepOptions& options, CheckedPlan* checked);

/// index.csv from the summaries of the runs, in the order of the plan. Throws FileError; Interrupted.
void write_index(const Plan& plan, const FilePlace& out, const std::atomic<bool>* stop = nullptr);

}  // namespace mfld
