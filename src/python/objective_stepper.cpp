// A simulation of an objective that is written in Python.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/comments.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/runs/resume.hpp"
#include "python/arrays.hpp"
#include "python/own_objective.hpp"
#include "python/stepper.hpp"
#include "python/values.hpp"
#include "record/state_of.hpp"

namespace mfld::python {

namespace {

/// Of the first particles, in a checkpoint.
constexpr std::string_view first_name = "first_particles";

class AttentiveListener : public Listener<double> {
 public:
  explicit AttentiveListener(Attention& attention) : attention_(&attention) {}
  void hear(const State<double>& /*state*/, Ending /*ending*/) override { attention_->look(); }

 private:
  Attention* attention_;
};

/// What a simulation of an objective is made of beside the objective.
struct Beginning {
  Value config;
  std::shared_ptr<GivenArrays> arrays;
  Course course;
  Particles<double> first;
  State<double> state;
  std::vector<std::string> history = {};
};

class ObjectiveStepper final : public Stepper {
 public:
  ObjectiveStepper(Beginning beginning, std::unique_ptr<OwnObjective> objective, int num_threads)
      : Stepper(num_threads),
        config_(std::move(beginning.config)),
        arrays_(std::move(beginning.arrays)),
        course_(std::move(beginning.course)),
        objective_(objective.get()),
        first_(std::move(beginning.first)),
        simulation_(std::move(objective), course_.phases, course_.seeds, std::move(beginning.state), &first_) {
    remember(std::move(beginning.history));
  }

  const StateNumbers& numbers() const override { return simulation_.state(); }
  std::int64_t num_steps() const override {
    const auto steps = phase_steps();
    return std::accumulate(steps.begin(), steps.end(), std::int64_t{0});
  }
  std::vector<std::int64_t> phase_steps() const override {
    std::vector<std::int64_t> steps;
    for (const Phase& phase : course_.phases) {
      steps.push_back(phase.num_steps);
    }
    return steps;
  }
  const GivenArrays& arrays() const override { return *arrays_; }

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

  void put(const Inputs& particles) override {
    if (particles.rows() != first_.rows() || particles.cols() != first_.cols()) {
      throw InvalidInput(
          fmt::format("particles: has the shape ({}, {}), and must have ({}, {}), that of those there are",
                      particles.rows(), particles.cols(), first_.rows(), first_.cols()));
    }
    simulation_.set_particles(particles);
  }

  void change(const std::vector<std::pair<std::string, Value>>& settings, GivenArrays& arrays) override {
    for (const auto& [text, array] : arrays.all()) {
      arrays_->add(array);
    }
    Value config = config_;
    for (const auto& [path, value] : settings) {
      assign(config, path, value);
    }
    course_ = build_course(config, first_.size(), arrays_.get());
    config_ = std::move(config);
    simulation_.set_phases(course_.phases, &first_);
  }

  /// A checkpoint with the first particles, and what it is of; the objective has to be given again.
  void save_in(RunDirectory& directory, const std::string& command) override {
    std::vector<std::string> comments = provenance(command);
    comments.push_back("of an objective in Python, without which nothing goes on");
    comments.insert(comments.end(), history().begin(), history().end());
    directory.start_metrics(comments, {});
    LentCheckpoint checkpoint = record::lend(simulation_.state(), sizes());
    checkpoint.matrices.emplace_back(first_name, LentMatrix(first_));
    directory.write_checkpoint(checkpoint);
    std::string text;
    for (const std::string& comment : comments) {
      text += comment_line(comment);
    }
    directory.write_experiment(text + to_toml(config_));
  }

 private:
  RunSizes sizes() const { return {first_.rows(), first_.cols(), 1}; }

  /// The arrays that Python gets are views of the state, which keep this object alive.
  void claim_objective() {
    const py::gil_scoped_acquire gil;
    objective_->belong_to(py::cast(static_cast<Stepper*>(this), py::return_value_policy::reference));
  }

  Value config_;
  std::shared_ptr<GivenArrays> arrays_;
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
  Beginning beginning{single_run(source.plan).config, source.arrays, {}, first, {}};
  beginning.course = build_course(beginning.config, first.size(), source.arrays.get());
  beginning.state.particles = first;
  auto own = std::make_unique<OwnObjective>(objective, first.cols());
  return std::make_unique<ObjectiveStepper>(std::move(beginning), std::move(own), num_threads);
}

std::unique_ptr<Stepper> stepper_of_objective_resumed(const std::string& folder, const py::object& objective,
                                                      const py::list& arrays, int num_threads) {
  const FilePlace place(user_path(folder));
  const Plan plan = read_stored_plan(place);
  const Checkpoint checkpoint = load_checkpoint(place / "checkpoint.h5");
  const auto refuse_unless = [&place](bool condition) {
    if (!condition) {
      throw FileError(
          fmt::format("cannot resume {}: its checkpoint is not of an objective of one's own", place.path.string()));
    }
  };
  const auto first = checkpoint.matrices.find(first_name);
  refuse_unless(first != checkpoint.matrices.end());
  Beginning beginning{single_run(plan).config, std::make_shared<GivenArrays>(), {}, first->second, {}};
  for (const py::handle& array : arrays) {
    beginning.arrays->add(matrix_of(array, "arrays"));
  }
  beginning.course = build_course(beginning.config, first->second.size(), beginning.arrays.get());
  State<double>& state = beginning.state;
  if (checkpoint.phase < std::ssize(beginning.course.phases)) {
    state.begin(beginning.course.phases[static_cast<std::size_t>(checkpoint.phase)]);
  }
  static_cast<StateNumbers&>(state) = checkpoint;
  const RunSizes sizes{first->second.rows(), first->second.cols(), 1};
  State<double>::for_each_matrix(
      state, sizes, [&](std::string_view name, Particles<double>& matrix, const MatrixShape& shape) {
        const auto found = checkpoint.matrices.find(name);
        refuse_unless(found != checkpoint.matrices.end() && found->second.rows() == shape.rows &&
                      found->second.cols() == shape.cols);
        matrix = found->second;
      });
  for (const std::string& comment : plan.comments) {
    if (comment.starts_with(changed_at)) {
      beginning.history.push_back(comment);
    }
  }
  auto own = std::make_unique<OwnObjective>(objective, first->second.cols());
  return std::make_unique<ObjectiveStepper>(std::move(beginning), std::move(own), num_threads);
}

}  // namespace mfld::python
