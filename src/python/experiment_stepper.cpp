// A simulation of an experiment.
#include <optional>
#include <string>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "python/arrays.hpp"
#include "python/own_loss.hpp"
#include "python/session.hpp"
#include "python/stepper.hpp"
#include "runs/recorder.hpp"

namespace mfld::python {

namespace {

/// The recorder, who writes into memory, with an ear for signals.
template <class Scalar>
class AttentiveRecorder : public Listener<Scalar> {
 public:
  AttentiveRecorder(runs::Recorder<Scalar>& recorder, Attention& attention)
      : recorder_(&recorder), attention_(&attention) {}

  void hear(const State<Scalar>& state, Ending ending) override {
    recorder_->hear(state, ending);
    attention_->look();
  }
  bool ends_phase() const override { return recorder_->ends_phase(); }

 private:
  runs::Recorder<Scalar>* recorder_;
  Attention* attention_;
};

template <class Scalar>
class ExperimentStepper final : public Stepper {
 public:
  ExperimentStepper(Session session, int num_threads)
      : Stepper(num_threads),
        session_(std::move(session)),
        recorder_(experiment(), record_, never_, no_options_),
        simulation_(runs::simulation_of<Scalar>(experiment(), start(experiment()))) {}

  const StateNumbers& numbers() const override { return simulation_.state(); }
  std::int64_t num_steps() const override { return experiment().num_steps(); }
  py::array particles(const py::handle& self) const override { return view_of(simulation_.state().particles, self); }
  std::vector<std::string> parameter_names() const override { return experiment().parameter_names(); }
  std::vector<std::string> formulas() const override { return experiment().formulas(); }
  const MemoryRecord* record() const override { return &record_; }

 protected:
  Outcome advance(Attention& attention, std::int64_t step_limit) override {
    AttentiveRecorder<Scalar> listener(recorder_, attention);
    return simulation_.run(listener, attention.stop(), step_limit);
  }

  Matrix drift_now() override {
    moment().move_to(simulation_.state(), false);
    return moment().full_drift();
  }

  Vector outputs_now(const Inputs& inputs) override {
    moment().move_to(simulation_.state());
    return outputs_at(*experiment().model, moment().particles(), inputs);
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

 private:
  const Experiment& experiment() const { return *session_.experiment; }
  static State<Scalar> start(const Experiment& experiment) {
    State<Scalar> state;
    state.particles = experiment.initial.template cast<Scalar>();
    return state;
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
  RunOptions no_options_;
  MemoryRecord record_;
  runs::Recorder<Scalar> recorder_;
  Simulation<Scalar> simulation_;
  std::optional<Moment> moment_;
};

}  // namespace

std::unique_ptr<Stepper> stepper_of(const py::object& experiment, const py::dict& settings, const py::object& loss,
                                    const std::string& only, int num_threads) {
  Session session = session_of(read_source(experiment, settings, only), loss, num_threads);
  if (session.experiment->kernel) {
    throw InvalidInput("phase.0.method = \"kernel-regression\": takes no steps; mfld.run solves it");
  }
  session.experiment->checkpoint_steps = 0;
  session.experiment->checkpoint_minutes = 0;
  if (session.experiment->precision == Precision::single_precision) {
    return std::make_unique<ExperimentStepper<float>>(std::move(session), num_threads);
  }
  return std::make_unique<ExperimentStepper<double>>(std::move(session), num_threads);
}

}  // namespace mfld::python
