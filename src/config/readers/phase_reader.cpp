#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "config/readers/readers.hpp"
#include "mfld/task/given_arrays.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<Named<PenaltyMode>, 3> penalty_modes = {
    {{"additive", PenaltyMode::additive}, {"product", PenaltyMode::product}, {"half", PenaltyMode::half}}};
constexpr std::array<Named<Sampling>, 4> samplings = {{{"without-replacement", Sampling::without_replacement},
                                                       {"with-replacement", Sampling::with_replacement},
                                                       {"one-pass", Sampling::one_pass},
                                                       {"symmetric-sweep", Sampling::symmetric_sweep}}};
constexpr std::array<Named<Anchor>, 2> anchors = {{{"zero", Anchor::zero}, {"start", Anchor::start}}};

constexpr std::int64_t max_steps = 1000000000000000;  // of all phases together, so that counts do not overflow

/// What the experiment file calls a value.
template <class Rows, class Enumeration>
std::string name_of(const Rows& rows, Enumeration value) {
  return std::string(
      std::find_if(rows.begin(), rows.end(), [value](const auto& row) { return row.value == value; })->name);
}

bool draws_batches(const Method& method) { return draws_batches(method.estimator); }

bool rests(const Method& method) { return method.estimator == Estimator::at_rest; }

/// The natural gradient of a penalised risk would be another method: the penalty would change the metric, too.
bool has_penalty(const Method& method) { return method.estimator != Estimator::natural && !rests(method); }

Schedule read_schedule_table(Section section, NumberRule rule, std::string_view doc) {
  Schedule schedule;
  schedule.kind = pick(section, "kind", "how it changes with the step", "constant", schedules);
  schedule.value = section.number("value", doc, required, rule);
  if (section.reads("final", schedule.kind == ScheduleKind::exponential, "kind = \"exponential\"")) {
    schedule.final_value = section.number("final", "value at the last step", required, NumberRule::positive);
    section.check(schedule.value > 0, "value", "must be > 0 for an exponential schedule");
  }
  if (section.reads("timescale", schedule.kind != ScheduleKind::constant && schedule.kind != ScheduleKind::exponential,
                    "kind = \"inverse\", \"logarithmic\" or \"halving\"")) {
    schedule.timescale = section.number("timescale", "in steps", required, NumberRule::positive);
  }
  schedule.off_fraction =
      section.number("off_fraction", "the last fraction of the phase has the value 0; final is then not reached",
                     schedule.off_fraction, NumberRule::fraction);
  return schedule;
}

/// The length of a phase, and the arrays that give one number to each of its steps.
struct StepValues {
  std::int64_t num_steps;
  const GivenArrays* arrays;
};

/// A list of the program that uses the library, one number a step, in place of a formula.
Schedule given_schedule(Section& section, std::string_view name, std::string_view doc, const StepValues& steps,
                        NumberRule rule) {
  const std::string text = section.text(name, doc, required);
  const Inputs* array = steps.arrays == nullptr ? nullptr : steps.arrays->find(text);
  section.check(array != nullptr, name, std::string(no_given_array));
  section.check(array->cols() == 1 && array->rows() == std::max<std::int64_t>(steps.num_steps, 1), name,
                fmt::format("must have a value for each of the {} steps of the phase", steps.num_steps));
  const double least = array->minCoeff();
  section.check(rule == NumberRule::positive ? least > 0 : least >= 0, name,
                fmt::format("must have values {} 0, and one is {}", rule == NumberRule::positive ? ">" : ">=", least));
  Schedule schedule;
  schedule.kind = ScheduleKind::given;
  schedule.values = std::make_shared<const std::vector<double>>(array->data(), array->data() + array->size());
  schedule.value = array->maxCoeff();
  return schedule;
}

Schedule read_schedule(Section& section, std::string_view name, std::string_view doc, Fallback<double> fallback,
                       NumberRule rule, const StepValues& steps) {
  if (section.is_describing()) {
    section.number(name, fmt::format("{}; or a schedule, a table of:", doc), fallback, rule);
    return read_schedule_table(section.table(name), rule, "at the first step");
  }
  const Value* value = section.find(name);
  if (value != nullptr && value->as<Table>() != nullptr) {
    return read_schedule_table(section.table(name), rule, doc);
  }
  if (value != nullptr && value->as<std::string>() != nullptr && is_text_of_array(*value->as<std::string>())) {
    return given_schedule(section, name, doc, steps, rule);
  }
  Schedule schedule;
  schedule.value = section.number(name, doc, fallback, rule);
  return schedule;
}

