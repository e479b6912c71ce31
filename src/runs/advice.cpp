#include "runs/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <memory>

#include "mfld/objective/curvature.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/trust/width_bias.hpp"
#include "runs/recorder.hpp"

namespace mfld::runs {

namespace {

bool has_finished(const EndedRun& run) { return run.end.ending == Ending::finished; }

/// An observable of one column, at the end.
double observed(const EndedRun& run, std::string_view name) {
  double value = 0;
  const Observable* row = find_observable(name);
  assert(row != nullptr);
  row->evaluate(*run.moment, std::span(&value, 1));
  return value;
}

bool exists(const EndedRun& run, std::string_view name) {
  return !find_observable(name)->unavailable(run.moment->scene());
}

// ---- Teachers

/// Exploration with noise, then descent without.
bool searches_teachers(const EndedRun& run) {
  const auto& phases = run.experiment->phases;
  return has_finished(run) && phases.size() >= 2 && phases.front().temperature.value > 0 &&
         phases.back().temperature.value == 0 && exists(run, "teacher_recovered");
}

constexpr double near_cosine = 0.95;  // of a neuron that has a teacher to go to

double num_missed(const EndedRun& run) {
  std::vector<double> best(static_cast<std::size_t>(run.experiment->data.teacher->directions.rows()));
  find_observable("teacher_cosines")->evaluate(*run.moment, best);
  return static_cast<double>(
      std::count_if(best.begin(), best.end(), [](double cosine) { return cosine <= near_cosine; }));
}

double num_apart(const EndedRun& run) {
  return num_missed(run) > 0 ? 0  // another row
                             : static_cast<double>(run.experiment->data.teacher->directions.rows()) -
                                   observed(run, "teacher_recovered");
}

bool are_some(const EndedRun& /*run*/, double count) { return count > 0; }

std::string say_missed(const EndedRun& run, double missed) {
  const Phase& first = run.experiment->phases.front();
  const Index num_teachers = run.experiment->data.teacher->directions.rows();
  const bool in_lambda2 = first.method->temperature == TemperatureKey::lambda2;
  std::string words = fmt::format(
      "{} of {} teachers have no neuron near them (the worst is at teacher_cosine_min = {:.3g}): explore for longer "
      "(phase.0.steps, now {}), with more noise ({}) or by more neurons than teachers (network.width, now {})",
      missed, num_teachers, observed(run, "teacher_cosine_min"), first.num_steps,
      in_lambda2 ? "a larger phase.0.lambda2" : "a smaller phase.0.beta", run.experiment->initial.rows());
  return words;
}

std::string say_apart(const EndedRun& run, double apart) {
  const auto& phases = run.experiment->phases;
  return fmt::format(
      "{} of {} teachers have a neuron near them that has not come to them (teacher_cosine_min = {:.5g}, and 0.999 "
      "counts): take more steps in the last phase (phase.{}.steps, now {}), or more samples where the labels have "
      "noise",
      apart, run.experiment->data.teacher->directions.rows(), observed(run, "teacher_cosine_min"), phases.size() - 1,
      phases.back().num_steps);
}

// ---- Parities

constexpr double near_chance = 0.6;  // of an accuracy: chance is 1/2
constexpr double fits = 0.9;         // the same on the samples that it learnt from
constexpr Index enough_tests = 100;  // the standard error of an accuracy is then 0.05 at most

/// In the mean-field scaling, which ought to learn them; what is more than noise can be seen.
bool learns_parity(const EndedRun& run) {
  const Value config = parse_toml(run.experiment->resolved, "experiment.toml");
  const Value* kind = find(config, "task.kind");
  const auto* name = kind != nullptr ? kind->as<std::string>() : nullptr;
  return has_finished(run) && name != nullptr && *name == "sparse-parity" &&
         run.experiment->network().scaling().kind == ScalingKind::mean_field &&
         run.experiment->data.num_test() >= enough_tests && exists(run, "test_accuracy") &&
         exists(run, "train_accuracy");
}

double test_accuracy(const EndedRun& run) { return observed(run, "test_accuracy"); }

bool memorises(const EndedRun& run, double accuracy) {
  return accuracy < near_chance && observed(run, "train_accuracy") >= fits;
}

bool learns_nothing(const EndedRun& run, double accuracy) {
  return accuracy < near_chance && observed(run, "train_accuracy") < fits;
}

std::string say_memorised(const EndedRun& run, double accuracy) {
  const Dataset& data = run.experiment->data;
  return fmt::format(
      "test_accuracy = {:.3g} is near chance with train_accuracy = {:.3g}: the parity is memorised; take more "
      "samples (task.num_train = {} is {:.2g} for each input; two of d signs take 5 d to 10 d, more signs more) or a "
      "stronger penalty or noise (lambda1, lambda2)",
      accuracy, observed(run, "train_accuracy"), data.num_train(),
      static_cast<double>(data.num_train()) / static_cast<double>(data.input_dim()));
}

std::string say_nothing_learnt(const EndedRun& run, double accuracy) {
  const Moment& end = *run.moment;
  return fmt::format(
      "test_accuracy = {:.3g} is near chance, and train_accuracy = {:.3g}: the parity is not even fitted; weaken "
      "penalty and noise (coefficient of |theta|^2 {:.3g}, temperature {:.3g} in the end; penalty_mode = \"product\" "
      "makes lambda1 a prior's), take more steps, or inputs of norm 1 (task.entries = \"inverse-sqrt-dim\")",
      accuracy, observed(run, "train_accuracy"), end.penalty().coefficient, end.temperature());
}

// ---- The step

/// The phase with the largest step of those that were begun.
std::size_t phase_of_largest_step(const EndedRun& run) {
  const auto& phases = run.experiment->phases;
  const auto end = phases.begin() + std::min<std::ptrdiff_t>(run.phase + 1, std::ssize(phases));
  const auto found = std::max_element(
      phases.begin(), end, [](const Phase& a, const Phase& b) { return a.step_size.value < b.step_size.value; });
  return static_cast<std::size_t>(found - phases.begin());
}

/// It diverged, or the data part of the objective is above what it was at the start. Of steps along the gradient of the
/// present particles: only there is the curvature what limits them. At the first particles a step may be beyond its
/// limit and yet lead to where it is not; where it led nowhere it is to blame.
bool may_step_too_far(const EndedRun& run) {
  const Phase& phase = run.experiment->phases[phase_of_largest_step(run)];
  const Estimator kind = phase.method->estimator;
  const bool is_descent = kind == Estimator::full || draws_batches(kind);
  const bool moves_freely = phase.step_rule != StepKind::sphere && phase.step_rule != StepKind::ball;
  if (!is_descent || !moves_freely || phase.solves_readout() || phase.step_size.value == 0) {
    return false;
  }
  return run.end.ending == Ending::diverged || (has_finished(run) && !(run.moment->data_part() <= run.first_value));
}

double curvature_at_start(const EndedRun& run) {
  const Experiment& experiment = *run.experiment;
  const Phase& phase = experiment.phases[phase_of_largest_step(run)];
  Ranks* const ranks = run.moment->scene().ranks;
  const auto objective = objective_of<double>(experiment, ranks);
  const Penalty<double> penalty = {phase.penalty_at(0), phase.anchor == Anchor::start ? &experiment.initial : nullptr,
                                   phase.fourth_penalty_at(0)};
  return largest_curvature(*objective, experiment.initial, penalty, phase.moved_of(objective->trained()), {}, ranks);
}

/// Of a step on the quadratic model at the start; infinity where it has no curvature.
double largest_stable_step(const Phase& phase, double curvature) {
  if (!(curvature > 0)) {
    return std::numeric_limits<double>::infinity();
  }
  return phase.step_rule == StepKind::kinetic ? 2 / std::sqrt(curvature) : 2 / curvature;
}

constexpr double near_limit = 0.9;

bool is_near_limit(const EndedRun& run, double curvature) {
  const Phase& phase = run.experiment->phases[phase_of_largest_step(run)];
  return phase.step_size.value >= near_limit * largest_stable_step(phase, curvature);
}

std::string say_step(const EndedRun& run, double curvature) {
  const std::size_t index = phase_of_largest_step(run);
  const Phase& phase = run.experiment->phases[index];
  const double limit = largest_stable_step(phase, curvature);
  return fmt::format(
      "phase.{}.step_size = {:.3g} is {:.3g} times the largest that is stable at the first particles, {} = {:.3g} "
      "with the largest curvature a = {:.3g} there: take {:.2g} or less",
      index, phase.step_size.value, phase.step_size.value / limit,
      phase.step_rule == StepKind::kinetic ? "2 / sqrt(a)" : "2 / a", limit, curvature, limit / 2);
}

// ---- The width

/// Of the last step; a schedule may be off.
bool has_gibbs_law(const EndedRun& run) {
  const Penalty<double>& penalty = run.moment->penalty();
  return run.moment->temperature() > 0 && penalty.coefficient > 0 && penalty.fourth == 0 && penalty.anchor == nullptr;
}

/// The rule that the last phase ended without, where a number of particles can meet it.
const StopRule* unmet_rule(const EndedRun& run, std::string_view column) {
  const auto& rules = run.experiment->stop_rules;
  if (!has_finished(run) || !rules.back() || run.last_rule_is_met || run.experiment->initial.rows() < 2) {
    return nullptr;
  }
  const StopRule& rule = *rules.back();
  return rule.column == column && rule.side == Side::below && rule.bound > 0 && has_gibbs_law(run) ? &rule : nullptr;
}

WidthBias bias_of(const EndedRun& run) {
  return width_bias(run.moment->mean_field_problem(), *run.experiment->model, run.moment->particles(),
                    run.moment->train_outputs(), run.moment->sums());
}

/// What the particles contribute to the standard error of dual_gap, and the integral does not.
double particle_error(const EndedRun& run) {
  const Certificate& certificate = run.moment->certificate();
  return std::sqrt(std::max(0.0, std::pow(certificate.dual_gap_error, 2) - std::pow(certificate.dual_bound_error, 2)));
}

bool wants_gap(const EndedRun& run) { return unmet_rule(run, "dual_gap") != nullptr; }
bool wants_residual(const EndedRun& run) { return unmet_rule(run, "fixed_point_residual") != nullptr; }
double blur_of_gap(const EndedRun& run) { return particle_error(run) + bias_of(run).gap; }
double residual_of_width(const EndedRun& run) { return bias_of(run).residual; }

bool hides_gap(const EndedRun& run, double blur) { return blur > unmet_rule(run, "dual_gap")->bound; }
bool hides_residual(const EndedRun& run, double residual) {
  return residual > unmet_rule(run, "fixed_point_residual")->bound;
}

/// The error falls like N^(-1/2), the bias like 1/N; both come down to half of the bound.
std::string say_gap(const EndedRun& run, double blur) {
  const StopRule& rule = *unmet_rule(run, "dual_gap");
  const double error = particle_error(run);
  const Index now = run.experiment->initial.rows();
  const double widths = std::max(std::pow(2 * error / rule.bound, 2), 2 * (blur - error) / rule.bound);
  return fmt::format(
      "dual_gap {} was not reached, and network.width = {} cannot show it: the standard error of the gap that comes "
      "from the particles is {:.2g}, and their number adds {:.2g} to it; take {:.2g} neurons or more, or a bound "
      "above {:.2g}",
      rule.condition(), now, error, blur - error, std::ceil(static_cast<double>(now) * widths), blur);
}

std::string say_residual(const EndedRun& run, double residual) {
  const StopRule& rule = *unmet_rule(run, "fixed_point_residual");
  const Index now = run.experiment->initial.rows();
  return fmt::format(
      "fixed_point_residual {} was not reached, and network.width = {} alone makes it {:.2g} at the optimum: take "
      "{:.2g} neurons or more, or a bound above that",
      rule.condition(), now, residual, std::ceil(static_cast<double>(now) * std::pow(2 * residual / rule.bound, 2)));
}

constexpr auto table = std::to_array<AdviceRule>({
    {"step-size", "diverged, or a loss above that of the start: the step against its stability limit at the start",
     may_step_too_far, curvature_at_start, is_near_limit, say_step},
    {"teachers-missed", "noise, then descent without, to a teacher: how many of its neurons no neuron is near to",
     searches_teachers, num_missed, are_some, say_missed},
    {"teachers-apart", "the same, with a neuron near each: how many are not recovered", searches_teachers, num_apart,
     are_some, say_apart},
    {"parity-memorised", "a parity in the mean-field scaling: test accuracy near 1/2 though the training set is fitted",
     learns_parity, test_accuracy, memorises, say_memorised},
    {"parity-unfitted", "the same, and the training set is not fitted", learns_parity, test_accuracy, learns_nothing,
     say_nothing_learnt},
    {"width-gap", "`until` dual_gap not reached: the error and the bias that it has by its number of particles",
     wants_gap, blur_of_gap, hides_gap, say_gap},
    {"width-residual", "`until` fixed_point_residual not reached: what the width adds to it", wants_residual,
     residual_of_width, hides_residual, say_residual},
});

}  // namespace

std::span<const AdviceRule> advice_rules() { return table; }

std::vector<std::string> advice_for(const EndedRun& run) {
  std::vector<std::string> sentences;
  for (const AdviceRule& rule : table) {
    if (rule.is_concerned(run)) {
      if (const double measured = rule.measure(run); rule.disappoints(run, measured)) {
        sentences.push_back(rule.sentence(run, measured));
        if (&rule == &table.front()) {
          break;  // what such steps made says nothing of the rest
        }
      }
    }
  }
  return sentences;
}

}  // namespace mfld::runs
