#include "mfld/observe/observer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <type_traits>

#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/ntk/empirical.hpp"

namespace mfld {

Look::Look(const Scene& scene)
    : scene_(scene),
      train_outputs_(static_cast<std::size_t>(scene.data->num_train())),
      test_outputs_(static_cast<std::size_t>(scene.data->num_test())),
      risk_(*scene.model, *scene.risk, *scene.data),
      test_(scene.data->test_inputs) {}

template <class Scalar>
void Look::move_to(const State<Scalar>& state, bool average) {
  assert(scene_.phases != nullptr && !scene_.phases->empty() && scene_.initial != nullptr);
  const auto& phases = *scene_.phases;
  const std::int64_t index = std::min<std::int64_t>(state.phase, std::ssize(phases) - 1);
  const Phase& phase = phases[static_cast<std::size_t>(index)];
  const std::int64_t last_step = std::max<std::int64_t>(phase.num_steps - 1, 0);
  const std::int64_t step_in_phase = index < state.phase ? last_step : std::min(state.step_in_phase, last_step);
  const Particles<double>* particles = &state.average;
  if (!average || !state.is_averaged()) {
    if constexpr (std::is_same_v<Scalar, double>) {
      particles = &state.particles;
    } else {
      in_double_ = state.particles.template cast<double>();
      particles = &in_double_;
    }
  }
  move_to(*particles, {phase.penalty_at(step_in_phase), phase.anchor == Anchor::start ? scene_.initial : nullptr},
          phase.temperature_at(step_in_phase), state.step);
}

template void Look::move_to(const State<double>&, bool);
template void Look::move_to(const State<float>&, bool);

void Look::move_to(const Particles<double>& particles, const Penalty<double>& penalty, double temperature,
                   std::int64_t step) {
  particles_ = &particles;
  penalty_ = penalty;
  temperature_ = temperature;
  step_ = step;
  have_train_ = have_test_ = have_drift_ = have_kernel_ = false;
  certificate_.reset();
}

void Look::move_to_outputs(const Vector& train, const Vector& test) {
  particles_ = nullptr;
  train_outputs_.assign(train.begin(), train.end());
  test_outputs_.assign(test.begin(), test.end());
  have_train_ = have_test_ = true;
}

std::span<const double> Look::train_outputs() {
  if (!have_train_) {
    const Stopwatch watch(pass_seconds_);
    risk_.outputs(particles(), train_outputs_);
    have_train_ = true;
  }
  return train_outputs_;
}

std::span<const double> Look::test_outputs() {
  if (!have_test_ && !test_outputs_.empty()) {
    const Stopwatch watch(pass_seconds_);
    scene_.model->outputs(particles(), test_, test_outputs_, workspace_);
    have_test_ = true;
  }
  return test_outputs_;
}

double Look::objective() {
  return scene_.risk->value(train_outputs(), risk_.targets()) + penalty_value(scene_.network(), particles(), penalty_);
}

const Drift& Look::full_drift() {
  if (have_drift_) {
    return drift_;
  }
  const Stopwatch watch(pass_seconds_);
  drift_.resize(particles().rows(), particles().cols());
  risk_.drift_and_outputs(particles(), drift_, train_outputs_);
  have_train_ = true;
  add_penalty(risk_.trained(), particles(), penalty_, drift_);
  have_drift_ = true;
  return drift_;
}

const Matrix& Look::tangent_kernel() {
  if (!have_kernel_) {
    // That of a tangent network never changes.
    kernel_ = scene_.model->tangent_point() != nullptr
                  ? initial_tangent_kernel()
                  : empirical_ntk(scene_.network(), particles(), scene_.data->train_inputs, scene_.data->train_inputs);
    have_kernel_ = true;
  }
  return kernel_;
}

const Matrix& Look::initial_tangent_kernel() {
  if (initial_kernel_.size() == 0) {
    const Inputs& inputs = scene_.data->train_inputs;
    initial_kernel_ = empirical_ntk(scene_.network(), *scene_.initial, inputs, inputs);
  }
  return initial_kernel_;
}

MeanFieldProblem Look::mean_field_problem() const {
  return {&scene_.network(), scene_.risk, scene_.data, penalty_.coefficient, temperature_};
}

const Certificate& Look::certificate() {
  if (!certificate_) {
    certificate_ = mfld::certificate(mean_field_problem(), particles(), train_outputs(), {.seed = scene_.seeds.noise});
  }
  return *certificate_;
}

const LinearisedDescent& Look::linearised_descent() {
  if (!linearised_) {
    linearised_ = std::make_shared<LinearisedDescent>(*scene_.model, *scene_.risk, *scene_.data, *scene_.initial,
                                                      initial_tangent_kernel(), scene_.phases->front());
  }
  return *linearised_;
}

namespace {

/// The names of the table that exist for the scene.
std::vector<std::string_view> available_names(const Scene& scene) {
  std::vector<std::string_view> names;
  for (const Observable& row : observables()) {
    if (!row.unavailable(scene)) {
      names.push_back(row.name);
    }
  }
  return names;
}

/// The row that has `column` among its columns, if it is a row of several.
const Observable* row_of_column(const Scene& scene, std::string_view column) {
  for (const Observable& row : observables()) {
    if (!row.unavailable(scene)) {
      const auto columns = row.columns(scene);
      if (std::find(columns.begin(), columns.end(), column) != columns.end()) {
        return &row;
      }
    }
  }
  return nullptr;
}

std::string hint(const Scene& scene, std::string_view name) {
  if (const Observable* row = row_of_column(scene, name)) {
    return fmt::format(" (it is a column of \"{}\")", row->name);
  }
  std::vector<std::string_view> all;
  for (const Observable& row : observables()) {
    all.push_back(row.name);
  }
  const auto nearest = nearest_name(name, all);
  return nearest ? fmt::format(" (did you mean \"{}\"?)", *nearest) : "";
}

const Observable& find_row(const Scene& scene, std::string_view name, std::string_view key) {
  const Observable* row = find_observable(name);
  if (row == nullptr) {
    throw InvalidInput(fmt::format("{}: \"{}\" is not an observable{}; this experiment has {}", key, name,
                                   hint(scene, name), fmt::join(available_names(scene), ", ")));
  }
  if (const auto reason = row->unavailable(scene)) {
    throw InvalidInput(fmt::format("{}: \"{}\" {}; this experiment has {}", key, name, *reason,
                                   fmt::join(available_names(scene), ", ")));
  }
  return *row;
}

}  // namespace

Observer::Observer(const Scene& scene, const std::vector<std::string>& names, std::string_view key) {
  for (const std::string& name : names) {
    const Observable& row = find_row(scene, name, key);
    if (std::find(observables_.begin(), observables_.end(), &row) != observables_.end()) {
      throw InvalidInput(fmt::format("{}: \"{}\" is listed twice; a name may appear once", key, name));
    }
    const auto columns = row.columns(scene);
    observables_.push_back(&row);
    widths_.push_back(columns.size());
    columns_.insert(columns_.end(), columns.begin(), columns.end());
  }
}

std::vector<std::string> Observer::default_names(const Scene& scene) {
  std::vector<std::string> names;
  for (const Observable& row : observables()) {
    if (row.by_default && !row.unavailable(scene)) {
      names.emplace_back(row.name);
    }
  }
  return names;
}

void Observer::evaluate(Look& look, std::span<double> values) const {
  assert(values.size() == columns_.size());
  std::size_t first = 0;
  for (std::size_t i = 0; i < observables_.size(); ++i) {
    observables_[i]->evaluate(look, values.subspan(first, widths_[i]));
    first += widths_[i];
  }
}

template <class Scalar>
std::vector<double> observe_now(const Scene& scene, const std::vector<std::string>& names, const State<Scalar>& state) {
  const Observer observer(scene, names, "names");
  Look look(scene);
  look.move_to(state);
  std::vector<double> values(observer.columns().size());
  observer.evaluate(look, values);
  return values;
}

template std::vector<double> observe_now(const Scene&, const std::vector<std::string>&, const State<double>&);
template std::vector<double> observe_now(const Scene&, const std::vector<std::string>&, const State<float>&);

}  // namespace mfld
