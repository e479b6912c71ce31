#include "mfld/observe/linearisation.hpp"

#include <cassert>
#include <limits>

#include "mfld/ntk/empirical.hpp"

namespace mfld {

namespace {

bool is_plain_descent(const Phase& phase) {
  const auto constant = [](const Schedule& schedule) {
    return schedule.kind == ScheduleKind::constant && schedule.off_fraction == 0;
  };
  return phase.method != nullptr && phase.method->estimator == Estimator::full &&
         phase.method->temperature == TemperatureKey::none && phase.step_rule == StepKind::euler_maruyama &&
         constant(phase.step_size) && phase.lambda1.value == 0 && phase.lambda1_fourth.value == 0 && !phase.averaging &&
         phase.takes_all_samples() && phase.label_noise == 0 && phase.moved.empty() && !phase.solves_readout();
}

/// step_size with which descent on 1/(2n) sum (u - y)^2 is the descent of `phase`.
double effective_step(const Risk& risk, const Phase& phase, Index num_samples) {
  return phase.step_size.value * 2 * risk.loss().prefactor * risk.scale(num_samples);
}

}  // namespace

bool has_linearised_descent(const Loss& loss, const std::vector<Phase>* phases, const Particles<double>* initial) {
  return loss.is_squared() && initial != nullptr && phases != nullptr && phases->size() == 1 &&
         is_plain_descent(phases->front());
}

LinearisedDescent::LinearisedDescent(const Model& model, const Risk& risk, const Dataset& data,
                                     const Particles<double>& initial, const Matrix& kernel, const Phase& phase)
    : training_(kernel),
      step_size_(effective_step(risk, phase, data.num_train())),
      start_residual_(outputs_at(model, initial, data.train_inputs) - data.train_targets) {
  const Inputs& inputs = data.num_test() > 0 ? data.test_inputs : data.train_inputs;
  start_outputs_ = outputs_at(model, initial, inputs);
  test_kernel_ = data.num_test() > 0 ? empirical_ntk(model.network(), initial, inputs, data.train_inputs) : kernel;
}

Vector LinearisedDescent::outputs(Index num_steps) const {
  assert(is_stable());
  const SpectralFilter filter = training_.descent(step_size_, num_steps);
  return start_outputs_ + test_kernel_ * training_.coefficients(filter, start_residual_);
}

double LinearisedDescent::relative_error(const Eigen::Map<const Vector>& outputs, Index num_steps) const {
  if (num_steps == 0) {
    return 0;
  }
  if (!is_stable()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return (outputs - this->outputs(num_steps)).norm() / (outputs - start_outputs_).norm();
}

}  // namespace mfld
