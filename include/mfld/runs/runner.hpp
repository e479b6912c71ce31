#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/core/watch.hpp"
#include "mfld/observe/moment.hpp"
#include "mfld/record/memory_record.hpp"
#include "mfld/record/run_directory.hpp"

namespace mfld {

/// Of steps; or, of what takes none, what it does ("kernel") and what part of that is done.
struct Progress {
  std::int64_t step = 0;
  std::int64_t num_steps = 0;
  double train_loss = 0;  // as last observed; nan if it is not
  double steps_per_second = 0;
  double seconds_left = 0;
  std::string_view doing = {};  // empty: steps
  double part = 0;
};

/// Of what takes long in one piece: `progress`, if there is one, hears of it about ten times a second from a tenth of a
/// second on.
Watch watch_of(const std::string& doing, const std::atomic<bool>* stop,
               const std::function<void(const Progress&)>& progress);

struct RunOptions {
  std::vector<std::string> provenance;            // comments of experiment.toml, written unless a run is continued
  std::vector<std::string> notes;                 // further comments of experiment.toml and metrics.csv
  const Checkpoint* start = nullptr;              // where to begin; none: at the first particles, at step 0
  std::function<void(const Progress&)> progress;  // called about ten times a second, and at the end
  std::function<bool(Moment&)> until =
      {};  // asked with every row that a stop rule would see, and alike on all ranks: true ends the phase
  Ranks* ranks = nullptr;  // who makes the run together (core/ranks.hpp); none: this process alone
};

/// Throws InvalidInput where so many ranks cannot share the particles of the experiment.
void check_ranks(const Experiment& experiment, int num_ranks);

/// Runs the experiment in a run directory: observables and trajectory where their triggers fire, checkpoints at their
/// intervals (longer ones, when writing them would take more than 1 % of the time), at an interruption (`stop` became
/// true) and at the end. From a checkpoint, what the directory recorded after it is cut off and comes again: the files
/// end as if the run had never stopped. What was recorded before a divergence or an interruption stays. Returns what it
/// wrote to summary.json: a run with all its steps made and a training loss that is not finite has diverged. Prints
/// nothing. Throws InvalidInput, with nothing written, where the trajectory does not fit on the disk; FileError, also
/// where memory runs out; Interrupted, before the first step.
RunSummary run_experiment(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                          const RunOptions& options = {});
/// The same by all of `options.ranks` together, each of which calls it with the same experiment and start: `directory`
/// is that of rank 0, which alone writes, and nullptr elsewhere. The same files, whatever their number, and the same
/// summary on all of them, but for seconds and the number of sessions. Throws InvalidInput as check_ranks. What one
/// rank alone throws it does not tell the others: its caller ends them.
RunSummary run_experiment(const Experiment& experiment, RunDirectory* directory, const std::atomic<bool>& stop,
                          const RunOptions& options);
/// The same in memory, from the start.
RunSummary run_experiment(const Experiment& experiment, MemoryRecord& memory, const std::atomic<bool>& stop,
                          const RunOptions& options = {});

}  // namespace mfld
