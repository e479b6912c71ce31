#include "mfld/dynamics/phase.hpp"

#include <fmt/format.h>

#include <cassert>
#include <type_traits>
#include <variant>

#include "mfld/dynamics/estimators.hpp"

namespace mfld {

namespace {

bool is_zero(const Schedule& schedule) { return schedule.value == 0; }

std::string_view temperature_name(const Phase& phase) {
  return phase.method->temperature == TemperatureKey::inverse_beta ? "1/beta" : "lambda2";
}

bool is_cold(const Phase& phase) {
  return phase.method->temperature == TemperatureKey::none || is_zero(phase.temperature);
}

std::string noise_in_words(const Phase& phase) {
  if (is_cold(phase)) {
    return "no noise";
  }
  const bool constant =
      phase.step_size.kind == ScheduleKind::constant && phase.temperature.kind == ScheduleKind::constant;
  const StepOptions first = {
      .step_size = phase.step_size_at(0), .temperature = phase.temperature_at(0), .friction = phase.friction};
  const StepInfo& step = info(phase.step_rule);
  return fmt::format("T = {} = {}, noise amplitude {} = {:.6g}{}", temperature_name(phase),
                     phase.temperature.describe(), step.noise, step.noise_amplitude(first),
                     constant ? "" : " at k = 0");
}

std::string penalty_in_words(const Phase& phase) {
  if (is_zero(phase.lambda1)) {
    return "no penalty, g = v";
  }
  const bool from_start = phase.anchor == Anchor::start;
  const auto words = [&](std::string_view coefficient, std::string_view gain) {
    return fmt::format("penalty {} |{}|^2, g = v + {} {}, {}lambda1 = {}", coefficient,
                       from_start ? "theta - theta_0" : "theta", gain, from_start ? "(theta - theta_0)" : "theta",
                       from_start ? "theta_0 the first particles, " : "", phase.lambda1.describe());
  };
  switch (phase.penalty_mode) {
    case PenaltyMode::additive:
      return words("lambda1", "2 lambda1");
    case PenaltyMode::product:
      return words("lambda1 T", "2 lambda1 T");
    case PenaltyMode::half:
      return words("(lambda1 / 2)", "lambda1");
  }
  return {};
}

std::string samples_in_words(const Phase& phase) {
  return std::visit([&phase](const auto& estimator) { return std::decay_t<decltype(estimator)>::describe(phase); },
                    make_estimator<double>(phase.method->estimator));
}

std::string update_in_words(const Phase& phase) {
  if (phase.step_rule == StepKind::euler_maruyama) {
    return std::string(phase.method->update);
  }
  const StepInfo& step = info(phase.step_rule);
  const std::string_view drift =
      std::visit([](const auto& estimator) { return std::decay_t<decltype(estimator)>::formula; },
                 make_estimator<double>(phase.method->estimator));
  return fmt::format("{} step, {}, {}", step.name, is_cold(phase) ? step.cold_update : step.update, drift);
}

}  // namespace

double Phase::penalty_at(std::int64_t step) const {
  const double coefficient = lambda1.at(step, num_steps);
  switch (penalty_mode) {
    case PenaltyMode::additive:
      return coefficient;
    case PenaltyMode::product:
      return coefficient * temperature_at(step);
    case PenaltyMode::half:
      return coefficient / 2;
  }
  return coefficient;
}

std::string Phase::describe() const {
  assert(method != nullptr);
  const std::string title =
      name.empty() || name == method->name ? std::string(method->name) : fmt::format("{} ({})", name, method->name);
  std::string text =
      fmt::format("{}, {} steps: {}; eta = {}; {}; {}; {}", title, num_steps, update_in_words(*this),
                  step_size.describe(), noise_in_words(*this), penalty_in_words(*this), samples_in_words(*this));
  if (const StepInfo& step = info(step_rule); step.has_velocities()) {
    text += fmt::format("; friction = {}, velocities {} at the start of the phase", friction,
                        is_cold(*this) ? "0" : step.first_velocities);
  }
  if (averaging) {
    text += "; predicts with the average of its iterates so far";
  }
  if (until_gradient_norm > 0) {
    text += fmt::format("; ends once sqrt(sum_j |g_j|^2 / N) < {}{}", until_gradient_norm,
                        averaging ? " at the iterate, not at their average" : "");
  }
  return text;
}

}  // namespace mfld