Schedule read_temperature(Section& section, const Method& method, const StepValues& steps) {
  const auto with = [](TemperatureKey key) {
    return methods_where([key](const Method& row) { return row.temperature == key; });
  };
  section.check(method.temperature != TemperatureKey::lambda2 || !section.has("beta"), "beta",
                fmt::format("{} takes lambda2, the temperature itself, instead", method.name));
  section.check(method.temperature != TemperatureKey::inverse_beta || !section.has("lambda2"), "lambda2",
                fmt::format("{} takes beta, the inverse temperature, instead", method.name));
  Schedule temperature;
  if (section.reads("lambda2", method.temperature == TemperatureKey::lambda2, with(TemperatureKey::lambda2))) {
    temperature = read_schedule(section, "lambda2", "temperature", required, NumberRule::non_negative, steps);
  }
  if (section.reads("beta", method.temperature == TemperatureKey::inverse_beta, with(TemperatureKey::inverse_beta))) {
    temperature.value =
        1 / section.number("beta", "inverse temperature: temperature 1/beta", required, NumberRule::positive);
  }
  return temperature;
}

/// ceil(n^(1/3)) without rounding errors.
Index cube_root_above(Index n) {
  Index root = 1;
  while (root * root * root < n) {
    ++root;
  }
  return root;
}

/// Each sample of the training set goes into one step at most, over all phases that ask for that.
void check_one_pass(const Section& section, Index num_samples, const Phase& phase) {
  section.check(phase.method->estimator == Estimator::minibatch, "sampling",
                fmt::format("needs fresh samples only, and {} goes back to old ones", phase.method->name));
  const Index num_left = num_samples - phase.first_sample;
  section.check_data(
      num_left > 0 || phase.num_steps == 0, "steps",
      fmt::format("must be 0 with sampling = \"one-pass\": the phases before use each of the {} training "
                  "samples once",
                  num_samples));
  section.check_data(
      phase.num_steps <= num_left / phase.batch_size, "steps",
      fmt::format("must be at most {} with sampling = \"one-pass\" and batch_size = {}, which use each of the "
                  "{} training samples{} once",
                  num_left / phase.batch_size, phase.batch_size, num_left,
                  phase.first_sample > 0 ? " left by the phases before" : ""));
}

void read_batches(Section& section, const PhaseSetting& setting, Phase& phase) {
  const Index num_samples = phase.takes_all_samples() ? setting.num_samples : phase.num_samples();
  const Estimator estimator = phase.method->estimator;
  const MethodDefaults& defaults = phase.method->defaults;
  const std::string with_batch = methods_where(draws_batches);
  const std::string with_snapshot = methods_where([](const Method& row) { return row.estimator == Estimator::svrg; });
  if (section.reads("batch_size", draws_batches(*phase.method), with_batch)) {
    Fallback<std::int64_t> fallback = required;
    if (estimator == Estimator::svrg || defaults.batch_size > 0 || section.is_describing()) {
      fallback = {defaults.batch_size > 0 ? defaults.batch_size : cube_root_above(num_samples),
                  "required; svrg-mfld: ceil(n^(1/3)), averaged-sgd: 1"};
    }
    phase.batch_size = section.integer("batch_size", "samples per step, shared by all particles", fallback, {1});
    section.check_data(phase.batch_size <= num_samples, "batch_size",
                       fmt::format("must be at most {}, the number of {}", num_samples,
                                   !phase.takes_all_samples()     ? "samples of the phase"
                                   : setting.objective == nullptr ? "training samples"
                                                                  : setting.objective->terms));
  }
  if (section.reads("sampling", draws_batches(*phase.method), with_batch)) {
    phase.sampling = pick(
        section, "sampling",
        "how a batch is drawn, afresh every step; one-pass takes the next samples of the training set in their "
        "order, which should be random: shuffle a file that is sorted; symmetric-sweep goes through a random order "
        "of all samples forward, then backward",
        {name_of(samplings, defaults.sampling), "without-replacement; averaged-sgd: one-pass"}, samplings);
    section.check(
        phase.sampling != Sampling::one_pass || phase.takes_all_samples(), "samples",
        "cannot be given with sampling = \"one-pass\", which takes the samples that no such phase before has used");
    if (phase.sampling == Sampling::one_pass && !section.is_describing()) {
      check_one_pass(section, num_samples, phase);
    }
    section.check(phase.sampling != Sampling::symmetric_sweep || estimator == Estimator::minibatch, "sampling",
                  fmt::format("needs every batch of a sweep, and {} takes no batch where it takes a snapshot",
                              phase.method->name));
  }
  if (section.reads("snapshot_every", estimator == Estimator::svrg, with_snapshot)) {
    constexpr Index largest_root = 3000000000;
    Fallback<std::int64_t> fallback = required;
    if (phase.batch_size <= largest_root) {
      fallback = {phase.batch_size * phase.batch_size, "batch_size^2"};
    }
    phase.snapshot_every = section.integer("snapshot_every", "steps between snapshots", fallback, {1});
  }
}

