#include "mfld/model/neuron_derivatives.hpp"

#include <cassert>

namespace mfld {

HeadValues heads_of(const Network& network, const Eigen::Ref<const Particles<double>>& particles) {
  const Index output = network.layout().output;
  return head_values(network.neuron(), output >= 0 ? Vector(particles.col(output)) : Vector::Zero(particles.rows()));
}

NeuronDerivatives neuron_derivatives(const Network& network, const Eigen::Ref<const Particles<double>>& particles,
                                     const Eigen::Ref<const Inputs>& inputs) {
  const ParameterLayout& layout = network.layout();
  assert(particles.cols() == layout.size && inputs.cols() == layout.input_dim);
  Matrix z = inputs * particles.middleCols(layout.input, layout.input_dim).transpose();
  if (layout.bias >= 0) {
    z.rowwise() += particles.col(layout.bias).transpose();
  }
  NeuronDerivatives result{Matrix(z.rows(), z.cols()), Matrix(z.rows(), z.cols()), Matrix(z.rows(), z.cols())};
  const auto length = static_cast<std::size_t>(z.size());
  evaluate(network.neuron().activation, {z.data(), length}, {result.value.data(), length},
           {result.hidden.data(), length});
  const HeadValues head = heads_of(network, particles);
  if (layout.output >= 0) {
    result.output = (result.value * head.weight_slope.asDiagonal()).rowwise() + head.offset_slope.transpose();
  } else {
    result.output.setZero();
  }
  result.hidden = result.hidden * head.weight.asDiagonal();
  result.value = ((result.value * head.weight.asDiagonal()).rowwise() + head.offset.transpose()).eval();
  return result;
}

}  // namespace mfld
