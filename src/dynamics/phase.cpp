#include "mfld/dynamics/phase.hpp"

#include <fmt/format.h>

#include <cassert>
#include <type_traits>
#include <variant>
#include <vector>

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

/// A power of the distance with its key and coefficient: what is added to the penalty, and to g.
struct PowerWords {
  std::string value;
  std::string gradient;
  std::string number;
};

PowerWords power_in_words(const Phase& phase, int power, const Schedule& schedule) {
  const bool from_start = phase.anchor == Anchor::start;
  const std::string_view key = power == 2 ? "lambda1" : "lambda1_fourth";
  const std::string_view distance = from_start ? "theta - theta_0" : "theta";
  std::string factor = phase.penalty_mode == PenaltyMode::product ? fmt::format("{} T", key) : std::string(key);
  const int gain = phase.penalty_mode == PenaltyMode::half ? power / 2 : power;
  PowerWords words;
  words.value = fmt::format(
      "{} |{}|^{}", phase.penalty_mode == PenaltyMode::half ? fmt::format("({} / 2)", key) : factor, distance, power);
  words.gradient =
      fmt::format("{}{}{} {}", gain == 1 ? "" : fmt::format("{} ", gain), factor,
                  power == 2 ? "" : fmt::format(" |{}|^2", distance), from_start ? "(theta - theta_0)" : "theta");
  words.number = fmt::format("{} = {}", key, schedule.describe());
  return words;
}

std::string penalty_in_words(const Phase& phase) {
  std::vector<PowerWords> powers;
  if (!is_zero(phase.lambda1)) {
    powers.push_back(power_in_words(phase, 2, phase.lambda1));
  }
  if (!is_zero(phase.lambda1_fourth)) {
    powers.push_back(power_in_words(phase, 4, phase.lambda1_fourth));
  }
  if (powers.empty()) {
    return "no penalty, g = v";
  }
  const auto joined = [&powers](std::string PowerWords::*part, std::string_view between) {
    std::string text = powers.front().*part;
    for (std::size_t k = 1; k < powers.size(); ++k) {
      text += fmt::format("{}{}", between, powers[k].*part);
    }
    return text;
  };
  return fmt::format(
      "penalty {}, g = v + {}, {}{}", joined(&PowerWords::value, " + "), joined(&PowerWords::gradient, " + "),
      phase.anchor == Anchor::start ? "theta_0 the first particles, " : "", joined(&PowerWords::number, ", "));
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

std::string readout_in_words(const Phase& phase) {
  return fmt::format("ridge = {}, of (ridge / 2) penalty_factor sum_j r_j^2 with penalty_factor 1/N in mean-field",
                     phase.ridge);
}

/// Which samples a solution is of, where no estimator says so.
std::string readout_samples_in_words(const Phase& phase) {
  return phase.takes_all_samples() ? std::string("on all samples")
                                   : fmt::format("on samples {} to {}", phase.samples_begin, phase.samples_end - 1);
}

}  // namespace

double Phase::penalty_at(std::int64_t step) const { return in_mode(lambda1.at(step, num_steps), step); }

double Phase::fourth_penalty_at(std::int64_t step) const { return in_mode(lambda1_fourth.at(step, num_steps), step); }

double Phase::in_mode(double coefficient, std::int64_t step) const {
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
  if (method->estimator == Estimator::at_rest) {
    return fmt::format(
        "{}, {}: {}; {}; {}{}", title, num_steps == 1 ? "1 step" : "0 steps", method->update, readout_in_words(*this),
        readout_samples_in_words(*this),
        label_noise > 0 ? fmt::format("; noise on the labels, uniform on [-{0}, {0}]", label_noise) : "");
  }
  std::string text =
      fmt::format("{}, {} steps: {}; eta = {}; {}; {}; {}", title, num_steps, update_in_words(*this),
                  step_size.describe(), noise_in_words(*this), penalty_in_words(*this), samples_in_words(*this));
  if (const StepInfo& step = info(step_rule); step.has_velocities()) {
    text += fmt::format("; friction = {}, velocities {} at the start of the phase", friction,
                        is_cold(*this) ? "0" : step.first_velocities);
  }
  if (step_rule == StepKind::ball) {
    text += fmt::format("; radius = {}", radius);
  }
  if (solves_readout()) {
    text += fmt::format("; r before every step and after the last the minimum over r {}, {}",
                        readout_samples_in_words(*this), readout_in_words(*this));
  }
  if (!moved.empty()) {
    text += "; some blocks do not move (train)";
  }
  if (label_noise > 0) {
    text += fmt::format("; fresh noise on the labels of every step, uniform on [-{0}, {0}]", label_noise);
  }
  if (averaging) {
    text += "; predicts with the average of its iterates so far";
  }
  if (iterate == Iterate::weighted) {
    text +=
        "; predicts with a sample of the iterates so far, each particle from that which iteration t = 1, ..., T ended "
        "with, with probability 2 (t + 1) / (T (T + 3))";
  }
  if (until_gradient_norm > 0) {
    text += fmt::format("; ends once sqrt(sum_j |g_j|^2 / N) < {}{}", until_gradient_norm,
                        averaging ? " at the iterate, not at their average" : "");
  }
  return text;
}

}  // namespace mfld
