#include "mfld/runs/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <type_traits>

#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/runs/resume.hpp"
#include "record/checkpoint_pace.hpp"
#include "record/disk_space.hpp"
#include "record/state_of.hpp"
#include "runs/finite.hpp"
#include "runs/kernel_runner.hpp"
#include "runs/run_text.hpp"
#include "runs/stop_rules.hpp"
#include "runs/velocities.hpp"

namespace mfld {

namespace {

/// "r", "w_1", .., "w_d", "b": the columns of the particles.
std::vector<std::string> parameter_names(const ParameterLayout& layout) {
  std::vector<std::string> names(static_cast<std::size_t>(layout.size));
  if (layout.output >= 0) {
    names[static_cast<std::size_t>(layout.output)] = std::string(1, 'r');
  }
  for (Index k = 0; k < layout.input_dim; ++k) {
    names[static_cast<std::size_t>(layout.input + k)] = fmt::format("w_{}", k + 1);
  }
  if (layout.bias >= 0) {
    names[static_cast<std::size_t>(layout.bias)] = std::string(1, 'b');
  }
  return names;
}

/// Looks at a simulation for a run directory.
template <class Scalar>
class Recorder : public Listener<Scalar> {
 public:
  Recorder(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
           const RunOptions& options)
      : experiment_(&experiment),
        directory_(&directory),
        stop_(&stop),
        options_(&options),
        scene_(experiment.scene()),
        observed_(scene_, experiment.observables, "observe.columns"),
        moment_(scene_),
        rules_(experiment.stop_rules, observed_.columns()),
        values_(observed_.columns().size(), std::numeric_limits<double>::quiet_NaN()),
        earlier_(read_summary(directory.place())),
        pace_(experiment.checkpoint_steps, experiment.checkpoint_minutes, now()) {
    const auto loss = std::find(observed_.columns().begin(), observed_.columns().end(), train_loss_name);
    loss_column_ = static_cast<std::size_t>(loss - observed_.columns().begin());
    timed([&] { start_files(); });
  }

  void hear(const State<Scalar>& state, Ending ending) override {
    const bool last = ending != Ending::running;
    diverged_ = ending == Ending::diverged;  // an average of iterates can hide that the last one is not finite
    if (ending == Ending::interrupted) {
      return;  // an interrupted run has no last row: it can go on as if nothing had happened
    }
    if (!last && pace_.is_due(state.step, now())) {
      const double began = now();
      checkpoint(state);
      timed([&] { directory_->write_summary(running_summary(state)); });
      pace_.wrote(began, now());
    }
    // A phase that ends early begins the next at a step no trigger knows of.
    const bool landmark = last || state.step_in_phase == 0;
    ends_phase_ = false;
    record(state, landmark || experiment_->observe.fires(state.step), landmark || experiment_->track.fires(state.step));
    report(state.step, last);
  }

  bool ends_phase() const override { return ends_phase_; }

  void checkpoint(const State<Scalar>& state) {
    timed([&] { directory_->write_checkpoint(checkpoint_of(state)); });
  }

  void finish() {
    timed([&] { directory_->finish_trajectory(); });
  }

  /// predictions.csv with what the network says in the end.
  void predict(const State<Scalar>& state) {
    moment_.move_to(state);
    const auto outputs = moment_.test_outputs();
    timed([&] { directory_->write_predictions(table_comments(*experiment_, *options_), experiment_->data, outputs); });
  }

  /// The loss of what the method predicts with in the end.
  double train_loss(const State<Scalar>& state) {
    if (loss_column_ < values_.size()) {
      return values_[loss_column_];
    }
    moment_.move_to(state);
    return mean_train_loss(*experiment_, moment_.train_outputs());
  }

  /// What became of the stop rules of the phases that are over.
  std::string rules_in_words(const State<Scalar>& state) const { return rules_.in_words(state.phase); }

  double write_seconds() const { return write_seconds_; }
  double pass_seconds() const { return moment_.pass_seconds(); }
  double wall_seconds() const { return seconds_since(start_time_); }

  /// What a summary says however the run ends.
  RunSummary summary_of(const State<Scalar>& state) const {
    RunSummary summary;
    summary.end.step = state.step;
    summary.time = state.time;
    summary.gradient_evaluations = state.gradient_evaluations;
    summary.parent = parent_in(options_->notes);
    summary.wall_seconds = wall_seconds();
    if (earlier_) {
      summary.sessions += earlier_->sessions;
      summary.wall_seconds += std::isfinite(earlier_->wall_seconds) ? earlier_->wall_seconds : 0;
    }
    summary.write_seconds = write_seconds_;
    summary.columns = experiment_->columns;
    summary.final_values = values_;
    return summary;
  }

