// A simulation of an experiment.
#include <cmath>
#include <optional>
#include <string>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/runs/resume.hpp"
#include "python/arrays.hpp"
#include "python/recorded.hpp"
#include "python/session.hpp"
#include "python/stepper.hpp"
#include "record/state_of.hpp"
#include "record/summary_json.hpp"
#include "runs/recorder.hpp"
#include "runs/run_text.hpp"

namespace mfld::python {

namespace {

/// The recorder, who writes into memory, with an ear for signals.
template <class Scalar>
class AttentiveRecorder : public Listener<Scalar> {
 public:
  AttentiveRecorder(runs::Recorder<Scalar>& recorder, Attention& attention)
      : recorder_(&recorder), attention_(&attention) {}

  bool reads_outputs(const StateNumbers& state) const override { return recorder_->reads_outputs(state); }
  void take_outputs(std::span<const double> outputs) override { recorder_->take_outputs(outputs); }
  bool looks(const StateNumbers& state, Ending ending) override { return recorder_->looks(state, ending); }
  void hear(const State<Scalar>& state, Ending ending) override {
    recorder_->hear(state, ending);
    attention_->look();
  }
  bool ends_phase() const override { return recorder_->ends_phase(); }

 private:
  runs::Recorder<Scalar>* recorder_;
  Attention* attention_;
};

/// Where a simulation begins, unless at step 0, and what was recorded before.
struct Past {
  std::optional<Checkpoint> checkpoint;
  MemoryRecord record;
  std::vector<std::string> notes;
};

/// What new particles must be like, beside their shape.
void check_particles(const Experiment& experiment, const StepKind* step, double radius, const Inputs& particles) {
  const Network& network = experiment.network();
  const NeuronInfo& row = info(network.neuron().kind);
  const Index output = network.layout().output;
  if (!experiment.objective && row.has_output && !row.output_trainable &&
      !(particles.col(output).array().abs() == 1).all()) {
    throw InvalidInput(
        fmt::format("particles: must have -1 or +1 in column {}, the r of the neuron {}", output, row.name));
  }
  if (step != nullptr && *step == StepKind::ball) {
    Index farthest = 0;
    const double distance = std::sqrt(particles.rowwise().squaredNorm().maxCoeff(&farthest));
    if (!(distance < radius)) {
      throw InvalidInput(
          fmt::format("particles: must be inside the ball of radius {}, and row {} (from 0) is {:.6g} from 0", radius,
                      farthest, distance));
    }
  }
}

template <class Scalar>
class ExperimentStepper final : public Stepper {
 public:
  ExperimentStepper(Session session, Past past, int num_threads)
      : Stepper(num_threads),
        session_(std::move(session)),
        start_(std::move(past.checkpoint)),
        options_(options_of(session_, start_)),
        record_(std::move(past.record)),
        recorder_(experiment(), record_, never_, options_),
        simulation_(runs::simulation_of<Scalar>(experiment(), first_state())) {
    remember(std::move(past.notes));
  }

  const StateNumbers& numbers() const override { return simulation_.state(); }
  std::int64_t num_steps() const override { return experiment().num_steps(); }
  std::vector<std::int64_t> phase_steps() const override {
    std::vector<std::int64_t> steps;
    for (const Phase& phase : experiment().phases) {
      steps.push_back(phase.num_steps);
    }
    return steps;
  }
  py::array particles(const py::handle& self) const override { return view_of(simulation_.state().particles, self); }
  std::vector<std::string> parameter_names() const override { return experiment().parameter_names(); }
  std::vector<std::string> formulas() const override { return experiment().formulas(); }
  const MemoryRecord* record() const override { return &record_; }
  const GivenArrays& arrays() const override { return *session_.arrays; }

  py::dict result() override {
    py::dict result;
    result["config"] = experiment().resolved;
    result["summary"] = to_json(summary());
    result["metrics"] = rows_of(record_);
    result["trajectory"] = trajectory_of(record_);
    predict();
    result["predictions"] = predictions_of(record_);
    result["data"] = data_of(experiment().data);
    return result;
  }

