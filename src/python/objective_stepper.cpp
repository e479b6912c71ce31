// A simulation of an objective that is written in Python.
#include <algorithm>
#include <utility>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "python/arrays.hpp"
#include "python/own_objective.hpp"
#include "python/stepper.hpp"
#include "python/values.hpp"

namespace mfld::python {

namespace {

class AttentiveListener : public Listener<double> {
 public:
  explicit AttentiveListener(Attention& attention) : attention_(&attention) {}
  void hear(const State<double>& /*state*/, Ending /*ending*/) override { attention_->look(); }

 private:
  Attention* attention_;
};

class ObjectiveStepper final : public Stepper {
 public:
  ObjectiveStepper(Course course, std::unique_ptr<OwnObjective> objective, const Particles<double>& particles,
                   int num_threads)
      : Stepper(num_threads),
        course_(std::move(course)),
        objective_(objective.get()),
        first_(particles),
        simulation_(std::move(objective), course_.phases, course_.seeds, start(particles)) {}

  const StateNumbers& numbers() const override { return simulation_.state(); }
  std::int64_t num_steps() const override {
    std::int64_t sum = 0;
    for (const Phase& phase : course_.phases) {
      sum += phase.num_steps;
    }
    return sum;
  }

  py::array particles(const py::handle& self) const override { return view_of(simulation_.state().particles, self); }

  std::vector<std::string> parameter_names() const override {
    std::vector<std::string> names;
    for (Index k = 0; k < first_.cols(); ++k) {
      names.push_back("theta_" + std::to_string(k + 1));
    }
    return names;
  }

  std::vector<std::string> formulas() const override {
    std::vector<std::string> lines = {"objective: " + objective_->describe(first_.rows())};
    for (std::size_t i = 0; i < course_.phases.size(); ++i) {
      lines.push_back("phase " + std::to_string(i) + ": " + course_.phases[i].describe());
    }
    return lines;
  }

 protected:
  Outcome advance(Attention& attention, std::int64_t step_limit) override {
    claim_objective();
    AttentiveListener listener(attention);
    return simulation_.run(listener, attention.stop(), step_limit);
  }

  Matrix drift_now() override {
    claim_objective();
    const State<double>& state = simulation_.state();
    const auto last = std::ssize(course_.phases) - 1;
    const Phase& phase = course_.phases[static_cast<std::size_t>(std::min<std::int64_t>(state.phase, last))];
    const std::int64_t last_step = std::max<std::int64_t>(phase.num_steps - 1, 0);
    const std::int64_t step = state.phase > last ? last_step : std::min(state.step_in_phase, last_step);
    Drift drift(state.particles.rows(), state.particles.cols());
    objective_->drift(state.particles, drift, {}, {});
    add_penalty(objective_->trained(), state.particles,
                {phase.penalty_at(step), phase.anchor == Anchor::start ? &first_ : nullptr}, drift);
    return drift;
  }

 private:
  /// The arrays that Python gets are views of the state, which keep this object alive.
  void claim_objective() {
    const py::gil_scoped_acquire gil;
    objective_->belong_to(py::cast(static_cast<Stepper*>(this), py::return_value_policy::reference));
  }
  static State<double> start(const Particles<double>& particles) {
    State<double> state;
    state.particles = particles;
    return state;
  }

  Course course_;
  OwnObjective* objective_;
  Particles<double> first_;
  Simulation<double> simulation_;
};

}  // namespace

std::unique_ptr<Stepper> stepper_of_objective(const py::object& course, const py::dict& settings,
                                              const py::object& objective, const py::object& particles,
                                              int num_threads) {
  if (particles.is_none()) {
    throw InvalidInput("particles: are missing, and must be an array [N, p] of the first ones");
  }
  const Source source = read_source(course, settings);
  const Particles<double> first = matrix_of(particles, "particles");
  if (first.size() == 0) {
    throw InvalidInput("particles: must have a row and a column at least");
  }
  Course read = build_course(single_run(source.plan).config, first.rows() * first.cols());
  auto own = std::make_unique<OwnObjective>(objective, first.cols());
  return std::make_unique<ObjectiveStepper>(std::move(read), std::move(own), first, num_threads);
}

}  // namespace mfld::python
