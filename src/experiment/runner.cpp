#include "mfld/experiment/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <type_traits>

#include "experiment/posix_file.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/observe/observer.hpp"

namespace mfld {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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
        scene_{&experiment.network, &experiment.risk, &experiment.data, &experiment.initial},
        observer_(scene_, experiment.observables, "observe.columns"),
        look_(scene_),
        values_(observer_.columns().size(), std::numeric_limits<double>::quiet_NaN()) {
    const auto loss = std::find(observer_.columns().begin(), observer_.columns().end(), "train_loss");
    loss_column_ = static_cast<std::size_t>(loss - observer_.columns().begin());
    timed([&] { start_files(); });
  }

  /// Whose snapshots the checkpoints hold.
  void watch(const Simulation<Scalar>& simulation) { simulation_ = &simulation; }

  void look(const State<Scalar>& state, bool last) override {
    const bool unfinished = state.phase < std::ssize(experiment_->phases);
    if (last && unfinished && *stop_) {
      return;  // an interrupted run has no last row: it can go on as if nothing had happened
    }
    if (!last && checkpoint_is_due(state.step)) {
      checkpoint(state);
    }
    // A phase that ends early begins the next at a step no trigger knows of.
    const bool landmark = last || state.step_in_phase == 0;
    record(state, landmark || experiment_->observe.fires(state.step), landmark || experiment_->track.fires(state.step));
    report(state.step, last);
  }

  void checkpoint(const State<Scalar>& state) {
    const Clock::time_point start = Clock::now();
    timed([&] { directory_->write_checkpoint(checkpoint_of(state)); });
    checkpoint_time_ = Clock::now();
    checkpoint_seconds_ = seconds_since(start);
  }

  void finish() {
    timed([&] { directory_->finish_trajectory(); });
  }

  const std::vector<double>& values() const { return values_; }
  double write_seconds() const { return write_seconds_; }
  double wall_seconds() const { return seconds_since(start_time_); }

 private:
  template <class Action>
  void timed(const Action& action) {
    const Clock::time_point start = Clock::now();
    action();
    write_seconds_ += seconds_since(start);
  }

  void start_files() {
    const Checkpoint* start = options_->start;
    if (!std::filesystem::exists(directory_->path() / "experiment.toml")) {
      if (start != nullptr) {
        directory_->write_checkpoint(*start);  // first: a run without a checkpoint begins at step 0
      }
      write_experiment();
    }
    rows_ = start == nullptr ? 0 : start->metrics_rows;
    frames_ = start == nullptr ? 0 : start->trajectory_frames;
    if (rows_ > 0) {
      LastRow last = directory_->continue_metrics(rows_, observer_.columns());
      row_step_ = last.step;
      values_ = std::move(last.values);
    } else {
      start_metrics();
    }
    if (frames_ > 0) {
      frame_step_ = directory_->continue_trajectory(frames_);
    } else if (!experiment_->tracked.empty()) {
      directory_->start_trajectory({experiment_->tracked, parameter_names(experiment_->network.layout()),
                                    experiment_->phases.front().step_size.value},
                                   experiment_->data);
    }
  }

  void write_experiment() {
    std::string text;
    for (const auto* lines : {&options_->provenance, &options_->notes}) {
      for (const std::string& line : *lines) {
        text += "# " + line + '\n';
      }
    }
    directory_->write_experiment(text + experiment_->resolved);
  }

  void start_metrics() {
    std::vector<std::string> comments = experiment_->formulas();
    comments.insert(comments.begin(), "mfld " + version());
    comments.insert(comments.end(), options_->notes.begin(), options_->notes.end());
    directory_->start_metrics(comments, observer_.columns());
  }

  void record(const State<Scalar>& state, bool observe, bool track) {
    if ((observe && state.step != row_step_) || (track && state.step != frame_step_)) {
      to_double(state.particles);
    }
    if (observe && state.step != row_step_) {
      append_row(state);
    }
    if (track && state.step != frame_step_ && !experiment_->tracked.empty()) {
      const Matrix positions = (*particles_)(experiment_->tracked, Eigen::all);
      timed([&] { directory_->append_trajectory(state.step, state.time, positions); });
      frame_step_ = state.step;
      ++frames_;
    }
  }

  void append_row(const State<Scalar>& state) {
    const std::int64_t phase = std::min<std::int64_t>(state.phase, std::ssize(experiment_->phases) - 1);
    const Phase& current = experiment_->phases[static_cast<std::size_t>(phase)];
    const std::int64_t last_step = std::max<std::int64_t>(current.num_steps - 1, 0);
    const std::int64_t step_in_phase = phase < state.phase ? last_step : std::min(state.step_in_phase, last_step);
    look_.move_to(*particles_, current.penalty_at(step_in_phase), current.temperature_at(step_in_phase));
    observer_.evaluate(look_, values_);
    timed([&] { directory_->append_metrics(state.step, phase, state.time, state.gradient_evaluations, values_); });
    row_step_ = state.step;
    ++rows_;
  }

  /// Points particles_ at the particles in double, copied only if they are not.
  void to_double(const Particles<Scalar>& particles) {
    if constexpr (std::is_same_v<Scalar, double>) {
      particles_ = &particles;
    } else {
      converted_ = particles.template cast<double>();
      particles_ = &converted_;
    }
  }