 protected:
  Outcome advance(Attention& attention, std::int64_t step_limit) override {
    AttentiveRecorder<Scalar> listener(recorder_, attention);
    outcome_ = simulation_.run(listener, attention.stop(), step_limit);
    return outcome_;
  }

  Matrix drift_now() override {
    moment().move_to(simulation_.state(), false);
    return moment().whole_drift();
  }

  Vector outputs_now(const Inputs& inputs) override {
    moment().move_to(simulation_.state());
    return outputs_at(*experiment().model, moment().whole_particles(), inputs);
  }

  Matrix tangent_kernel_now(const Inputs& x, const Inputs* z) override {
    if (experiment().objective) {
      throw InvalidInput("tangent_kernel: the particles are points, which have no tangent kernel");
    }
    moment().move_to(simulation_.state());
    const bool is_linearised = dynamic_cast<const Network*>(experiment().model.get()) == nullptr;
    const Particles<double>& at = is_linearised ? experiment().initial : moment().whole_particles();
    return empirical_ntk(experiment().network(), at, x, z == nullptr ? x : *z);
  }

  std::vector<std::pair<std::string, double>> observe_now(const std::vector<std::string>& names) override {
    const ObservedColumns observed(experiment().scene(), names.empty() ? experiment().observables : names, "observe");
    std::vector<double> values(observed.columns().size());
    moment().move_to(simulation_.state());
    observed.evaluate(moment(), values);
    std::vector<std::pair<std::string, double>> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
      result.emplace_back(observed.columns()[i], values[i]);
    }
    return result;
  }

  Index input_dim() const override { return experiment().data.input_dim(); }

  void put(const Inputs& particles) override {
    const Particles<Scalar>& now = simulation_.state().particles;
    if (particles.rows() != now.rows() || particles.cols() != now.cols()) {
      throw InvalidInput(
          fmt::format("particles: has the shape ({}, {}), and must have ({}, {}), that of those there are",
                      particles.rows(), particles.cols(), now.rows(), now.cols()));
    }
    const auto phase = static_cast<std::size_t>(simulation_.state().phase);
    const Phase* next = phase < experiment().phases.size() ? &experiment().phases[phase] : nullptr;
    check_particles(experiment(), next == nullptr ? nullptr : &next->step_rule, next == nullptr ? 0 : next->radius,
                    particles);
    simulation_.set_particles(particles.template cast<Scalar>());
  }

  void change(const std::vector<std::pair<std::string, Value>>& settings, GivenArrays& arrays) override {
    for (const auto& [text, array] : arrays.all()) {
      session_.arrays->add(array);
    }
    Value config = parse_toml(experiment().resolved, "experiment");
    for (const auto& [path, value] : settings) {
      assign(config, path, value);
    }
    Experiment fresh = build_experiment(config, session_.surroundings());
    Experiment& present = *session_.experiment;
    present.phases = std::move(fresh.phases);
    present.observe = std::move(fresh.observe);
    present.track = std::move(fresh.track);
    present.resolved = std::move(fresh.resolved);
    present.hash = fresh.hash;
    simulation_.set_phases(present.phases, &present.initial);
    moment_.reset();
  }

  void save_in(RunDirectory& directory, const std::string& command) override {
    RunOptions options = options_;
    options.provenance = provenance(command);
    options.notes.insert(options.notes.end(), history().begin(), history().end());
    directory.start_metrics(table_comments(experiment(), options), record_.columns());
    const MemoryRecord::Rows& rows = record_.rows();
    const std::size_t num_columns = record_.columns().size();
    for (std::size_t i = 0; i < rows.step.size(); ++i) {
      directory.append_metrics(rows.step[i], rows.phase[i], rows.time[i], rows.gradient_evaluations[i],
                               std::span(rows.values).subspan(i * num_columns, num_columns));
    }
    if (!experiment().tracked.empty()) {
      directory.start_trajectory(record_.trajectory(), experiment().data);
      for (const TrajectoryFrame& frame : record_.frames()) {
        directory.append_trajectory(frame);
      }
      directory.finish_trajectory();
    }
    predict();
    if (record_.has_predictions()) {
      directory.write_predictions(table_comments(experiment(), options), experiment().data, record_.outputs());
    }
    directory.write_checkpoint(recorder_.checkpoint_of(simulation_.state()));
    directory.write_experiment(experiment_text(experiment(), options, directory.present_path()));
    directory.write_summary(summary());
  }

