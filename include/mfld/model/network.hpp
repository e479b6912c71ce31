#pragma once
#include <string>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/model/model.hpp"
#include "mfld/model/neuron.hpp"
#include "mfld/model/scaling.hpp"

namespace mfld {

/// Blocks of parameters that are trained; the others keep their first values and get no noise.
struct TrainedBlocks {
  bool input = true;
  bool bias = true;
  bool output = true;
};

/// A two-layer network: a neuron family, its input dimension and a scaling (src/README.md, equations 1 and 2):
///   f(x) = output_factor sum_j h(theta_j; x)
/// The N x n activations never reach memory. Cost of its outputs: about 2 n N d flops and n N activations; of the drift
/// 4 n N d and n N.
class Network final : public Model {
 public:
  Network(Neuron neuron, Index input_dim, Scaling scaling, TrainedBlocks trained = {});

  const Network& network() const override { return *this; }
  std::string describe(Index num_particles) const override;

  const Neuron& neuron() const { return neuron_; }
  const ParameterLayout& layout() const { return layout_; }
  const Scaling& scaling() const { return scaling_; }
  Index input_dim() const { return layout_.input_dim; }
  /// trained()[k] is 1 where column k moves, else 0.
  const std::vector<unsigned char>& trained() const { return trained_; }
  bool trains(Index column) const { return column >= 0 && trained_[static_cast<std::size_t>(column)] != 0; }

  /// values [N x n] <- h(theta_j; x_i) of every particle by itself, whose mean over them the outputs are. By the code
  /// and at the cost of the outputs, with their promises; values are resized.
  template <class Scalar>
  void neuron_outputs(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, Particles<Scalar>& values,
                      KernelWorkspace<Scalar>& workspace) const;

 private:
  void run(const OutputsPass<double>& pass) const override;
  void run(const OutputsPass<float>& pass) const override;
  void run(const DriftPass<double>& pass) const override;
  void run(const DriftPass<float>& pass) const override;

  Neuron neuron_;
  ParameterLayout layout_;
  Scaling scaling_;
  std::vector<unsigned char> trained_;
};

/// Instruction sets this build can run here, best first, and the one in use ("AVX3", "AVX2", "SSE4", "SCALAR", ...).
std::vector<std::string> available_instruction_sets();
std::string instruction_set();
/// Uses only `name` from now on; throws InvalidInput if this machine or build does not have it.
void force_instruction_set(const std::string& name);

}  // namespace mfld
