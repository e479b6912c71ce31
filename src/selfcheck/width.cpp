#include "selfcheck/width.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "mfld/model/initialisation.hpp"
#include "selfcheck/run.hpp"

namespace mfld::theorems {

namespace {

constexpr double largest_deviation = 0.1;

struct Coordinates {
  double outputs;
  double activations;
};

Matrix activations_of(const Network& network, const Particles<double>& particles, const Inputs& inputs) {
  const ParameterLayout& layout = network.layout();
  return (inputs * particles.middleCols(layout.input, layout.input_dim).transpose()).array().tanh();
}

double root_mean_square(const Matrix& numbers) {
  return numbers.norm() / std::sqrt(static_cast<double>(numbers.size()));
}

Coordinates after_five_steps(const Dataset& data, const Scaling& scaling, Index width) {
  const Network network({NeuronKind::r_sigma, Activation::tanh, false}, data.input_dim(), scaling);
  State<double> start;
  start.particles = initial_particles({.symmetric = true}, network.neuron(), data.input_dim(), width, 1);
  const Matrix before = activations_of(network, start.particles, data.train_inputs);
  const State<double> end = SelfcheckRun{network, data, {selfcheck_phase("gd", 5, 0.2, 0, 0)}}.from(std::move(start));
  const Matrix after = activations_of(network, end.particles, data.train_inputs);
  const Vector outputs = scaling.output_factor(width) * after * end.particles.col(network.layout().output);
  return {root_mean_square(outputs), root_mean_square(after - before)};
}

}  // namespace

WidthSlopes width_slopes(const Scaling& scaling) {
  const Dataset data = selfcheck_samples(50);
  constexpr Index num_widths = 4;
  Vector x(num_widths), outputs(num_widths), moved(num_widths);
  for (Index k = 0; k < num_widths; ++k) {
    const Index width = Index{256} << (2 * k);
    const Coordinates seen = after_five_steps(data, scaling, width);
    x[k] = std::log(static_cast<double>(width));
    outputs[k] = std::log(seen.outputs);
    moved[k] = std::log(seen.activations);
  }
  x.array() -= x.mean();
  return {x.dot(outputs) / x.squaredNorm(), x.dot(moved) / x.squaredNorm()};
}

Finding judge_width(const WidthSlopes& found, ScalingKind scaling) {
  const double expected = scaling == ScalingKind::mean_field ? 0 : -0.5;
  return {fmt::format("{:+.3f}, {:+.3f}", found.outputs, found.activations),
          fmt::format("0, {:.1f}, within {}", expected, largest_deviation),
          std::abs(found.outputs) <= largest_deviation && std::abs(found.activations - expected) <= largest_deviation};
}

}  // namespace mfld::theorems