 private:
  double now() const { return seconds_since(start_time_); }

  /// What is left of a session that ends without notice.
  RunSummary running_summary(const State<Scalar>& state) const {
    RunSummary summary = summary_of(state);
    summary.end.ending = Ending::running;
    summary.message = fmt::format("running, or stopped without notice, with a checkpoint at step {}", state.step);
    return summary;
  }

  template <class Action>
  void timed(const Action& action) {
    const Clock::time_point start = Clock::now();
    action();
    write_seconds_ += seconds_since(start);
  }

  void start_files() {
    const Checkpoint* start = options_->start;
    if (!exists(directory_->place() / "experiment.toml")) {
      if (start != nullptr) {
        directory_->write_checkpoint(*start);  // first: a run without a checkpoint begins at step 0
      }
      directory_->write_experiment(experiment_text(*experiment_, *options_, directory_->present_path()));
    }
    if (start != nullptr && experiment_->has_stop_rule()) {
      rules_.restore(start->matrices.at(std::string(StopRules::name)));
    }
    rows_ = start == nullptr ? 0 : start->metrics_rows;
    frames_ = start == nullptr ? 0 : start->trajectory_frames;
    if (rows_ > 0) {
      LastRow last = directory_->continue_metrics(rows_, observed_.columns(), last_counted_step());
      row_step_ = last.step;
      values_ = std::move(last.values);
    } else {
      directory_->start_metrics(table_comments(*experiment_, *options_), observed_.columns());
    }
    const TrajectoryInfo info = {experiment_->tracked, parameter_names(experiment_->network().layout()),
                                 experiment_->phases.front().step_size.value, experiment_->track_velocities};
    if (frames_ > 0) {
      frame_step_ = directory_->continue_trajectory(frames_, info, last_counted_step(), stop_);
    } else if (!experiment_->tracked.empty()) {
      directory_->start_trajectory(info, experiment_->data, stop_);
    }
  }

  /// Until where the checkpoint counts: the row of its own step comes after it, but at the end, and where the phase
  /// before ended early.
  std::int64_t last_counted_step() const {
    const Checkpoint& start = *options_->start;
    const bool comes_after = start.phase < std::ssize(experiment_->phases) && start.step_in_phase > 0;
    return comes_after ? start.step - 1 : start.step;
  }

  void record(const State<Scalar>& state, bool observe, bool track) {
    if ((observe && state.step != row_step_) || (track && state.step != frame_step_)) {
      moment_.move_to(state, !diverged_);
    }
    if (observe && state.step != row_step_) {
      append_row(state);
    }
    if (track && state.step != frame_step_ && !experiment_->tracked.empty()) {
      TrajectoryFrame frame = {state.step, state.time, moment_.particles()(experiment_->tracked, Eigen::all), {}};
      if (experiment_->track_velocities) {
        frame.velocities = tracked_velocities(state, *experiment_);
      }
      timed([&] { directory_->append_trajectory(frame); });
      frame_step_ = state.step;
      ++frames_;
    }
  }

  void append_row(const State<Scalar>& state) {
    const std::int64_t phase = std::min<std::int64_t>(state.phase, std::ssize(experiment_->phases) - 1);
    observed_.evaluate(moment_, values_);
    timed([&] { directory_->append_metrics(state.step, phase, state.time, state.gradient_evaluations, values_); });
    row_step_ = state.step;
    ++rows_;
    judge(state, phase);
  }

  /// Whether the row just recorded ends the phase. The row that a phase begins with shows the one before.
  void judge(const State<Scalar>& state, std::int64_t phase) {
    const bool all_over = state.phase == std::ssize(experiment_->phases);
    if (diverged_ || (state.step_in_phase == 0 && !all_over)) {
      return;
    }
    const auto own = std::to_array<double>({static_cast<double>(state.step), static_cast<double>(phase), state.time,
                                            static_cast<double>(state.gradient_evaluations)});
    rules_.look(phase, own, values_);
    ends_phase_ = rules_.is_met(phase);
  }

  LentCheckpoint checkpoint_of(const State<Scalar>& state) const {
    LentCheckpoint checkpoint = lend(state, experiment_->sizes());
    checkpoint.experiment_hash = experiment_->hash;
    checkpoint.metrics_rows = rows_;
    checkpoint.trajectory_frames = frames_;
    if (experiment_->has_stop_rule()) {
      checkpoint.matrices.emplace_back(StopRules::name, LentMatrix(rules_.looks()));
    }
    return checkpoint;
  }

