#include "mfld/trust/neuron_values.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <vector>

#include "mfld/model/neuron_derivatives.hpp"

namespace mfld {

namespace {

/// Outputs of a network on inputs, one a row, at the rows of `particles`.
template <class Scalar>
Vector outputs_on(const Inputs& inputs, const Network& network, const Particles<Scalar>& particles,
                  KernelWorkspace<Scalar>& workspace) {
  std::vector<double> outputs(static_cast<std::size_t>(inputs.rows()));
  network.outputs(particles, PackedInputs<Scalar>(inputs), outputs, workspace);
  return Eigen::Map<const Vector>(outputs.data(), inputs.rows());
}

/// Columns w and b, which are neighbours.
auto hidden_columns(const ParameterLayout& layout, const Particles<double>& thetas) {
  return thetas.middleCols(layout.input, layout.input_dim + (layout.bias >= 0 ? 1 : 0));
}

}  // namespace

int growth_order(const Neuron& neuron) {
  const NeuronInfo& row = info(neuron.kind);
  return std::max(row.weight_growth + info(neuron.activation).growth, +row.offset_growth);
}

double range_of(const Neuron& neuron) {
  const NeuronKind kind = neuron.kind;
  const bool bounded = growth_order(neuron) == 0;  // |sigma| <= 1
  if (kind == NeuronKind::sigma && bounded) {
    return neuron.activation == Activation::sigmoid ? 1 : 2;
  }
  const bool up_to_bound = kind == NeuronKind::parity || (kind == NeuronKind::bounded_r && bounded);
  return up_to_bound ? 2 * neuron.bound : std::numeric_limits<double>::infinity();
}

template <class Scalar>
HiddenSums<Scalar>::HiddenSums(const Network& network, const Inputs& inputs, const Vector& coefficients)
    : layout_(network.layout()),
      exchanged_({NeuronKind::r_sigma, network.neuron().activation, false, 1},
                 inputs.cols() + (layout_.bias >= 0 ? 1 : 0), {}),
      samples_(inputs.rows(), exchanged_.layout().size) {
  assert(inputs.rows() == coefficients.size());
  samples_.setOnes();
  // Its outputs are means over the samples.
  samples_.col(0) = (static_cast<double>(inputs.rows()) * coefficients).template cast<Scalar>();
  samples_.middleCols(1, inputs.cols()) = inputs.template cast<Scalar>();
}

template <class Scalar>
Vector HiddenSums<Scalar>::operator()(const Particles<double>& thetas) {
  return outputs_on(Inputs(hidden_columns(layout_, thetas)), exchanged_, samples_, workspace_);
}

template class HiddenSums<double>;
template class HiddenSums<float>;

template <class Scalar>
Vector first_variation(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                       const Vector& coefficients) {
  const HeadValues head = heads_of(network, thetas);
  return head.weight.cwiseProduct(HiddenSums<Scalar>(network, inputs, coefficients)(thetas)) +
         coefficients.sum() * head.offset;
}

template Vector first_variation<double>(const Network&, const Particles<double>&, const Inputs&, const Vector&);
template Vector first_variation<float>(const Network&, const Particles<double>&, const Inputs&, const Vector&);

Vector weighted_outputs(const Network& network, const Particles<double>& thetas, const Vector& weights,
                        const Inputs& inputs) {
  assert(thetas.rows() == weights.size());
  const HeadValues head = heads_of(network, thetas);
  const Network weighted({NeuronKind::r_sigma, network.neuron().activation, network.layout().bias >= 0, 1},
                         inputs.cols(), {});
  Particles<double> particles(thetas.rows(), weighted.layout().size);
  particles << static_cast<double>(thetas.rows()) * weights.cwiseProduct(head.weight),
      hidden_columns(network.layout(), thetas);
  KernelWorkspace<double> workspace;
  return outputs_on(inputs, weighted, particles, workspace).array() + weights.dot(head.offset);
}

}  // namespace mfld