/// Which samples a phase sees, and with which labels. An estimator with a number for every sample knows all of them.
void read_samples(Section& section, const PhaseSetting& setting, Phase& phase) {
  const auto takes_some = [](const Method& row) {
    return row.estimator == Estimator::full || row.estimator == Estimator::minibatch || rests(row);
  };
  if (section.reads("samples", takes_some(*phase.method), methods_where(takes_some))) {
    const auto ends = section.integers("samples", "[first, end): the training samples of the phase, counted from 0",
                                       {std::vector<std::int64_t>{}, "all"}, {0});
    section.check(ends.empty() || (ends.size() == 2 && ends[0] < ends[1]), "samples",
                  "must be [first, end) with first < end, or [] for all");
    section.check_data(ends.empty() || ends[1] <= setting.num_samples, "samples",
                       fmt::format("must end at {}, the number of training samples, or before", setting.num_samples));
    if (ends.size() == 2) {
      phase.samples_begin = ends[0];
      phase.samples_end = ends[1];
    }
  }
  phase.label_noise = section.number(
      "label_noise", "s: fresh noise on the labels in every step, uniform on [-s, s]; not in what is recorded",
      phase.label_noise, NumberRule::non_negative);
  section.check(phase.label_noise == 0 || setting.objective == nullptr, "label_noise",
                fmt::format("is added to labels, and objective.kind = \"{}\" has none of a phase",
                            setting.objective == nullptr ? "" : setting.objective->name));
  section.check(
      phase.label_noise == 0 || !setting.loss.is_classification(), "label_noise",
      fmt::format("is added to labels, and loss.kind = \"{}\" needs them to be -1 and +1", setting.loss.info().name));
}

void read_penalty(Section& section, const PhaseSetting& setting, Phase& phase) {
  const ParticleObjective* objective = setting.objective;
  const StepValues steps{phase.num_steps, setting.arrays};
  const Method& method = *phase.method;
  const std::string with_penalty = methods_where(has_penalty);
  if (section.reads("lambda1", has_penalty(method), with_penalty)) {
    phase.lambda1 = read_schedule(section, "lambda1", "coefficient of the penalty |theta|^2 or |theta - theta_0|^2",
                                  0.0, NumberRule::non_negative, steps);
  }
  if (section.reads("lambda1_fourth", has_penalty(method), with_penalty)) {
    phase.lambda1_fourth =
        read_schedule(section, "lambda1_fourth", "coefficient of |theta|^4 or |theta - theta_0|^4, besides lambda1",
                      0.0, NumberRule::non_negative, steps);
  }
  phase.temperature = read_temperature(section, method, steps);
  if (section.reads("penalty_mode", has_penalty(method), with_penalty)) {
    phase.penalty_mode = pick(section, "penalty_mode", "coefficient lambda1, lambda1 * temperature, or lambda1 / 2",
                              "additive", penalty_modes);
  }
  const bool periodic = objective != nullptr && objective->is_periodic;
  section.check(!periodic || phase.lambda1.value == 0, "lambda1",
                "must be 0: the penalty |x|^2 is no function on the torus");
  section.check(!periodic || phase.lambda1_fourth.value == 0, "lambda1_fourth",
                "must be 0: the penalty |x|^4 is no function on the torus");
  section.check(phase.penalty_mode != PenaltyMode::product || method.temperature != TemperatureKey::none,
                "penalty_mode",
                fmt::format("multiplies lambda1 by the temperature, which {} does not have", method.name));
  if (section.reads("anchor", has_penalty(method), with_penalty)) {
    phase.anchor =
        pick(section, "anchor", "where the penalty pulls to: 0, or theta_0, the particles at step 0 of the run",
             {name_of(anchors, method.defaults.anchor), "zero; averaged-sgd: start"}, anchors);
  }
}