  void report(std::int64_t step, bool last) {
    if (!options_->progress || (!last && seconds_since(report_time_) < 0.1)) {
      return;
    }
    report_time_ = Clock::now();
    Progress progress;
    progress.step = step;
    progress.num_steps = experiment_->num_steps();
    progress.train_loss =
        loss_column_ < values_.size() ? values_[loss_column_] : std::numeric_limits<double>::quiet_NaN();
    progress.steps_per_second = static_cast<double>(step) / std::max(wall_seconds(), 1e-9);
    progress.seconds_left = step > 0 ? static_cast<double>(progress.num_steps - step) / progress.steps_per_second : 0;
    options_->progress(progress);
  }

  const Experiment* experiment_;
  RunDirectory* directory_;
  const std::atomic<bool>* stop_;
  const RunOptions* options_;
  Scene scene_;
  ObservedColumns observed_;
  Moment moment_;
  StopRules rules_;
  bool ends_phase_ = false;
  std::vector<double> values_;
  std::size_t loss_column_ = 0;
  bool diverged_ = false;
  std::int64_t rows_ = 0;
  std::int64_t frames_ = 0;
  std::int64_t row_step_ = -1;
  std::int64_t frame_step_ = -1;
  double write_seconds_ = 0;
  std::optional<RunSummary> earlier_;  // of the sessions before this one
  Clock::time_point start_time_ = Clock::now();
  CheckpointPace pace_;
  Clock::time_point report_time_ = start_time_;
};

std::string message_of(const Outcome& outcome) {
  const RunEnd& end = outcome.end;
  switch (end.ending) {
    case Ending::finished:
      return fmt::format("finished after {} steps", end.step);
    case Ending::diverged:
      return end.first_bad_particle
                 ? fmt::format("diverged at step {}: particle {} is not finite", end.step, *end.first_bad_particle)
                 : fmt::format("stopped at step {}: {}", end.step, outcome.failure);
    case Ending::interrupted:
      return fmt::format("interrupted at step {}, with a checkpoint", end.step);
    case Ending::running:
    case Ending::refused:
    case Ending::failed:
      break;  // no loop returns with these
  }
  return {};
}

template <class Scalar>
RunSummary run_in(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                  const RunOptions& options) {
  Recorder<Scalar> recorder(experiment, directory, stop, options);
  State<Scalar> start;
  if (options.start != nullptr) {
    start = state_of<Scalar>(*options.start, experiment);
  } else {
    start.particles = experiment.initial.cast<Scalar>();
  }
  Simulation<Scalar> simulation(
      std::make_unique<EmpiricalRisk<Scalar>>(*experiment.model, experiment.risk, experiment.data), experiment.phases,
      experiment.seeds, std::move(start), &experiment.initial, experiment.noise);
  const double write_seconds_before = recorder.write_seconds();
  Outcome outcome = simulation.run(recorder, stop);
  const double pass_seconds = recorder.pass_seconds();
  const double write_seconds = recorder.write_seconds() - write_seconds_before;
  std::string message = message_of(outcome);
  if (outcome.end.ending == Ending::finished) {
    if (const double loss = recorder.train_loss(simulation.state()); !std::isfinite(loss)) {
      outcome.end.ending = Ending::diverged;
      message = fmt::format("diverged at step {}: the training loss is {}, although every particle is finite",
                            outcome.end.step, loss);
    }
  }
  if (outcome.end.ending != Ending::diverged) {
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
  summary.step_seconds = outcome.step_seconds;
  summary.pass_seconds = pass_seconds;
  summary.observe_seconds = outcome.observe_seconds - pass_seconds - write_seconds;
  directory.write_summary(summary);
  return summary;
}

}  // namespace

RunSummary run_experiment(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                          const RunOptions& options) {
  try {
    if (experiment.kernel) {
      return run_kernel_regression(experiment, directory, stop, options);
    }
    check_disk_space(experiment, directory.place(), options.start);
    return experiment.precision == Precision::single_precision ? run_in<float>(experiment, directory, stop, options)
                                                               : run_in<double>(experiment, directory, stop, options);
  } catch (const std::bad_alloc&) {  // by now there are files
    throw FileError("no memory was left for the run; what it wrote can be resumed where there is more");
  }
}

}  // namespace mfld
