#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "experiment/readers.hpp"

namespace mfld {

namespace {

constexpr std::array<Named<PenaltyMode>, 3> penalty_modes = {
    {{"additive", PenaltyMode::additive}, {"product", PenaltyMode::product}, {"half", PenaltyMode::half}}};
constexpr std::array<Named<Sampling>, 2> samplings = {
    {{"without-replacement", Sampling::without_replacement}, {"with-replacement", Sampling::with_replacement}}};
constexpr std::array<Named<ScheduleKind>, 5> schedules = {{{"constant", ScheduleKind::constant},
                                                           {"exponential", ScheduleKind::exponential},
                                                           {"inverse", ScheduleKind::inverse},
                                                           {"logarithmic", ScheduleKind::logarithmic},
                                                           {"halving", ScheduleKind::halving}}};

constexpr std::int64_t max_steps = 1000000000000000;  // the steps of many phases add up without overflow

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
  schedule.off_fraction = section.number("off_fraction", "the last fraction of the phase has the value 0",
                                         schedule.off_fraction, NumberRule::fraction);
  return schedule;
}

Schedule read_schedule(Section& section, std::string_view name, std::string_view doc, Fallback<double> fallback,
                       NumberRule rule) {
  if (section.is_describing()) {
    section.number(name, fmt::format("{}; or a schedule, a table of:", doc), fallback, rule);
    return read_schedule_table(section.table(name), rule, "at the first step");
  }
  const Value* value = section.find(name);
  if (value != nullptr && value->as<Table>() != nullptr) {
    return read_schedule_table(section.table(name), rule, doc);
  }
  Schedule schedule;
  schedule.value = section.number(name, doc, fallback, rule);
  return schedule;
}

Schedule read_temperature(Section& section, const Method& method) {
  const auto with = [](TemperatureKey key) {
    return "method = " + names_where(methods, [key](const Method& row) { return row.temperature == key; });
  };
  section.check(method.temperature != TemperatureKey::lambda2 || !section.has("beta"), "beta",
                fmt::format("{} takes lambda2, the temperature itself, instead", method.name));
  section.check(method.temperature != TemperatureKey::inverse_beta || !section.has("lambda2"), "lambda2",
                fmt::format("{} takes beta, the inverse temperature, instead", method.name));
  Schedule temperature;
  if (section.reads("lambda2", method.temperature == TemperatureKey::lambda2, with(TemperatureKey::lambda2))) {
    temperature = read_schedule(section, "lambda2", "temperature", required, NumberRule::non_negative);
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

void read_batches(Section& section, Index num_samples, Phase& phase) {
  const Estimator estimator = phase.method->estimator;
  const std::string with_batch =
      "method = " + names_where(methods, [](const Method& row) { return row.estimator != Estimator::full; });
  const std::string with_snapshot =
      "method = " + names_where(methods, [](const Method& row) { return row.estimator == Estimator::svrg; });
  if (section.reads("batch_size", estimator != Estimator::full, with_batch)) {
    Fallback<std::int64_t> fallback = required;
    if (estimator == Estimator::svrg || section.is_describing()) {
      fallback = {cube_root_above(num_samples), "required; svrg-mfld: ceil(n^(1/3))"};
    }
    phase.batch_size =
        section.integer("batch_size", "samples per step, drawn afresh, shared by all particles", fallback, {1});
    section.check(phase.batch_size <= num_samples, "batch_size",
                  fmt::format("must be at most {}, the number of training samples", num_samples));
  }
  if (section.reads("sampling", estimator != Estimator::full, with_batch)) {
    phase.sampling = pick(section, "sampling", "how a batch is drawn", "without-replacement", samplings);
  }
  if (section.reads("snapshot_every", estimator == Estimator::svrg, with_snapshot)) {
    phase.snapshot_every = section.integer("snapshot_every", "steps between snapshots",
                                           {phase.batch_size * phase.batch_size, "batch_size^2"}, {1});
  }
}

Phase read_phase(Section& section, const Scaling& scaling, Index num_samples) {
  Phase phase;
  phase.method = &methods[section.choice("method", "a row of `mfld list methods`", required, names_of(methods))];
  const Method& method = *phase.method;
  const auto scaling_name = [](ScalingKind kind) {
    return std::find_if(scaling_names.begin(), scaling_names.end(),
                        [kind](const auto& row) { return row.value == kind; })
        ->name;
  };
  section.check(!method.only_scaling || *method.only_scaling == scaling.kind, "method",
                fmt::format("is defined in the mean-field scaling only, and network.scaling is \"{}\", which takes {}",
                            scaling_name(scaling.kind), names_where(methods, [&scaling](const Method& row) {
                              return !row.only_scaling || *row.only_scaling == scaling.kind;
                            })));
  phase.name = section.text("name", "shown in plots", {std::string(method.name), "the method"});
  phase.num_steps = section.integer("steps", "length of the phase", required, {0, max_steps});
  phase.step_size = read_schedule(section, "step_size", "eta", required, NumberRule::positive);
  phase.lambda1 = read_schedule(section, "lambda1", "coefficient of |theta|^2", 0.0, NumberRule::non_negative);
  phase.temperature = read_temperature(section, method);
  phase.penalty_mode = pick(section, "penalty_mode", "coefficient lambda1, lambda1 * temperature, or lambda1 / 2",
                            "additive", penalty_modes);
  section.check(phase.penalty_mode != PenaltyMode::product || method.temperature != TemperatureKey::none,
                "penalty_mode",
                fmt::format("multiplies lambda1 by the temperature, which {} does not have", method.name));
  read_batches(section, num_samples, phase);
  // An estimate from a batch is small by chance.
  const std::string with_full_gradient =
      "method = " + names_where(methods, [](const Method& row) { return row.estimator == Estimator::full; });
  if (section.reads("until_gradient_norm", method.estimator == Estimator::full, with_full_gradient)) {
    phase.until_gradient_norm =
        section.number("until_gradient_norm", "ends the phase below this norm of the gradient; 0: off",
                       phase.until_gradient_norm, NumberRule::non_negative);
  }
  return phase;
}

}  // namespace

std::vector<Phase> read_phases(const Section& root, const Scaling& scaling, Index num_samples) {
  std::vector<Phase> phases;
  for (Section& section : root.tables("phase")) {
    phases.push_back(read_phase(section, scaling, num_samples));
  }
  root.check(!phases.empty(), "phase", "an experiment needs at least one [[phase]]");
  return phases;
}

}  // namespace mfld
