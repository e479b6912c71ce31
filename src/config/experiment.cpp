#include "mfld/config/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "mfld/observe/notes.hpp"

namespace mfld {

Scene Experiment::scene() const {
  Scene scene{model.get(),
              &risk,
              &data,
              &initial,
              &phases,
              seeds,
              objective.get(),
              own_observables,
              certificate_samples,
              certified_gap_at.empty() ? nullptr : &certified_gap_at};
  scene.num_common = num_common();
  return scene;
}

std::int64_t Experiment::num_steps() const {
  return std::accumulate(phases.begin(), phases.end(), std::int64_t{0},
                         [](std::int64_t sum, const Phase& phase) { return sum + phase.num_steps; });
}

RunSizes Experiment::sizes_of(Index num_particles) const {
  const Index p = network().layout().size;
  return objective ? RunSizes{num_particles, p, objective->num_terms, 0} : RunSizes{num_particles, p, data.num_train()};
}

std::vector<std::string> Experiment::parameter_names() const {
  const ParameterLayout& layout = network().layout();
  std::vector<std::string> names(static_cast<std::size_t>(layout.size));
  for (Index k = 0; k < layout.input_dim; ++k) {
    names[static_cast<std::size_t>(layout.input + k)] = objective ? fmt::format("x{}", k) : fmt::format("w_{}", k + 1);
  }
  if (layout.output >= 0) {
    names[static_cast<std::size_t>(layout.output)] = std::string(1, 'r');
  }
  if (layout.bias >= 0) {
    names[static_cast<std::size_t>(layout.bias)] = std::string(1, 'b');
  }
  return names;
}

bool Experiment::has_stop_rule() const {
  return std::any_of(stop_rules.begin(), stop_rules.end(), [](const auto& rule) { return rule.has_value(); });
}

double Experiment::num_bytes() const {
  return 8.0 * static_cast<double>(data.train_inputs.size() + data.test_inputs.size() + data.train_targets.size() +
                                   data.test_targets.size() + initial.size());
}

std::int64_t Experiment::num_frames(std::int64_t first_step) const {
  if (tracked.empty()) {
    return 0;
  }
  // What follows a phase that ends early begins, and ends, at steps that no trigger knows of; in their place the last
  // one that it knows of is not reached.
  std::int64_t num_unknown = 0;
  for (std::size_t i = 0; i + 1 < phases.size() && num_unknown == 0; ++i) {
    if (phases[i].until_gradient_norm > 0 || stop_rules[i]) {
      num_unknown = std::ssize(phases) - 1 - static_cast<std::int64_t>(i);
    }
  }
  return track.num_fires(first_step, num_steps()) + num_unknown;
}

double Experiment::frame_bytes() const {
  const int num_matrices = track_velocities ? 2 : 1;
  return 16 + 8.0 * num_matrices * static_cast<double>(tracked.size()) * static_cast<double>(initial.cols());
}

std::vector<std::string> Experiment::formulas() const {
  std::vector<std::string> lines = {"data: " + data.description};
  lines.insert(lines.end(), data.warnings.begin(), data.warnings.end());
  if (objective) {
    lines.push_back("objective: " + objective->make<double>(data)->describe(initial.rows()));
  } else {
    lines.insert(lines.end(), {"network: " + model->describe(initial.rows()), "risk: " + risk.describe()});
  }
  if (!start.empty()) {
    lines.push_back("start: " + start);
  }
  if (kernel) {
    const auto method = kernel->describe();
    lines.insert(lines.end(), method.begin(), method.end());
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const auto& rule = stop_rules[i];
    lines.push_back(fmt::format("phase {}: {}{}", i, phases[i].describe(),
                                rule ? fmt::format("; ends once {} {}", rule->column, rule->condition()) : ""));
  }
  const auto is_warm = [](const Phase& phase) { return phase.temperature.value > 0; };
  if (!noise.is_plain() && std::any_of(phases.begin(), phases.end(), is_warm)) {
    lines.push_back("noise: " + noise.describe());
  }
  if (!kernel) {
    const auto notes = observation_notes(scene(), observables);
    lines.insert(lines.end(), notes.begin(), notes.end());
  }
  if (const double bytes = static_cast<double>(num_frames()) * frame_bytes(); bytes >= 0x1p30) {
    lines.push_back(fmt::format("trajectory: large, up to {:.3g} GiB for {} frames of {} particles", bytes / 0x1p30,
                                num_frames(), tracked.size()));
  }
  return lines;
}

}  // namespace mfld
