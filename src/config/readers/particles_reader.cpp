#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/readers/readers.hpp"

namespace mfld::readers {

std::string read_particles(Section init) {
  constexpr std::string_view name = "particles";
  if (!init.reads(name, init.has(name), "arrays")) {
    return {};
  }
  std::string text =
      init.text(name, "an array of the program that uses the library, [width x p], in place of the laws", {"", "none"});
  for (const std::string_view key : {"input_law", "input_std", "bias_std", "output_law", "output_std", "symmetric"}) {
    init.check(!init.has(key), key, "must be left out where network.init.particles is given");
  }
  return text;
}

Particles<double> given_particles(const Section& init, const std::string& text, const NetworkOptions& options,
                                  const ParameterLayout& layout, const Surroundings& surroundings) {
  constexpr std::string_view name = "particles";
  const Inputs* array = surroundings.arrays == nullptr ? nullptr : surroundings.arrays->find(text);
  init.check(array != nullptr, name, std::string(no_given_array));
  init.check(array->rows() == options.width && array->cols() == layout.size, name,
             fmt::format("must have network.width = {} rows and {} columns{}{}{}", options.width, layout.size,
                         layout.output >= 0 ? ", r first" : "", layout.size > 1 ? ", w" : "",
                         layout.bias >= 0 ? ", b last" : ""));
  const NeuronInfo& row = info(options.neuron.kind);
  init.check(!row.has_output || row.output_trainable || (array->col(layout.output).array().abs() == 1).all(), name,
             fmt::format("must have -1 or +1 in column {}, the r of the neuron {}", layout.output, row.name));
  return *array;
}

void check_start(const Section& root, const Experiment& experiment) {
  const auto moves = [](const Phase& phase) { return phase.num_steps > 0; };
  const auto first = std::find_if(experiment.phases.begin(), experiment.phases.end(), moves);
  if (first == experiment.phases.end() || first->step_rule != StepKind::ball) {
    return;
  }
  Vector squares = Vector::Zero(experiment.initial.rows());
  for (Index column = 0; column < experiment.initial.cols(); ++column) {
    if (experiment.network().trains(column)) {
      squares += experiment.initial.col(column).cwiseAbs2();
    }
  }
  Index farthest = 0;
  const double distance = std::sqrt(squares.maxCoeff(&farthest));
  root.check(distance < first->radius, fmt::format("phase.{}.radius", first - experiment.phases.begin()),
             fmt::format("must be above {:.6g}, the distance from 0 of particle {}, which the run begins with",
                         distance, farthest));
}

}  // namespace mfld::readers
