#include "mfld/runs/runner.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <new>
#include <utility>

#include "mfld/core/divided_rows.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/ranks.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/model/shares.hpp"
#include "record/disk_space.hpp"
#include "record/state_of.hpp"
#include "runs/finite.hpp"
#include "runs/kernel_runner.hpp"
#include "runs/recorder.hpp"
#include "runs/run_text.hpp"
#include "runs/shared_record.hpp"

namespace mfld {

namespace {

template <class Scalar>
RunSummary run_in(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
                  const RunOptions& options) {
  runs::Recorder<Scalar> recorder(experiment, record, stop, options);
  State<Scalar> start;
  if (options.start != nullptr) {
    start = record::state_of<Scalar>(*options.start, experiment);
  } else {
    copy_rows(experiment.rows, experiment.initial, start.particles);
  }
  Simulation<Scalar> simulation = runs::simulation_of(experiment, std::move(start), options.ranks);
  const double write_seconds_before = recorder.write_seconds();
  Outcome outcome = simulation.run(recorder, stop);
  const double pass_seconds = recorder.pass_seconds();
  const double write_seconds = recorder.write_seconds() - write_seconds_before;
  std::string message = message_of(outcome);
  if (outcome.end.ending == Ending::finished) {
    if (const double loss = recorder.train_loss(simulation.state()); !std::isfinite(loss)) {
      outcome.end.ending = Ending::diverged;
      message = fmt::format("diverged at step {}: {} is {}, although every particle is finite", outcome.end.step,
                            experiment.objective ? experiment.objective->name : "the training loss", loss);
    }
  }
  if (outcome.end.ending == Ending::interrupted && !recorder.is_saved()) {
    recorder.checkpoint(simulation.state());
  }
  recorder.finish();
  if (experiment.predictions && outcome.end.ending == Ending::finished) {
    recorder.predict(simulation.state());
  }
  RunSummary summary = recorder.summary_of(simulation.state());
  summary.end = outcome.end;
  summary.message = message + recorder.rules_in_words(simulation.state());
  if (outcome.end.ending == Ending::finished) {
    summary.message += not_finite_in_words(summary.columns, summary.final_values);
  }
  if (info(outcome.end.ending).is_final) {
    summary.advice = recorder.advice(simulation.state(), outcome.end);
  }
  summary.step_seconds = outcome.step_seconds;
  summary.pass_seconds = pass_seconds;
  summary.observe_seconds = outcome.observe_seconds - pass_seconds - write_seconds;
  record.write_summary(summary);
  return summary;
}

/// Whose rows of the state are whose where particles are divided; else all have all, and rank 0 its own.
std::vector<Index> row_cuts_of(const Experiment& experiment, const Ranks& ranks) {
  const Index num_particles = experiment.initial.rows();
  if (!experiment.divided) {
    std::vector<Index> cuts(static_cast<std::size_t>(ranks.count()) + 1, num_particles);
    cuts.front() = 0;
    return cuts;
  }
  return experiment.precision == Precision::single_precision ? shares_of<float>(num_particles, ranks.count()).rows
                                                             : shares_of<double>(num_particles, ranks.count()).rows;
}

RunSummary run_in(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
                  const RunOptions& options) {
  if (experiment.kernel) {
    return run_kernel_regression(experiment, record, stop, options);
  }
  return experiment.precision == Precision::single_precision ? run_in<float>(experiment, record, stop, options)
                                                             : run_in<double>(experiment, record, stop, options);
}

}  // namespace

Watch watch_of(const std::string& doing, const std::atomic<bool>* stop,
               const std::function<void(const Progress&)>& progress) {
  if (!progress) {
    return {stop, doing};
  }
  const Clock::time_point start = Clock::now();
  return {stop, doing, [progress, start, doing, told = start](double part) mutable {
            if (seconds_since(told) >= 0.1) {
              told = Clock::now();
              Progress now;
              now.doing = doing;
              now.part = part;
              now.seconds_left = part > 0 ? seconds_since(start) * (1 - part) / part : 0;
              progress(now);
            }
          }};
}

RunSummary run_experiment(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                          const RunOptions& options) {
  try {
    if (!experiment.kernel) {
      record::check_disk_space(experiment, directory.place(), options.start);
    }
    return run_in(experiment, directory, stop, options);
  } catch (const std::bad_alloc&) {  // by now there are files
    throw FileError("no memory was left for the run; what it wrote can be resumed where there is more");
  }
}

void check_ranks(const Experiment& experiment, int num_ranks) {
  if (experiment.kernel) {
    return;  // every rank solves it
  }
  const Index num_particles = experiment.initial.rows();
  const Index most = experiment.precision == Precision::single_precision ? most_ranks<float>(num_particles)
                                                                         : most_ranks<double>(num_particles);
  if (num_ranks > most) {
    throw InvalidInput(
        fmt::format("network.width: {} particles are {} tasks, which is less than the {} ranks; at most "
                    "{} can share them",
                    num_particles, most, num_ranks, most));
  }
}

RunSummary run_experiment(const Experiment& experiment, RunDirectory* directory, const std::atomic<bool>& stop,
                          const RunOptions& options) {
  assert(options.ranks != nullptr && (directory != nullptr) == (options.ranks->rank() == 0));
  check_ranks(experiment, options.ranks->count());
  try {
    if (directory != nullptr && !experiment.kernel) {
      record::check_disk_space(experiment, directory->place(), options.start);
    }
    runs::SharedRecord record(*options.ranks, directory, row_cuts_of(experiment, *options.ranks));
    return run_in(experiment, record, stop, options);
  } catch (const std::bad_alloc&) {
    throw FileError("no memory was left for the run; what it wrote can be resumed where there is more");
  }
}

RunSummary run_experiment(const Experiment& experiment, MemoryRecord& memory, const std::atomic<bool>& stop,
                          const RunOptions& options) {
  assert(options.start == nullptr);
  return run_in(experiment, memory, stop, options);
}

}  // namespace mfld
