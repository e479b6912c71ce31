#include "mfld/model/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "model/pass.hpp"

namespace mfld {

template <class Scalar>
KernelWorkspace<Scalar>::KernelWorkspace(Ranks* ranks) : buffers_(std::make_unique<Buffers>()), ranks_(ranks) {}
template <class Scalar>
KernelWorkspace<Scalar>::~KernelWorkspace() = default;
template <class Scalar>
KernelWorkspace<Scalar>::KernelWorkspace(KernelWorkspace&&) noexcept = default;
template <class Scalar>
KernelWorkspace<Scalar>& KernelWorkspace<Scalar>::operator=(KernelWorkspace&&) noexcept = default;

template class KernelWorkspace<double>;
template class KernelWorkspace<float>;

Network::Network(Neuron neuron, Index input_dim, Scaling scaling, TrainedBlocks trained)
    : neuron_(neuron),
      layout_(parameter_layout(neuron, input_dim)),
      scaling_(scaling),
      trained_(static_cast<std::size_t>(layout_.size)) {
  std::fill_n(trained_.begin() + layout_.input, input_dim, static_cast<unsigned char>(trained.input));
  if (layout_.bias >= 0) {
    trained_[static_cast<std::size_t>(layout_.bias)] = static_cast<unsigned char>(trained.bias);
  }
  if (layout_.output >= 0) {
    trained_[static_cast<std::size_t>(layout_.output)] =
        static_cast<unsigned char>(trained.output && info(neuron.kind).output_trainable);
  }
}

void Network::run(const OutputsPass<double>& pass) const { passes::run<double>(*this, nullptr, pass); }
void Network::run(const OutputsPass<float>& pass) const { passes::run<float>(*this, nullptr, pass); }
void Network::run(const DriftPass<double>& pass) const { passes::run<double>(*this, nullptr, pass); }
void Network::run(const DriftPass<float>& pass) const { passes::run<float>(*this, nullptr, pass); }

template <class Scalar>
void Network::neuron_outputs(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs,
                             Particles<Scalar>& values, KernelWorkspace<Scalar>& workspace) const {
  values.resize(particles.rows(), inputs.num_samples());
  passes::Pass<Scalar> blocks(*this, nullptr, particles, inputs, true, workspace, nullptr);
  const kernels::Table<Scalar>& table = kernels::table<Scalar>();
  blocks.for_each_group([&](Index group, const kernels::Block<Scalar>& block, const Scalar* values_of_sigma) {
    constexpr Index most = 64;  // a multiple of every vector length, and a group at least
    assert(table.group_size <= most);
    const Index first = group * table.group_size;
    const Index count = std::min(table.group_size, particles.rows() - first);
    Scalar output[most] = {};
    Scalar head[4 * most];
    if (layout_.output >= 0) {
      std::copy_n(particles.col(layout_.output).data() + first, count, output);
    }
    table.head(neuron_, most, output, head);
    for (Index s = 0; s < block.count; ++s) {
      Scalar* const to = values.col(block.first + s).data() + first;
      const Scalar* const sigma = values_of_sigma + s * table.group_size;
      for (Index j = 0; j < count; ++j) {
        to[j] = head[j] * sigma[j] + head[2 * most + j];
      }
    }
  });
}

template void Network::neuron_outputs(const Particles<double>&, const PackedInputs<double>&, Particles<double>&,
                                      KernelWorkspace<double>&) const;
template void Network::neuron_outputs(const Particles<float>&, const PackedInputs<float>&, Particles<float>&,
                                      KernelWorkspace<float>&) const;

std::string Network::describe(Index num_particles) const {
  const NeuronInfo& row = info(neuron_.kind);
  std::string text = fmt::format("f(x) = {} * sum_j h(theta_j; x), N = {}, h(theta; x) = {}",
                                 scaling_.output_factor(num_particles), num_particles, row.formula);
  if (!neuron_.bias && row.bias_optional) {
    text += " with b = 0";
  }
  if (!row.fixed_activation) {
    text += fmt::format(", sigma(z) = {}", info(neuron_.activation).formula);
  }
  if (row.has_bound) {
    text += fmt::format(", R = {}", neuron_.bound);
  }
  return text;
}

Vector outputs_at(const Model& model, const Particles<double>& particles, const Inputs& inputs) {
  Vector outputs(inputs.rows());
  KernelWorkspace<double> workspace;
  if (inputs.rows() > 0) {
    model.outputs(particles, PackedInputs<double>(inputs), {outputs.data(), static_cast<std::size_t>(outputs.size())},
                  workspace);
  }
  return outputs;
}

}  // namespace mfld
