#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "config/readers/readers.hpp"
#include "mfld/objective/particle_objective.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<Named<Precision>, 2> precisions = {
    {{"double", Precision::double_precision}, {"single", Precision::single_precision}}};
constexpr std::array<Named<OutputLaw>, 3> output_laws = {
    {{"gaussian", OutputLaw::gaussian}, {"sign", OutputLaw::sign}, {"uniform", OutputLaw::uniform}}};
enum class InputLaw { gaussian, sphere, box };
constexpr std::array<Named<InputLaw>, 3> input_laws = {
    {{"gaussian", InputLaw::gaussian}, {"sphere", InputLaw::sphere}, {"box", InputLaw::box}}};

Neuron read_neuron(Section& section) {
  Neuron neuron;
  const NeuronInfo& row = neurons[section.choice("neuron", "h(theta; x)", "r-sigma", names_of(neurons))];
  neuron.kind = row.kind;
  const std::string default_activation(info(row.activation).name);
  neuron.activation =
      activations[section.choice("activation", "sigma", {default_activation, "the neuron's"}, names_of(activations))]
          .kind;
  section.check(!row.fixed_activation || neuron.activation == row.activation, "activation",
                fmt::format("must be \"{}\", which is part of the neuron {}", default_activation, row.name));
  neuron.bias = section.flag("bias", "whether neurons have a bias b", {row.bias_default, "the neuron's"});
  section.check(row.bias_optional || neuron.bias == row.bias_default, "bias",
                fmt::format("must be {} for the neuron {}", row.bias_default, row.name));
  const auto with_bound = names_where(neurons, [](const NeuronInfo& other) { return other.has_bound; });
  if (section.reads("bound", row.has_bound, "network.neuron = " + with_bound)) {
    neuron.bound = section.number("bound", "R, bound of the output weight", neuron.bound, NumberRule::positive);
  }
  return neuron;
}

Scaling read_scaling(Section& section) {
  Scaling scaling;
  scaling.kind = pick(section, "scaling", "factor in front of the sum over neurons", "mean-field", scaling_names);
  if (section.reads("alpha", scaling.kind == ScalingKind::alpha, "network.scaling = \"alpha\"")) {
    scaling.alpha = section.number("alpha", "f = alpha/N sum_j h", required, NumberRule::positive);
  }
  return scaling;
}

TrainedBlocks read_trained_blocks(Section& section, const Neuron& neuron) {
  const NeuronInfo& row = info(neuron.kind);
  std::vector<std::string> existing = {"input"};
  if (neuron.bias) {
    existing.emplace_back("bias");
  }
  if (row.has_output && row.output_trainable) {
    existing.emplace_back("output");
  }
  const auto names = section.names("train", "blocks of parameters that move: input (w), bias (b), output (r)",
                                   {existing, "all that exist and can"});
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  section.check(!names.empty(), "train", "must name at least one block");
  for (const std::string& name : names) {
    section.check(has(existing, name), "train",
                  fmt::format("\"{}\" is none of what the neuron {} {} bias can train: {}", name, row.name,
                              neuron.bias ? "with" : "without", boost::algorithm::join(existing, ", ")));
  }
  return {has(names, "input"), has(names, "bias"), has(names, "output")};
}

}  // namespace

namespace {

Index read_width(Section& section) {
  return section.integer("width", "N, number of neurons = particles", required, {1, std::int64_t{1} << 31});
}

Precision read_precision(Section& section) {
  return pick(section, "precision", "of the particles; sums are in double", "double", precisions);
}

/// w, where the points are too.
void read_input_law(Section& section, Initialisation& law) {
  const InputLaw input = pick(section, "input_law",
                              "law of w, or of a point: N(0, input_std^2 I), the sphere of that radius, or uniform on "
                              "[box_low, box_high)^d",
                              "gaussian", input_laws);
  law.input_on_sphere = input == InputLaw::sphere;
  law.input_in_box = input == InputLaw::box;
  if (section.reads("input_std", !law.input_in_box, "network.init.input_law = \"gaussian\" or \"sphere\"")) {
    law.input_std = section.number("input_std", "standard deviation of w", law.input_std, NumberRule::non_negative);
  }
  constexpr std::string_view with_box = "network.init.input_law = \"box\"";
  if (section.reads("box_low", law.input_in_box, with_box)) {
    law.box_low = section.number("box_low", "least coordinate", law.box_low, NumberRule::any);
  }
  if (section.reads("box_high", law.input_in_box, with_box)) {
    law.box_high = section.number("box_high", "largest coordinate", {law.box_high, "2 pi"}, NumberRule::any);
    section.check(law.box_high > law.box_low && std::isfinite(law.box_high - law.box_low), "box_high",
                  fmt::format("must be above network.init.box_low = {}", law.box_low));
  }
}

}  // namespace

NetworkOptions read_network(const Section& root) {
  Section section = root.table("network");
  Section of_neurons = root.table("network", with_network);
  NetworkOptions options;
  options.neuron = read_neuron(of_neurons);
  options.width = read_width(section);
  options.scaling = read_scaling(of_neurons);
  options.trained = read_trained_blocks(of_neurons, options.neuron);
  options.linearised = of_neurons.flag(
      "linearised", "the tangent model f_0(x) + grad f_0(x) . (theta - theta_0) at the first particles", false);
  options.precision = read_precision(section);
  return options;
}

NetworkOptions read_points(const Section& root) {
  Section section = root.table("network");
  NetworkOptions options;
  options.neuron = network_of_points(1).neuron();
  options.width = read_width(section);
  options.precision = read_precision(section);
  return options;
}

Initialisation read_initialisation_of_points(Section section) {
  Initialisation law;
  read_input_law(section, law);
  return law;
}

Initialisation read_initialisation(const Section& root, const Neuron& neuron, Index width) {
  Section of_input = root.table("network.init");
  Section section = root.table("network.init", with_network);
  const NeuronInfo& row = info(neuron.kind);
  const bool frozen_sign = row.has_output && !row.output_trainable;
  Initialisation law;
  read_input_law(of_input, law);
  if (section.reads("bias_std", neuron.bias, "network.bias = true")) {
    law.bias_std = section.number("bias_std", "standard deviation of b", law.bias_std, NumberRule::non_negative);
  }
  if (section.reads("output_law", row.has_output, "a neuron that has an output weight")) {
    law.output_law = pick(section, "output_law", "law of r: N(0, output_std^2), a fair sign, Unif(0, 1)",
                          {frozen_sign ? "sign" : "gaussian", "gaussian; sign for fixed-sign"}, output_laws);
    section.check(!frozen_sign || law.output_law == OutputLaw::sign, "output_law",
                  fmt::format("must be \"sign\" for the neuron {}", row.name));
  }
  if (section.reads("output_std", row.has_output && law.output_law == OutputLaw::gaussian,
                    "network.init.output_law = \"gaussian\"")) {
    law.output_std = section.number("output_std", "standard deviation of r", law.output_std, NumberRule::non_negative);
  }
  law.symmetric = section.flag("symmetric", "pairs of neurons that cancel: f = 0 at the start", law.symmetric);
  section.check(!law.symmetric || row.odd_in_output, "symmetric",
                fmt::format("needs a neuron that is odd in its output weight, not {}", row.name));
  section.check(!law.symmetric || width % 2 == 0, "symmetric",
                fmt::format("needs an even network.width, not {}", width));
  return law;
}

}  // namespace mfld::readers
