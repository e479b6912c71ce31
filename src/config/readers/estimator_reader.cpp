// The keys of one estimator alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "config/memory.hpp"
#include "config/readers/readers.hpp"
#include "mfld/dynamics/dual_ascent.hpp"
#include "mfld/dynamics/natural_gradient.hpp"
#include "mfld/trust/neuron_values.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<Named<Iterate>, 2> iterates_of_dual_average = {
    {{"last", Iterate::last}, {"weighted", Iterate::weighted}}};

bool averages_dual(const Method& method) { return method.estimator == Estimator::dual_average; }

bool ascends_in_dual(const Method& method) { return method.estimator == Estimator::dual_ascent; }

/// What does not go with weighted particles, and with a dual.
void check_dual_ascent(const Section& section, const PhaseSetting& setting, const Phase& phase) {
  section.check(setting.objective == nullptr, "method",
                fmt::format("has a dual variable for each sample, and objective.kind = \"{}\" has none",
                            setting.objective == nullptr ? "" : setting.objective->name));
  section.check(!setting.linearised, "method", "needs a network that is not linearised: its neurons are not bounded");
  if (const auto reason =
          setting.network == nullptr ? std::nullopt : dual_ascent_unavailable(*setting.network, setting.loss)) {
    const Neuron& neuron = setting.network->neuron();
    const bool bounded = std::isfinite(range_of(neuron));
    section.check(false, "method",
                  *reason + (bounded ? ""
                                     : fmt::format(", and network.neuron is \"{}\" with {}", info(neuron.kind).name,
                                                   info(neuron.activation).name)));
  }
  const std::int64_t last = std::max<std::int64_t>(phase.num_steps - 1, 0);
  section.check(phase.temperature_at(0) > 0 && phase.temperature_at(last) > 0, "lambda2",
                "must be > 0 at every step with p-sdca, whose particles are a sample of exp(-V / lambda2)");
  section.check(phase.penalty_at(0) + phase.fourth_penalty_at(0) > 0 &&
                    phase.penalty_at(last) + phase.fourth_penalty_at(last) > 0,
                "lambda1",
                "must be > 0 at every step with p-sdca, or lambda1_fourth, else exp(-V / lambda2) has no integral");
  section.check(phase.anchor == Anchor::zero, "anchor",
                "must be \"zero\" with p-sdca, which moves particles from place to place");
  section.check(!phase.averaging, "averaging",
                "must be false with p-sdca, which moves particles from place to place and predicts with its last ones");
  section.check(phase.label_noise == 0, "label_noise",
                "must be 0 with p-sdca, whose dual variables are those of the labels as they are");
  section.check(phase.step_rule != StepKind::sphere, "step",
                "keeps every particle at its own distance from 0, and p-sdca moves particles from place to place");
}

}  // namespace

void read_natural_gradient(Section& section, const PhaseSetting& setting, Phase& phase) {
  const bool natural = phase.method->estimator == Estimator::natural;
  if (!section.reads("damping", natural,
                     methods_where([](const Method& row) { return row.estimator == Estimator::natural; }))) {
    return;
  }
  phase.damping =
      section.number("damping", "added to the diagonal of the tangent kernel", phase.damping, NumberRule::non_negative);
  if (!natural) {
    return;  // describing
  }
  section.check(setting.objective == nullptr, "method",
                fmt::format("needs the tangent kernel of a network, and objective.kind is \"{}\"",
                            setting.objective == nullptr ? "" : setting.objective->name));
  section.check(setting.loss.is_squared(), "method",
                fmt::format("is defined for the squared loss, and loss.kind is \"{}\"", setting.loss.info().name));
  check_memory(section, "method", num_doubles_of_natural_gradient(setting.num_samples),
               "two matrices of n x n numbers");
  section.check_data(phase.damping > 0 || static_cast<double>(setting.num_samples) <= setting.num_trained, "damping",
                     fmt::format("must be > 0 where training samples ({}) are more than trained parameters ({}): their "
                                 "tangent kernel is singular",
                                 setting.num_samples, setting.num_trained));
}

void read_outer_iterations(Section& section, Phase& phase) {
  const auto iterates = [](const Method& row) { return averages_dual(row) || ascends_in_dual(row); };
  if (section.reads("inner_steps", iterates(*phase.method), methods_where(iterates))) {
    phase.inner_steps =
        section.integer("inner_steps", "steps of an outer iteration, at fixed coefficients", required, {1});
  }
}

void read_dual_average(Section& section, const PhaseSetting& setting, Phase& phase) {
  const bool dual = averages_dual(*phase.method);
  const std::string with_dual = methods_where(averages_dual);
  if (section.reads("fresh_samples", dual, with_dual)) {
    phase.fresh_samples =
        section.integer("fresh_samples", "> 0: an outer iteration takes the next so many training samples alone",
                        phase.fresh_samples, {0});
    const std::int64_t num_iterations = (phase.num_steps + phase.inner_steps - 1) / phase.inner_steps;
    section.check_data(phase.fresh_samples == 0 || num_iterations <= setting.num_samples / phase.fresh_samples,
                       "fresh_samples",
                       fmt::format("takes each of the {} training samples once, and there are {} outer iterations",
                                   setting.num_samples, num_iterations));
  }
  if (section.reads("iterate", dual, with_dual)) {
    phase.iterate = pick(section, "iterate",
                         "what it predicts with and ends with: its last particles; or a sample of all outer iterates, "
                         "particle j being that with which iteration t ended with probability 2 (t + 1) / (T (T + 3)), "
                         "t = 1, ..., T, of the T so far",
                         "last", iterates_of_dual_average);
    section.check(phase.iterate == Iterate::last || phase.num_steps == 0 || phase.num_steps >= phase.inner_steps,
                  "iterate",
                  fmt::format("is drawn of iterations that have ended, and a phase of {} steps ends none of {} "
                              "(inner_steps)",
                              phase.num_steps, phase.inner_steps));
  }
  section.check(!dual || setting.objective == nullptr, "method",
                fmt::format("averages the coefficients of samples, and objective.kind = \"{}\" has none",
                            setting.objective == nullptr ? "" : setting.objective->name));
  section.check(!dual || phase.anchor == Anchor::zero, "anchor",
                fmt::format("must be \"zero\" with {}, which averages the penalty from 0", phase.method->name));
  section.check(!dual || !phase.averaging, "averaging",
                fmt::format("must be false with {}, which averages coefficients and predicts with its last iterate; "
                            "iterate = \"weighted\" is another one",
                            phase.method->name));
}

void read_dual_ascent(Section& section, const PhaseSetting& setting, Phase& phase) {
  const bool ascends = ascends_in_dual(*phase.method);
  const std::string with_ascent = methods_where(ascends_in_dual);
  if (section.reads("coordinate_steps", ascends, with_ascent)) {
    phase.coordinate_steps =
        section.integer("coordinate_steps", "dual variables that an outer iteration moves, at most",
                        {(std::max<Index>(setting.num_samples, 1) - 1) / 10 + 1, "ceil(n / 10)"}, {1});
  }
  if (section.reads("effective_share", ascends, with_ascent)) {
    phase.effective_share = section.number(
        "effective_share",
        "of N: an outer iteration moves no further dual variable once the weighted particles are worth fewer",
        phase.effective_share, NumberRule::fraction);
  }
  if (ascends && !section.is_describing()) {
    check_dual_ascent(section, setting, phase);
  }
}

}  // namespace mfld::readers
