#include "mfld/observe/moment.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <type_traits>
#include <utility>

#include "mfld/core/divided_rows.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/ntk/empirical.hpp"

namespace mfld {

Moment::Moment(const Scene& scene) : scene_(scene), sums_(scene.ranks) {
  if (scene.objective != nullptr) {
    points_ = scene.objective->make<double>(*scene.data, scene.ranks);
    return;
  }
  train_outputs_.resize(static_cast<std::size_t>(scene.data->num_train()));
  test_outputs_.resize(static_cast<std::size_t>(scene.data->num_test()));
}

template <class Scalar>
void Moment::move_to(const State<Scalar>& state, bool average) {
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
      copy_rows(sums_.own(state.particles.rows()), state.particles, in_double_);
      particles = &in_double_;
    }
  }
  move_to(*particles,
          {phase.penalty_at(step_in_phase), phase.anchor == Anchor::start ? scene_.initial : nullptr,
           phase.fourth_penalty_at(step_in_phase)},
          phase.temperature_at(step_in_phase), state.step);
  if constexpr (std::is_same_v<Scalar, float>) {
    in_single_ = particles == &in_double_ ? &state.particles : nullptr;
    has_own_rows_alone_ = in_single_ != nullptr && scene_.ranks != nullptr;
  }
  ridge_ = phase.ridge;
  moved_ = phase.moved_of(moved_);
  look_ahead(state, phase, step_in_phase);
}

template <class Scalar>
void Moment::look_ahead(const State<Scalar>& state, const Phase& phase, std::int64_t step_in_phase) {
  next_ = {&phase, state.step, step_in_phase, scene_.seeds.batches};
  if (const auto* ascent = std::get_if<DualAscent<Scalar>>(&state.estimator);
      ascent != nullptr && phase.method->estimator == Estimator::dual_ascent) {
    dual_variables_ = ascent->variables().size() > 0 ? Vector(ascent->variables().col(0))
                                                     : Vector(Vector::Zero(scene_.data->num_train()));
  }
  if (const auto* svrg = std::get_if<Svrg<Scalar>>(&state.estimator); svrg != nullptr && svrg->snapshot().size() > 0) {
    next_.coefficients = svrg->snapshot_coefficients();
    if constexpr (std::is_same_v<Scalar, double>) {
      next_.snapshot = &svrg->snapshot();
    } else {
      copy_rows(sums_.own(svrg->snapshot().rows()), svrg->snapshot(), snapshot_in_double_);
      next_.snapshot = &snapshot_in_double_;
    }
  }
}

template void Moment::move_to(const State<double>&, bool);
template void Moment::move_to(const State<float>&, bool);

void Moment::move_to(const Particles<double>& particles, const Penalty<double>& penalty, double temperature,
                     std::int64_t step) {
  particles_ = &particles;
  in_single_ = nullptr;
  has_own_rows_alone_ = false;
  penalty_ = penalty;
  temperature_ = temperature;
  step_ = step;
  have_train_ = have_test_ = have_drift_ = have_whole_drift_ = have_kernel_ = have_features_ = have_gap_ = false;
  ridge_ = 0;
  moved_ = scene_.network().trained();
  data_part_.reset();
  certificate_.reset();
  movement_.reset();
  teacher_match_.reset();
  subspace_match_.reset();
  next_ = {};
  gradient_noise_.reset();
  dual_variables_.reset();
}

void Moment::move_to_outputs(const Vector& train, const Vector& test) {
  particles_ = nullptr;
  train_outputs_.assign(train.begin(), train.end());
  test_outputs_.assign(test.begin(), test.end());
  have_train_ = have_test_ = true;
}

void Moment::know_train_outputs(std::span<const double> outputs) {
  assert(particles_ != nullptr && outputs.size() == train_outputs_.size());
  std::copy(outputs.begin(), outputs.end(), train_outputs_.begin());
  have_train_ = true;
}

template <class Body>
void Moment::pass(const Body& body) {
  const Stopwatch watch(pass_seconds_);
  if (in_single_ != nullptr) {
    body(made(in_single_passes_), *in_single_);
  } else {
    body(made(in_double_passes_), particles());
  }
}

std::span<const double> Moment::train_outputs() {
  if (!have_train_) {
    pass([this](auto& passes, const auto& particles) { passes.risk.outputs(particles, train_outputs_); });
    have_train_ = true;
  }
  return train_outputs_;
}

std::span<const double> Moment::test_outputs() {
  if (!have_test_ && !test_outputs_.empty()) {
    pass([this](auto& passes, const auto& particles) {
      scene_.model->outputs(particles, passes.test, test_outputs_, passes.workspace);
    });
    have_test_ = true;
  }
  return test_outputs_;
}

double Moment::data_part() {
  if (!data_part_ && points_) {
    const Stopwatch watch(pass_seconds_);
    data_part_ = points_->value(whole_particles());  // pairs of all
  } else if (!data_part_) {
    const std::span<const double> outputs = train_outputs();
    data_part_ = scene_.risk->value(outputs, {scene_.data->train_targets.data(), outputs.size()});
  }
  return *data_part_;
}

const Particles<double>& Moment::whole_particles() {
  if (std::exchange(has_own_rows_alone_, false)) {
    copy_rows({0, in_single_->rows()}, *in_single_, in_double_);
  }
  return particles();
}