/// What moves the particles, once all else of the phase is known.
void read_step(Section& section, Phase& phase) {
  const Method& method = *phase.method;
  const auto names = names_of(step_rules);
  phase.step_rule = step_rules[section.choice("step", "how a particle moves: a row of `mfld list steps`",
                                              {std::string(info(method.defaults.step_rule).name),
                                               "euler-maruyama; underdamped-mfld: kinetic"},
                                              names)]
                        .kind;
  const bool has_velocities = info(phase.step_rule).has_velocities();
  const std::string with_velocities =
      "step = " + names_where(step_rules, [](const StepInfo& row) { return row.has_velocities(); });
  if (section.reads("friction", has_velocities, with_velocities)) {
    phase.friction =
        section.number("friction", "of the velocities, per unit of time", phase.friction, NumberRule::positive);
  }
  if (section.reads("radius", phase.step_rule == StepKind::ball, "step = ball")) {
    phase.radius =
        section.number("radius", "of the ball that the particles stay in", phase.radius, NumberRule::positive);
  }
  section.check(phase.step_rule != StepKind::leimkuhler_matthews ||
                    (method.temperature != TemperatureKey::none && phase.temperature.value > 0),
                "step",
                method.temperature == TemperatureKey::none
                    ? fmt::format("averages the noise of two steps, and {} has none", method.name)
                    : "averages the noise of two steps, and the temperature is 0");
  section.check(!has_velocities || method.estimator != Estimator::natural, "step",
                fmt::format("gives the particles momentum, and {} takes euler-maruyama only", method.name));
  section.check(phase.step_rule == StepKind::kinetic || method.defaults.step_rule != StepKind::kinetic, "step",
                fmt::format("{} is mfld with step = kinetic; take method = mfld for another", method.name));
  section.check(!has_velocities || !phase.averaging, "step",
                "gives the particles momentum, and averaging takes the mean of their positions alone; set averaging = "
                "false, or another step");
  section.check(!has_velocities || phase.iterate == Iterate::last, "step",
                "gives the particles momentum, and iterate = \"weighted\" keeps their positions alone; set iterate = "
                "\"last\", or another step");
}

/// What does not go with a sphere or a ball, once all of the phase is known.
void check_sphere(const Section& section, const Phase& phase) {
  const bool on_spheres = phase.step_rule == StepKind::sphere;
  section.check((!on_spheres && phase.step_rule != StepKind::ball) || phase.method->estimator != Estimator::natural,
                "step",
                fmt::format("keeps the particles in a set, and {} takes euler-maruyama only", phase.method->name));
  if (!on_spheres) {
    return;
  }
  section.check(!phase.averaging, "step",
                "keeps the particles on spheres, and averages of them are inside; set averaging = false, or another "
                "step");
  section.check(phase.until_gradient_norm == 0, "until_gradient_norm",
                "is of the whole gradient, and its part along the radius does not vanish with step = \"sphere\"");
}

/// A phase that solves the readout and moves nothing, of one step or of none.
void read_phase_at_rest(Section& section, const PhaseSetting& setting, Phase& phase) {
  phase.num_steps = section.integer("steps", "1, or 0: the solution is left out", 1, {0, 1});
  read_samples(section, setting, phase);
  read_readout(section, setting, phase);
  refuse_step_keys(section, {"steps", "samples", "label_noise"});
  check_readout(section, setting, phase);
}