 private:
  const Experiment& experiment() const { return *session_.experiment; }

  static RunOptions options_of(const Session& session, const std::optional<Checkpoint>& start) {
    RunOptions options;
    options.start = start ? &*start : nullptr;
    session.own->add_to(options);
    return options;
  }

  State<Scalar> first_state() const {
    if (start_) {
      return record::state_of<Scalar>(*start_, experiment());
    }
    State<Scalar> state;
    state.particles = experiment().initial.template cast<Scalar>();
    return state;
  }

  /// What a run ends with, where it is over.
  void predict() {
    if (experiment().predictions && numbers().phase == std::ssize(experiment().phases)) {
      recorder_.predict(simulation_.state());
    }
  }

  RunSummary summary() const {
    RunSummary summary = recorder_.summary_of(simulation_.state());
    const bool is_over = numbers().phase == std::ssize(experiment().phases);
    Outcome outcome = outcome_;
    outcome.end.step = numbers().step;
    if (outcome.end.ending != Ending::diverged) {
      outcome.end.ending = is_over ? Ending::finished : Ending::interrupted;
    }
    summary.end = outcome.end;
    summary.parent = parent_in(history());
    summary.message = message_of(outcome) + recorder_.rules_in_words(simulation_.state());
    return summary;
  }

  /// Of what is asked between the steps; made when it first is.
  Moment& moment() {
    if (!moment_) {
      moment_.emplace(experiment().scene());
    }
    return *moment_;
  }

  Session session_;
  std::atomic<bool> never_ = false;
  std::optional<Checkpoint> start_;
  RunOptions options_;
  MemoryRecord record_;
  runs::Recorder<Scalar> recorder_;
  Simulation<Scalar> simulation_;
  Outcome outcome_;
  std::optional<Moment> moment_;
};

std::unique_ptr<Stepper> make_stepper(Session session, Past past, int num_threads) {
  if (session.experiment->kernel) {
    throw InvalidInput("phase.0.method = \"kernel-regression\": takes no steps; mfld.run solves it");
  }
  session.experiment->checkpoint_steps = 0;
  session.experiment->checkpoint_minutes = 0;
  if (session.experiment->precision == Precision::single_precision) {
    return std::make_unique<ExperimentStepper<float>>(std::move(session), std::move(past), num_threads);
  }
  return std::make_unique<ExperimentStepper<double>>(std::move(session), std::move(past), num_threads);
}

}  // namespace

std::unique_ptr<Stepper> stepper_of(const py::object& experiment, const py::dict& settings, const py::dict& own,
                                    const std::string& only, int num_threads) {
  return make_stepper(session_of(read_source(experiment, settings, only), own, num_threads), Past(), num_threads);
}

std::unique_ptr<Stepper> stepper_resumed(const std::string& folder, const py::dict& own, const py::list& arrays,
                                         const py::dict& rows, const py::object& trajectory, int num_threads) {
  Session session;
  session.own = std::make_shared<OwnParts>(own);
  session.arrays = std::make_shared<GivenArrays>();
  for (const py::handle& array : arrays) {
    session.arrays->add(matrix_of(array, "arrays"));
  }
  Past past;
  past.record.remember(rows_from(rows), frames_from(trajectory));
  Attention attention;
  Surroundings surroundings = session.surroundings();
  surroundings.stop = &attention.stop();
  compute_attentively(attention, [&] {
    StoppedRun stopped = read_stopped_run(user_path(folder), Kept::last, surroundings);
    session.experiment = std::make_unique<Experiment>(std::move(stopped.experiment));
    past.checkpoint = std::move(stopped.checkpoint);
    past.notes = std::move(stopped.notes);
  });
  if (!past.checkpoint) {
    past.record = MemoryRecord();
  }
  return make_stepper(std::move(session), std::move(past), num_threads);
}

}  // namespace mfld::python
