#include "mfld/model/neuron.hpp"

#include <algorithm>

namespace mfld {

const NeuronInfo& info(NeuronKind kind) {
  return *std::find_if(neurons.begin(), neurons.end(), [kind](const NeuronInfo& row) { return row.kind == kind; });
}

ParameterLayout parameter_layout(const Neuron& neuron, Index input_dim) {
  ParameterLayout layout;
  layout.input_dim = input_dim;
  if (info(neuron.kind).has_output) {
    layout.output = 0;
    layout.input = 1;
  }
  layout.size = layout.input + input_dim;
  if (neuron.bias) {
    layout.bias = layout.size++;
  }
  return layout;
}

}  // namespace mfld