  bool checkpoint_is_due(std::int64_t step) const {
    const std::int64_t interval = experiment_->checkpoint_steps;
    const double minutes = experiment_->checkpoint_minutes;
    return (interval > 0 && step > 0 && step % interval == 0) ||
           (minutes > 0 && seconds_since(checkpoint_time_) > std::max(60 * minutes, 100 * checkpoint_seconds_));
  }

  Checkpoint checkpoint_of(const State<Scalar>& state) const {
    Checkpoint checkpoint;
    checkpoint.experiment_hash = experiment_->hash;
    checkpoint.particles = state.particles.template cast<double>();
    checkpoint.step = state.step;
    checkpoint.phase = state.phase;
    checkpoint.step_in_phase = state.step_in_phase;
    checkpoint.time = state.time;
    checkpoint.time_compensation = state.time_compensation;
    checkpoint.gradient_evaluations = state.gradient_evaluations;
    checkpoint.metrics_rows = rows_;
    checkpoint.trajectory_frames = frames_;
    const auto& snapshot = simulation_->estimator().snapshot();
    checkpoint.has_snapshot = snapshot.taken;
    if (snapshot.taken) {
      checkpoint.snapshot_particles = snapshot.particles.template cast<double>();
      checkpoint.snapshot_field = snapshot.field;
      checkpoint.snapshot_drift = snapshot.drift;
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
  const Simulation<Scalar>* simulation_ = nullptr;
  Scene scene_;
  Observer observer_;
  Look look_;
  std::vector<double> values_;
  std::size_t loss_column_ = 0;
  const Particles<double>* particles_ = nullptr;
  Particles<double> converted_;
  std::int64_t rows_ = 0;
  std::int64_t frames_ = 0;
  std::int64_t row_step_ = -1;
  std::int64_t frame_step_ = -1;
  double write_seconds_ = 0;
  double checkpoint_seconds_ = 0;  // that the last one took
  Clock::time_point start_time_ = Clock::now();
  Clock::time_point checkpoint_time_ = start_time_;
  Clock::time_point report_time_ = start_time_;
};

std::string_view ending_name(Ending ending) {
  switch (ending) {
    case Ending::finished:
      return "finished";
    case Ending::diverged:
      return "diverged";
    case Ending::interrupted:
      return "interrupted";
  }
  return {};
}

std::string message_of(const Outcome& outcome) {
  switch (outcome.ending) {
    case Ending::finished:
      return fmt::format("finished after {} steps", outcome.step);
    case Ending::diverged:
      return fmt::format("diverged at step {}: particle {} is not finite", outcome.step, outcome.first_bad_particle);
    case Ending::interrupted:
      return fmt::format("interrupted at step {}, with a checkpoint", outcome.step);
  }
  return {};
}

template <class Scalar>
void continue_from(const Checkpoint& checkpoint, State<Scalar>& state,
                   typename GradientEstimator<Scalar>::Snapshot& snapshot) {
  state.particles = checkpoint.particles.template cast<Scalar>();
  state.step = checkpoint.step;
  state.phase = checkpoint.phase;
  state.step_in_phase = checkpoint.step_in_phase;
  state.time = checkpoint.time;
  state.time_compensation = checkpoint.time_compensation;
  state.gradient_evaluations = checkpoint.gradient_evaluations;
  snapshot.taken = checkpoint.has_snapshot;
  if (snapshot.taken) {
    snapshot.particles = checkpoint.snapshot_particles.template cast<Scalar>();
    snapshot.field = checkpoint.snapshot_field;
    snapshot.drift = checkpoint.snapshot_drift;
  }
}

template <class Scalar>
RunSummary run_in(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                  const RunOptions& options) {
  Recorder<Scalar> recorder(experiment, directory, stop, options);
  State<Scalar> start;
  typename GradientEstimator<Scalar>::Snapshot snapshot;
  if (options.start != nullptr) {
    continue_from(*options.start, start, snapshot);
  } else {
    start.particles = experiment.initial.cast<Scalar>();
  }
  Simulation<Scalar> simulation(experiment.network, experiment.risk, experiment.data, experiment.phases,
                                experiment.seeds, std::move(start), std::move(snapshot));
  recorder.watch(simulation);
  const double write_seconds_before = recorder.write_seconds();
  const Outcome outcome = simulation.run(recorder, stop);
  const double observe_seconds = outcome.observe_seconds - (recorder.write_seconds() - write_seconds_before);
  if (outcome.ending != Ending::diverged) {
    recorder.checkpoint(simulation.state());
  }
  recorder.finish();
  RunSummary summary;
  summary.ending = ending_name(outcome.ending);
  summary.message = message_of(outcome);
  summary.step = outcome.step;
  summary.time = simulation.state().time;
  summary.gradient_evaluations = simulation.state().gradient_evaluations;
  summary.first_bad_particle = outcome.first_bad_particle;
  summary.wall_seconds = recorder.wall_seconds();
  summary.estimate_seconds = outcome.estimate_seconds;
  summary.step_seconds = outcome.step_seconds;
  summary.observe_seconds = observe_seconds;
  summary.write_seconds = recorder.write_seconds();
  summary.columns = experiment.columns;
  summary.final_values = recorder.values();
  directory.write_summary(summary);
  return summary;
}

}  // namespace

RunSummary run_experiment(const Experiment& experiment, RunDirectory& directory, const std::atomic<bool>& stop,
                          const RunOptions& options) {
  return experiment.precision == Precision::single_precision ? run_in<float>(experiment, directory, stop, options)
                                                             : run_in<double>(experiment, directory, stop, options);
}

}  // namespace mfld
