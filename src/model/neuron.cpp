#include "mfld/model/neuron.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"

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

HeadValues head_values(const Neuron& neuron, const Vector& r) {
  constexpr Index strip = 64;  // a multiple of every vector length
  HeadValues values{Vector(r.size()), Vector(r.size()), Vector(r.size()), Vector(r.size())};
  Vector* const parts[] = {&values.weight, &values.weight_slope, &values.offset, &values.offset_slope};
  double input[strip] = {};
  double output[4 * strip];
  for (Index first = 0; first < r.size(); first += strip) {
    const Index count = std::min(strip, r.size() - first);
    std::copy_n(r.data() + first, count, input);
    kernels::table<double>().head(neuron, strip, input, output);
    for (Index part = 0; part < 4; ++part) {
      std::copy_n(output + part * strip, count, parts[part]->data() + first);
    }
  }
  return values;
}

}  // namespace mfld
