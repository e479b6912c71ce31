#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mfld/core/packed_inputs.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/model/neuron.hpp"
#include "mfld/model/scaling.hpp"

namespace mfld {

/// Where the coefficient c_i of a sample comes from, given the outputs of a run of samples (src/README.md, "How a step
/// moves a particle"): called once per block of samples [first, first + outputs.size()), from one thread.
class Field {
 public:
  virtual ~Field() = default;
  virtual void coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const = 0;
};

/// What to do with the particles [first, last) as soon as their drift is complete and while it is still in the cache.
/// Called once for every particle, from the tasks: at once for different particles. Give std::cref of a function that
/// lives through the call: the copy of a larger one allocates.
using Finish = std::function<void(Index first, Index last)>;

/// Scratch memory of the kernels: O(samples of one block x N), at most about 100 MB whatever n, or 8 samples where even
/// those need more.
/// One per caller that runs concurrently; allocates on first use and never again for the same sizes.
template <class Scalar>
class KernelWorkspace {
 public:
  KernelWorkspace();
  ~KernelWorkspace();
  KernelWorkspace(KernelWorkspace&&) noexcept;
  KernelWorkspace& operator=(KernelWorkspace&&) noexcept;

  struct Buffers;
  Buffers& buffers() { return *buffers_; }

 private:
  std::unique_ptr<Buffers> buffers_;
};

/// Blocks of parameters that are trained; the others keep their first values and get no noise.
struct TrainedBlocks {
  bool input = true;
  bool bias = true;
  bool output = true;
};

/// Whether a kernel overwrites its result or adds to it.
enum class Accumulate { assign, add };

/// A two-layer network: a neuron family, its input dimension and a scaling. Holds no weights and draws nothing.
class Network {
 public:
  Network(Neuron neuron, Index input_dim, Scaling scaling, TrainedBlocks trained = {});

  /// The tangent model of this network at `anchor` theta_0 [N x p]:
  ///   f(x) = output_factor sum_j [h(theta_0j; x) + grad h(theta_0j; x) . (theta_j - theta_0j)]
  /// It trains by every method, through the same kernels; its tangent kernel never changes (Jacot, Gabriel & Hongler
  /// 2018; Lee et al. 2019). Keeps a copy of theta_0. Cost: one more product per pair in the reduce pass.
  Network linearised_at(const Particles<double>& anchor) const;
  bool is_linearised() const { return anchor_ != nullptr; }
  /// theta_0 of a linearised network.
  const Particles<double>& anchor() const;

  const Neuron& neuron() const { return neuron_; }
  const ParameterLayout& layout() const { return layout_; }
  const Scaling& scaling() const { return scaling_; }
  Index input_dim() const { return layout_.input_dim; }
  /// trained()[k] is 1 where column k moves, else 0.
  const std::vector<unsigned char>& trained() const { return trained_; }

  /// f(x_i) = output_factor sum_j h(theta_j; x_i), summed in a fixed order, across particle blocks in double.
  /// particles [N x p]; inputs n samples; outputs [n]. Cost about 2 n N d flops and n N activations. Parallel over
  /// particles.
  template <class Scalar>
  void outputs(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, std::span<double> outputs,
               KernelWorkspace<Scalar>& workspace) const;

  /// Reduce, then map, in one pass over blocks of samples (the N x n activations never reach memory):
  ///   f_i = output_factor sum_j h(theta_j; x_i),   c = field(f),
  ///   drift_j (=, +=) weight sum_i c_i grad h(theta_j; x_i)
  /// for every particle j from the same frozen configuration. `weight` is drift_factor / |I|. Columns that are not
  /// trained get 0. outputs, if not empty, receives f [n]. finish may move the particles it is called for: nothing
  /// reads them any more.
  /// Cost about 4 n N d flops and n N activations. Parallel over particles; the same bits on any thread count.
  template <class Scalar>
  void drift(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, const Field& field, double weight,
             Accumulate accumulate, Drift& drift, std::span<double> outputs, KernelWorkspace<Scalar>& workspace,
             const Finish& finish = {}) const;

  /// The formulas in words, as runs print them.
  std::string describe(Index num_particles) const;

 private:
  Neuron neuron_;
  ParameterLayout layout_;
  Scaling scaling_;
  std::vector<unsigned char> trained_;
  struct Anchor;
  template <class Scalar>
  const Scalar* anchor_data() const;
  std::shared_ptr<const Anchor> anchor_;  // of a linearised network
};

/// Instruction sets this build can run here, best first, and the one in use ("AVX3", "AVX2", "SSE4", "SCALAR", ...).
std::vector<std::string> available_instruction_sets();
std::string instruction_set();
/// Uses only `name` from now on; throws InvalidInput if this machine or build does not have it.
void force_instruction_set(const std::string& name);

/// f at inputs [n x d], of which there may be none, for callers that ask once: packs them, and allocates.          [n]
Vector outputs_at(const Network& network, const Particles<double>& particles, const Inputs& inputs);

}  // namespace mfld
