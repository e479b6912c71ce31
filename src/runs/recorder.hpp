#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/observe/moment.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/record/run_record.hpp"
#include "mfld/runs/runner.hpp"
#include "record/checkpoint_pace.hpp"
#include "runs/stop_rules.hpp"

namespace mfld::runs {

/// What its particles descend, as they do. Refers to the experiment.
template <class Scalar>
std::unique_ptr<Objective<Scalar>> objective_of(const Experiment& experiment, Ranks* ranks = nullptr);

/// The simulation of an experiment at its start. Refers to the experiment.
template <class Scalar>
Simulation<Scalar> simulation_of(const Experiment& experiment, State<Scalar> start, Ranks* ranks = nullptr);

/// Looks at a simulation for the record of a run: rows, frames and checkpoints where they are due, and the rules that
/// end phases. Refers to all that it is made of.
template <class Scalar>
class Recorder : public Listener<Scalar> {
 public:
  Recorder(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop, const RunOptions& options);

  bool wishes(const StateNumbers& state) const override;
  void agreed(bool any_wishes) override { any_wishes_ = any_wishes; }
  bool reads_outputs(const StateNumbers& state) const override;
  void take_outputs(std::span<const double> outputs) override { known_outputs_ = outputs; }
  bool looks(const StateNumbers& state, Ending ending) override;
  void hear(const State<Scalar>& state, Ending ending) override;
  bool ends_phase() const override { return ends_phase_; }

  void checkpoint(const State<Scalar>& state);
  /// Whether the state that was heard last has its checkpoint, and its row was given up.
  bool is_saved() const { return is_saved_; }
  bool is_kept(std::int64_t step) const;
  LentCheckpoint checkpoint_of(const State<Scalar>& state) const;
  void finish();
  /// predictions.csv with what the network says in the end.
  void predict(const State<Scalar>& state);

  /// The loss of what the method predicts with in the end; of points, the objective without the penalty.
  double train_loss(const State<Scalar>& state);
  /// What became of the stop rules of the phases that are over.
  std::string rules_in_words(const State<Scalar>& state) const { return rules_.in_words(state.phase); }
  /// What to change where the run, which ended so, disappoints (advice.hpp).
  std::vector<std::string> advice(const State<Scalar>& state, const RunEnd& end);
  double write_seconds() const { return write_seconds_; }
  double pass_seconds() const { return moment_.pass_seconds(); }
  /// What a summary says however the run ends.
  RunSummary summary_of(const State<Scalar>& state) const;

 private:
  double now() const { return seconds_since(start_time_); }
  RunSummary running_summary(const State<Scalar>& state) const;
  template <class Action>
  void timed(const Action& action) {
    const Clock::time_point start = Clock::now();
    action();
    write_seconds_ += seconds_since(start);
  }
  bool observes(const StateNumbers& state, Ending ending, const Trigger& trigger) const;
  void start_files();
  void start_trajectory();
  std::int64_t last_counted_step() const;
  void record(const State<Scalar>& state, bool observe, bool track);
  void append_row(const State<Scalar>& state);
  void append_frame(const State<Scalar>& state);
  void judge(const State<Scalar>& state, std::int64_t phase);
  void report(std::int64_t step, bool last);

  const Experiment* experiment_;
  RunRecord* record_;
  const std::atomic<bool>* stop_;
  const RunOptions* options_;
  Scene scene_;
  ObservedColumns observed_;
  Moment moment_;
  runs::StopRules rules_;
  bool ends_phase_ = false;
  bool any_wishes_ = false;  // of ranks, for a checkpoint
  bool is_saved_ = false;
  bool checkpoint_is_due_ = false;  // at the state that is heard next, as the next two
  bool row_is_due_ = false;
  bool frame_is_due_ = false;
  std::span<const double> known_outputs_;  // of the state that is heard next, on the training samples; empty: unknown
  std::vector<double> values_;             // of the last row
  std::vector<double> next_values_;        // of the row that is computed, which can be given up half-way
  std::size_t loss_column_ = 0;
  bool diverged_ = false;
  std::int64_t rows_ = 0;
  std::int64_t frames_ = 0;
  std::int64_t row_step_ = -1;
  std::int64_t frame_step_ = -1;
  double write_seconds_ = 0;
  std::optional<RunSummary> earlier_;  // of the sessions before this one
  Clock::time_point start_time_ = Clock::now();
  record::CheckpointPace pace_;
  Clock::time_point report_time_ = start_time_;
};

}  // namespace mfld::runs
