#include "mfld/trust/neuron_values.hpp"

#include <cassert>
#include <vector>

namespace mfld {

namespace {

int growth_order(Activation kind) {
  if (info(kind).bounded) {
    return 0;
  }
  return kind == Activation::squared_relu ? 2 : 1;
}

/// (1/M) sum_m factor_m sigma(w_m . x + b_m) over M rows (w_m, b_m) of `weights`: a network's outputs.
Vector mean_activations(Activation activation, bool bias, const Vector& factors, const Matrix& weights,
                        const Inputs& inputs) {
  const Network network({NeuronKind::r_sigma, activation, bias, 1}, inputs.cols(), {});
  Particles<double> particles(factors.size(), network.layout().size);
  particles << factors, weights;
  std::vector<double> outputs(static_cast<std::size_t>(inputs.rows()));
  KernelWorkspace<double> workspace;
  network.outputs(particles, PackedInputs<double>(inputs), outputs, workspace);
  return Eigen::Map<const Vector>(outputs.data(), inputs.rows());
}

Vector outputs_of(const Network& network, const Particles<double>& thetas) {
  return network.layout().output >= 0 ? Vector(thetas.col(network.layout().output)) : Vector::Zero(thetas.rows());
}

/// Columns w and b, which are neighbours.
auto hidden_columns(const Network& network, const Particles<double>& thetas) {
  const ParameterLayout& layout = network.layout();
  return thetas.middleCols(layout.input, layout.input_dim + (layout.bias >= 0 ? 1 : 0));
}

}  // namespace

int growth_order(const Neuron& neuron) {
  switch (neuron.kind) {
    case NeuronKind::r_sigma:
      return 1 + growth_order(neuron.activation);
    case NeuronKind::bounded_r:
    case NeuronKind::fixed_sign:
    case NeuronKind::sigma:
      return growth_order(neuron.activation);
    case NeuronKind::linear:
    case NeuronKind::parity_unbounded:
      return 1;
    case NeuronKind::parity:
      return 0;
  }
  return 3;
}

bool is_linear_in_output(const Neuron& neuron) {
  return neuron.kind == NeuronKind::r_sigma || neuron.kind == NeuronKind::parity_unbounded;
}

Vector hidden_sums(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                   const Vector& coefficients) {
  assert(!network.is_linearised() && inputs.rows() == coefficients.size());
  // The network's own pass with the parts exchanged: a sample is a neuron with the weights (x_i, 1), a theta its input.
  const bool bias = network.layout().bias >= 0;
  Matrix samples(inputs.rows(), inputs.cols() + (bias ? 1 : 0));
  samples.leftCols(inputs.cols()) = inputs;
  samples.rightCols(bias ? 1 : 0).setOnes();
  return mean_activations(network.neuron().activation, false, static_cast<double>(inputs.rows()) * coefficients,
                          samples, Inputs(hidden_columns(network, thetas)));
}

Vector first_variation(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                       const Vector& coefficients) {
  const HeadValues head = head_values(network.neuron(), outputs_of(network, thetas));
  return head.weight.cwiseProduct(hidden_sums(network, thetas, inputs, coefficients)) +
         coefficients.sum() * head.offset;
}

Vector weighted_outputs(const Network& network, const Particles<double>& thetas, const Vector& weights,
                        const Inputs& inputs) {
  assert(!network.is_linearised() && thetas.rows() == weights.size());
  const HeadValues head = head_values(network.neuron(), outputs_of(network, thetas));
  const Vector factors = static_cast<double>(thetas.rows()) * weights.cwiseProduct(head.weight);
  return mean_activations(network.neuron().activation, network.layout().bias >= 0, factors,
                          hidden_columns(network, thetas), inputs)
             .array() +
         weights.dot(head.offset);
}

}  // namespace mfld