double Moment::objective() {
  const Network& network = scene_.network();
  const double value = data_part() + penalty_value(network, moved_, particles(), penalty_, sums_);
  if (ridge_ == 0) {
    return value;
  }
  const auto readout = particles().col(network.layout().output);
  const double sum = sums_.sum(readout.size(), 1, [&](RowRange strip) { return squared_norms(readout, strip).sum(); });
  return value + ridge_ / 2 * network.scaling().penalty_factor(readout.size()) * sum;
}

const Drift& Moment::full_drift() {
  if (have_drift_) {
    return drift_;
  }
  const Stopwatch watch(pass_seconds_);
  if (drift_.rows() != particles().rows() || drift_.cols() != particles().cols()) {
    make_room(particles().rows(), particles().cols(), drift_);
  }
  const auto complete = [this](Index first, Index last) {
    add_penalty(moved_, particles(), penalty_, RowRange{first, last}, drift_);
    set_unmoved_to_zero(moved_, {first, last}, drift_);
  };
  if (points_) {
    points_->drift(whole_particles(), drift_);
    complete(0, drift_.rows());
  } else if (in_single_ != nullptr) {
    risk().drift(particles(), drift_, {}, std::cref(complete));
  } else {
    risk().drift_and_outputs(particles(), drift_, train_outputs_, std::cref(complete));
    have_train_ = true;
  }
  have_drift_ = true;
  return drift_;
}

const Drift& Moment::whole_drift() {
  full_drift();
  if (!have_whole_drift_ && !points_) {
    sums_.share(drift_);
  }
  have_whole_drift_ = true;
  return drift_;
}

const Movement& Moment::movement() {
  if (!movement_) {
    const ParameterLayout& layout = scene_.network().layout();
    movement_ = mfld::movement(input_weights(particles(), layout), input_weights(*scene_.initial, layout), sums_);
  }
  return *movement_;
}

const SubspaceMatch& Moment::subspace_match() {
  if (!subspace_match_) {
    subspace_match_ = mfld::subspace_match(input_weights(particles(), scene_.network().layout()),
                                           scene_.data->relevant_subspace, sums_);
  }
  return *subspace_match_;
}

const TeacherMatch& Moment::teacher_match() {
  if (!teacher_match_) {
    const Network& network = scene_.network();
    const ParameterLayout& layout = network.layout();
    // The factor in front of sigma, as far as it is a parameter: r where h is odd in it, else 1.
    const bool has_factor = layout.output >= 0 && info(network.neuron().kind).odd_in_output;
    teacher_match_ = mfld::teacher_match(
        input_weights(particles(), layout), has_factor ? particles().col(layout.output).data() : nullptr,
        scene_.data->teacher->directions, cosine_sign(network.neuron().activation), sums_);
  }
  return *teacher_match_;
}

const std::optional<GradientNoise>& Moment::gradient_noise() {
  const bool is_other = next_.is_random() && !has_gradient_noise(*next_.phase);
  const bool lacks_snapshot =
      next_.is_random() && next_.phase->method->estimator == Estimator::svrg && next_.snapshot == nullptr;
  if (!gradient_noise_ && next_.phase != nullptr && !lacks_snapshot && !is_other) {
    const Stopwatch watch(pass_seconds_);
    gradient_noise_ = mfld::gradient_noise(risk(), particles(), next_, sums_);
  }
  return gradient_noise_;
}

const Matrix& Moment::tangent_kernel() {
  if (!have_kernel_) {
    const Particles<double>* const fixed = scene_.model->tangent_point();
    const Inputs& inputs = scene_.data->train_inputs;
    kernel_ =
        fixed != nullptr && scene_.initial != nullptr
            ? initial_tangent_kernel()
            : empirical_ntk(scene_.network(), fixed != nullptr ? *fixed : whole_particles(), inputs, inputs, watch());
    have_kernel_ = true;
  }
  return kernel_;
}

const Matrix& Moment::initial_tangent_kernel() {
  if (initial_kernel_.size() == 0) {
    const Inputs& inputs = scene_.data->train_inputs;
    const Particles<double>* const fixed = scene_.model->tangent_point();
    initial_kernel_ =
        empirical_ntk(scene_.network(), fixed != nullptr ? *fixed : *scene_.initial, inputs, inputs, watch());
  }
  return initial_kernel_;
}

const Matrix& Moment::first_layer_kernel() {
  if (!have_features_) {
    features_ = feature_kernel(scene_.network(), whole_particles(), scene_.data->train_inputs);
    have_features_ = true;
  }
  return features_;
}

MeanFieldProblem Moment::mean_field_problem() const {
  return {&scene_.network(), scene_.risk, scene_.data, penalty_.coefficient, temperature_, scene_.stop};
}

const Certificate& Moment::certificate_of_outputs() {
  if (!certificate_) {
    certificate_ = mfld::certificate_of_outputs(mean_field_problem(), train_outputs(), scene_.integration());
  }
  return *certificate_;
}

const Certificate& Moment::certificate() {
  certificate_of_outputs();
  if (!have_gap_) {
    add_gap(mean_field_problem(), whole_particles(), train_outputs(), *certificate_);
    have_gap_ = true;
  }
  return *certificate_;
}

const LinearisedDescent& Moment::linearised_descent() {
  if (!linearised_) {
    linearised_ = std::make_shared<LinearisedDescent>(*scene_.model, *scene_.risk, *scene_.data, *scene_.initial,
                                                      initial_tangent_kernel(), scene_.phases->front());
  }
  return *linearised_;
}

}  // namespace mfld