Phase read_phase(Section& section, const PhaseSetting& setting, Index first_sample) {
  Phase phase;
  phase.method = &methods[section.choice("method", "a row of `mfld list methods`", required, method_names())];
  const Method& method = *phase.method;
  const ScalingKind scaling = setting.scaling.kind;
  section.check(!method.only_scaling || *method.only_scaling == scaling, "method",
                fmt::format("is defined in the mean-field scaling only, and network.scaling is \"{}\", which takes {}",
                            name_of(scaling_names, scaling), names_where(methods, [scaling](const Method& row) {
                              return !row.only_scaling || *row.only_scaling == scaling;
                            })));
  phase.first_sample = first_sample;
  phase.name = section.text("name", "shown in plots", {std::string(method.name), "the method"});
  if (rests(method)) {
    read_phase_at_rest(section, setting, phase);
    return phase;
  }
  phase.num_steps = section.integer("steps", "length of the phase", required, {0, max_steps});
  phase.step_size =
      read_schedule(section, "step_size", "eta", required, NumberRule::positive, {phase.num_steps, setting.arrays});
  read_penalty(section, setting, phase);
  read_samples(section, setting, phase);
  read_batches(section, setting, phase);
  read_readout(section, setting, phase);
  read_natural_gradient(section, setting, phase);
  phase.averaging = section.flag("averaging", "predicts with the average of the phase's iterates, and ends with it",
                                 {method.defaults.averaging, "false; averaged-sgd: true"});
  read_outer_iterations(section, phase);
  read_dual_average(section, setting, phase);
  read_step(section, phase);
  read_dual_ascent(section, setting, phase);
  // An estimate from a batch is small by chance.
  const std::string with_full_gradient =
      methods_where([](const Method& row) { return row.estimator == Estimator::full; });
  if (section.reads("until_gradient_norm", method.estimator == Estimator::full, with_full_gradient)) {
    phase.until_gradient_norm = section.number(
        "until_gradient_norm",
        "ends the phase once the norm of the gradient at the iterate is below, whatever its velocities; 0: off",
        phase.until_gradient_norm, NumberRule::non_negative);
  }
  check_sphere(section, phase);
  check_readout(section, setting, phase);
  const bool in_a_set = phase.step_rule == StepKind::sphere || phase.step_rule == StepKind::ball;
  section.check(!in_a_set || setting.objective == nullptr || !setting.objective->is_periodic, "step",
                "keeps the particles in a set about 0, and those on the torus have no distance from 0");
  return phase;
}

/// Whether the column exists is seen where the columns are read.
std::optional<StopRule> read_stop_rule(const Section& section) {
  if (!section.has("until") && !section.is_describing()) {
    return std::nullopt;
  }
  Section until = section.table("until", "until = {...}");
  StopRule rule;
  rule.column =
      until.text("column", "column of metrics.csv that ends the phase; recorded where it is not listed", required);
  const bool below = until.has("below");
  const bool above = until.has("above");
  until.check(below || above, "below", "one of below and above must be given");
  until.check(!(below && above), "above", "only one of below and above can be given");
  constexpr std::string_view none = "none";
  if (until.reads("below", below, "no above")) {
    rule.bound = until.number("below", "ends once the column is below, not where it is not a number", {0.0, none},
                              NumberRule::any);
  }
  if (until.reads("above", above, "no below")) {
    rule.side = Side::above;
    rule.bound = until.number("above", "ends once the column is above", {0.0, none}, NumberRule::any);
  }
  rule.held = until.integer("held", "rows in a row, after the one the phase begins with", rule.held, {1});
  return rule;
}

}  // namespace

PhaseList read_phases(const Section& root, const PhaseSetting& setting) {
  PhaseList list;
  std::vector<Phase>& phases = list.phases;
  Index first_sample = 0;  // that no one-pass phase before has used up
  std::int64_t num_steps = 0;
  for (Section& section : root.tables("phase")) {
    phases.push_back(read_phase(section, setting, first_sample));
    const Phase& phase = phases.back();
    list.stop_rules.push_back(read_stop_rule(section));
    leave_kernel_keys(section, phase.solves_readout());
    num_steps += phase.num_steps;
    section.check(num_steps <= max_steps, "steps",
                  fmt::format("the phases up to this one make {} steps, and all of them may make {} at most", num_steps,
                              max_steps));
    if (phase.sampling == Sampling::one_pass) {
      first_sample += phase.num_steps * phase.batch_size;
    }
  }
  root.check(!phases.empty(), "phase", "an experiment needs at least one [[phase]]");
  return list;
}

}  // namespace mfld::readers
