#include "runs/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <new>
#include <utility>

#include "mfld/core/divided_rows.hpp"
#include "mfld/core/error.hpp"
#include "mfld/model/shares.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/runs/resume.hpp"
#include "record/state_of.hpp"
#include "runs/advice.hpp"
#include "runs/finite.hpp"
#include "runs/run_text.hpp"
#include "runs/velocities.hpp"

namespace mfld::runs {

template <class Scalar>
std::unique_ptr<Objective<Scalar>> objective_of(const Experiment& experiment, Ranks* ranks) {
  if (experiment.objective) {
    return experiment.objective->make<Scalar>(experiment.data, ranks);
  }
  return std::make_unique<EmpiricalRisk<Scalar>>(*experiment.model, experiment.risk, experiment.data, ranks);
}

template std::unique_ptr<Objective<double>> objective_of(const Experiment&, Ranks*);
template std::unique_ptr<Objective<float>> objective_of(const Experiment&, Ranks*);

template <class Scalar>
Simulation<Scalar> simulation_of(const Experiment& experiment, State<Scalar> start, Ranks* ranks) {
  return Simulation<Scalar>(objective_of<Scalar>(experiment, ranks), experiment.phases, experiment.seeds,
                            std::move(start), &experiment.initial, experiment.noise, ranks, experiment.divided);
}

template Simulation<double> simulation_of(const Experiment&, State<double>, Ranks*);
template Simulation<float> simulation_of(const Experiment&, State<float>, Ranks*);

namespace {

/// Where the tracked particles of each rank begin, of those that it observes.
std::vector<Index> tracked_cuts(const Experiment& experiment, Ranks* ranks) {
  const std::vector<Index>& tracked = experiment.tracked;
  if (ranks == nullptr) {
    return {0, std::ssize(tracked)};
  }
  std::vector<Index> cuts = shares_of<double>(experiment.initial.rows(), ranks->count()).rows;
  for (Index& cut : cuts) {
    cut = std::lower_bound(tracked.begin(), tracked.end(), cut) - tracked.begin();
  }
  return cuts;
}

Scene scene_of(const Experiment& experiment, Ranks* ranks, const std::atomic<bool>& stop) {
  Scene scene = experiment.scene();
  scene.ranks = ranks;
  scene.stop = ranks == nullptr ? &stop : nullptr;  // they would have to stop alike
  return scene;
}

}  // namespace

template <class Scalar>
Recorder<Scalar>::Recorder(const Experiment& experiment, RunRecord& record, const std::atomic<bool>& stop,
                           const RunOptions& options)
    : experiment_(&experiment),
      record_(&record),
      stop_(&stop),
      options_(&options),
      scene_(scene_of(experiment, options.ranks, stop)),
      observed_(scene_, experiment.observables, "observe.columns"),
      moment_(scene_),
      rules_(experiment.stop_rules, observed_.columns()),
      values_(observed_.columns().size(), std::numeric_limits<double>::quiet_NaN()),
      next_values_(values_.size()),
      earlier_(record.earlier_summary()),
      pace_(experiment.checkpoint_steps, experiment.checkpoint_minutes, now()) {
  const auto loss = std::find(observed_.columns().begin(), observed_.columns().end(),
                              experiment.objective ? experiment.objective->name : train_loss_name);
  loss_column_ = static_cast<std::size_t>(loss - observed_.columns().begin());
  timed([&] { start_files(); });
}

/// Whether a row or a frame that this trigger asks for is due.
template <class Scalar>
bool Recorder<Scalar>::observes(const StateNumbers& state, Ending ending, const Trigger& trigger) const {
  // A phase that ends early begins the next at a step no trigger knows of.
  return ending != Ending::running || state.step_in_phase == 0 || trigger.fires(state.step);
}

/// For a checkpoint. Clocks differ.
template <class Scalar>
bool Recorder<Scalar>::wishes(const StateNumbers& state) const {
  return pace_.is_due(state.step, now()) || is_kept(state.step);
}

/// For a row.
template <class Scalar>
bool Recorder<Scalar>::reads_outputs(const StateNumbers& state) const {
  return state.step != row_step_ && observes(state, Ending::running, experiment_->observe);
}

template <class Scalar>
bool Recorder<Scalar>::looks(const StateNumbers& state, Ending ending) {
  const bool is_due = options_->ranks == nullptr ? wishes(state) : any_wishes_;
  checkpoint_is_due_ = ending == Ending::running && is_due;
  row_is_due_ = observes(state, ending, experiment_->observe);
  frame_is_due_ = observes(state, ending, experiment_->track);
  return checkpoint_is_due_ || row_is_due_ || frame_is_due_;
}

template <class Scalar>
void Recorder<Scalar>::hear(const State<Scalar>& state, Ending ending) {
  const bool last = ending != Ending::running;
  diverged_ = ending == Ending::diverged;  // an average of iterates can hide that the last one is not finite
  if (ending == Ending::interrupted) {
    return;  // an interrupted run has no last row: it can go on as if nothing had happened
  }
  is_saved_ = false;
  if (checkpoint_is_due_) {
    const double began = now();
    checkpoint(state);
    timed([&] { record_->write_summary(running_summary(state)); });
    pace_.wrote(began, now());
    is_saved_ = true;
  }
  ends_phase_ = false;
  record(state, row_is_due_, frame_is_due_);
  is_saved_ = false;
  if (ending == Ending::finished && std::isfinite(train_loss(state))) {
    checkpoint(state);
  }
  report(state.step, last);
}

template <class Scalar>
void Recorder<Scalar>::checkpoint(const State<Scalar>& state) {
  timed([&] {
    record_->write_checkpoint(checkpoint_of(state));
    if (is_kept(state.step)) {
      record_->keep_checkpoint(state.step);
    }
  });
}

template <class Scalar>
bool Recorder<Scalar>::is_kept(std::int64_t step) const {
  const std::vector<std::int64_t>& kept = experiment_->kept_checkpoints;
  return std::find(kept.begin(), kept.end(), step) != kept.end();
}

template <class Scalar>
void Recorder<Scalar>::finish() {
  timed([&] { record_->finish_trajectory(); });
}

/// predictions.csv with what the network says in the end.
template <class Scalar>
void Recorder<Scalar>::predict(const State<Scalar>& state) {
  moment_.move_to(state);
  const auto outputs = moment_.test_outputs();
  timed([&] { record_->write_predictions(table_comments(*experiment_, *options_), experiment_->data, outputs, {}); });
}

/// The loss of what the method predicts with in the end; of points, the objective without the penalty.
template <class Scalar>
double Recorder<Scalar>::train_loss(const State<Scalar>& state) {
  if (loss_column_ < values_.size()) {
    return values_[loss_column_];
  }
  moment_.move_to(state);
  if (experiment_->objective) {
    return moment_.data_part();
  }
  return mean_loss(experiment_->risk.loss(), moment_.train_outputs(), experiment_->data.train_targets);
}

template <class Scalar>
std::vector<std::string> Recorder<Scalar>::advice(const State<Scalar>& state, const RunEnd& end) {
  EndedRun run = {.experiment = experiment_, .end = end, .phase = state.phase, .moment = &moment_};
  run.last_rule_is_met = rules_.is_met(std::ssize(experiment_->phases) - 1);
  try {
    if (end.ending == Ending::finished) {
      moment_.move_to(experiment_->initial, {});
      run.first_value = moment_.data_part();
    }
    moment_.move_to(state);
    return advice_for(run);
  } catch (const std::bad_alloc&) {  // the run is over, and what it found stays
    if (options_->ranks != nullptr) {
      throw;  // the others wait for this one
    }
    return {};
  } catch (const Interrupted&) {
    return {};
  }
}

/// What a summary says however the run ends.
template <class Scalar>
RunSummary Recorder<Scalar>::summary_of(const State<Scalar>& state) const {
  RunSummary summary;
  summary.end.step = state.step;
  summary.time = state.time;
  summary.gradient_evaluations = state.gradient_evaluations;
  summary.parent = parent_in(options_->notes);
  summary.wall_seconds = now();
  if (earlier_) {
    summary.sessions += earlier_->sessions;
    summary.wall_seconds += std::isfinite(earlier_->wall_seconds) ? earlier_->wall_seconds : 0;
  }
  summary.write_seconds = write_seconds_;
  summary.columns = experiment_->columns;
  summary.final_values = values_;
  return summary;
}

/// What is left of a session that ends without notice.
template <class Scalar>
RunSummary Recorder<Scalar>::running_summary(const State<Scalar>& state) const {
  RunSummary summary = summary_of(state);
  summary.end.ending = Ending::running;
  summary.message = fmt::format("running, or stopped without notice, with a checkpoint at step {}", state.step);
  return summary;
}

template <class Scalar>
void Recorder<Scalar>::start_files() {
  const Checkpoint* start = options_->start;
  if (!record_->has_experiment()) {
    if (start != nullptr) {
      record_->write_checkpoint(
          record::lend(*start, *experiment_));  // first: a run without a checkpoint begins at step 0
    }
    record_->write_experiment(experiment_text(*experiment_, *options_, record_->present_path()));
  }
  if (start != nullptr && experiment_->has_stop_rule()) {
    rules_.restore(start->matrices.at(std::string(runs::StopRules::name)));
  }
  rows_ = start == nullptr ? 0 : start->metrics_rows;
  frames_ = start == nullptr ? 0 : start->trajectory_frames;
  if (rows_ > 0) {
    LastRow last = record_->continue_metrics(rows_, observed_.columns(), last_counted_step());
    row_step_ = last.step;
    values_ = std::move(last.values);
  } else {
    record_->start_metrics(table_comments(*experiment_, *options_), observed_.columns());
  }
  start_trajectory();
}

template <class Scalar>
void Recorder<Scalar>::start_trajectory() {
  const TrajectoryInfo info = {experiment_->tracked, experiment_->parameter_names(),
                               experiment_->phases.front().step_size.value, experiment_->track_velocities};
  if (frames_ > 0) {
    frame_step_ = record_->continue_trajectory(frames_, info, last_counted_step(), stop_);
  } else if (!experiment_->tracked.empty()) {
    record_->start_trajectory(info, experiment_->data, stop_);
  }
}

/// Until where the checkpoint counts: the row of its own step comes after it, but at the end, and where the phase
/// before ended early.
template <class Scalar>
std::int64_t Recorder<Scalar>::last_counted_step() const {
  const Checkpoint& start = *options_->start;
  return start.step_in_phase > 0 && !record::is_at_end(start, *experiment_) ? start.step - 1 : start.step;
}

template <class Scalar>
void Recorder<Scalar>::record(const State<Scalar>& state, bool observe, bool track) {
  const std::span<const double> outputs = std::exchange(known_outputs_, {});
  if ((observe && state.step != row_step_) || (track && state.step != frame_step_)) {
    moment_.move_to(state, !diverged_);
    if (!outputs.empty()) {
      moment_.know_train_outputs(outputs);
    }
  }
  if (observe && state.step != row_step_) {
    append_row(state);
  }
  if (track && state.step != frame_step_ && !experiment_->tracked.empty()) {
    append_frame(state);
  }
}

template <class Scalar>
void Recorder<Scalar>::append_frame(const State<Scalar>& state) {
  Ranks* const ranks = options_->ranks;
  const std::vector<Index> cuts = tracked_cuts(*experiment_, ranks);
  const RowRange own = rows_of(cuts, ranks == nullptr ? 0 : ranks->rank());
  const std::vector<Index> tracked(experiment_->tracked.begin() + own.first, experiment_->tracked.begin() + own.last);
  TrajectoryFrame frame = {state.step, state.time, moment_.particles()(tracked, Eigen::all), {}};
  if (experiment_->track_velocities) {
    frame.velocities = velocities_of(tracked, state, *experiment_);
  }
  if (ranks != nullptr) {
    gather_rows(*ranks, cuts, frame.positions);
    if (experiment_->track_velocities) {
      gather_rows(*ranks, cuts, frame.velocities);
    }
  }
  timed([&] { record_->append_trajectory(std::move(frame)); });
  frame_step_ = state.step;
  ++frames_;
}

template <class Scalar>
void Recorder<Scalar>::append_row(const State<Scalar>& state) {
  const std::int64_t phase = std::min<std::int64_t>(state.phase, std::ssize(experiment_->phases) - 1);
  observed_.evaluate(moment_, next_values_);
  values_ = next_values_;
  timed([&] { record_->append_metrics(state.step, phase, state.time, state.gradient_evaluations, values_); });
  row_step_ = state.step;
  ++rows_;
  judge(state, phase);
}

/// Whether the row just recorded ends the phase. The row that a phase begins with shows the one before.
template <class Scalar>
void Recorder<Scalar>::judge(const State<Scalar>& state, std::int64_t phase) {
  const bool all_over = state.phase == std::ssize(experiment_->phases);
  if (diverged_ || (state.step_in_phase == 0 && !all_over)) {
    return;
  }
  const auto own = std::to_array<double>({static_cast<double>(state.step), static_cast<double>(phase), state.time,
                                          static_cast<double>(state.gradient_evaluations)});
  rules_.look(phase, own, values_);
  ends_phase_ = (options_->until && options_->until(moment_)) || rules_.is_met(phase);
}

template <class Scalar>
LentCheckpoint Recorder<Scalar>::checkpoint_of(const State<Scalar>& state) const {
  LentCheckpoint checkpoint = record::lend(state, experiment_->sizes());
  checkpoint.experiment_hash = experiment_->hash;
  checkpoint.metrics_rows = rows_;
  checkpoint.trajectory_frames = frames_;
  if (experiment_->has_stop_rule()) {
    checkpoint.matrices.emplace_back(runs::StopRules::name, LentMatrix(rules_.looks()));
  }
  return checkpoint;
}

template <class Scalar>
void Recorder<Scalar>::report(std::int64_t step, bool last) {
  if (!options_->progress || (!last && seconds_since(report_time_) < 0.1)) {
    return;
  }
  report_time_ = Clock::now();
  Progress progress;
  progress.step = step;
  progress.num_steps = experiment_->num_steps();
  progress.train_loss =
      loss_column_ < values_.size() ? values_[loss_column_] : std::numeric_limits<double>::quiet_NaN();
  progress.steps_per_second = static_cast<double>(step) / std::max(now(), 1e-9);
  progress.seconds_left = step > 0 ? static_cast<double>(progress.num_steps - step) / progress.steps_per_second : 0;
  options_->progress(progress);
}

template class Recorder<double>;
template class Recorder<float>;

}  // namespace mfld::runs
