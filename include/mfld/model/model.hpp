#pragma once
#include <functional>
#include <memory>
#include <string>

#include "mfld/core/packed_inputs.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/core/sample_span.hpp"
#include "mfld/model/field.hpp"

namespace mfld {

class Network;
class Ranks;

/// What to do with the particles [first, last) as soon as their drift is complete and while it is still in the cache.
/// Called once for every particle, of ranks by the one that owns it, from the tasks: at once for different particles. Give std::cref of a function that
/// lives through the call: the copy of a larger one allocates.
using Finish = std::function<void(Index first, Index last)>;

/// Scratch memory of the kernels: O(samples of one block x N), at most about 100 MB whatever n, or 8 samples where even
/// those need more.
/// One per caller that runs concurrently; allocates on first use and never again for the same sizes.
template <class Scalar>
class KernelWorkspace {
 public:
  /// ranks: with whom the caller makes its passes together, over the same particles and inputs on all of them; none:
  /// alone.
  explicit KernelWorkspace(Ranks* ranks = nullptr);
  ~KernelWorkspace();
  KernelWorkspace(KernelWorkspace&&) noexcept;
  KernelWorkspace& operator=(KernelWorkspace&&) noexcept;

  struct Buffers;
  Buffers& buffers() { return *buffers_; }
  Ranks* ranks() const { return ranks_; }

 private:
  std::unique_ptr<Buffers> buffers_;
  Ranks* ranks_;
};

/// Whether a pass overwrites its result or adds to it.
enum class Accumulate { assign, add };

/// The arguments of Model::outputs and Model::drift.
template <class Scalar>
struct OutputsPass {
  const Particles<Scalar>& particles;
  const PackedInputs<Scalar>& inputs;
  SampleSpan<double> outputs;
  KernelWorkspace<Scalar>& workspace;
};

template <class Scalar>
struct DriftPass {
  const Particles<Scalar>& particles;
  const PackedInputs<Scalar>& inputs;
  const Field& field;
  double weight;
  Accumulate accumulate;
  Drift& drift;
  SampleSpan<double> outputs;
  KernelWorkspace<Scalar>& workspace;
  const Finish& finish;
};

/// What particles represent together, and how a field moves each of them: the two moves of every method (src/README.md,
/// "How a step moves a particle"). Holds no weights and draws nothing. Another model is another class with these
/// passes, which are virtual once a pass over the data.
class Model {
 public:
  virtual ~Model() = default;

  /// The network whose parameters the particles are: its neurons, layout, scaling and trained columns.
  virtual const Network& network() const = 0;
  /// Where the tangent kernel is taken, wherever the particles are [N x p]; nullptr: at the particles.
  virtual const Particles<double>* tangent_point() const { return nullptr; }
  /// The formulas in words, as runs print them.
  virtual std::string describe(Index num_particles) const = 0;

  /// f(x_i), summed over the particles in a fixed order, across blocks of them in double. particles [N x p]; inputs n
  /// samples; outputs [n x K], K = 1. Costs O(n N d), one activation a sample and particle. Parallel over particles;
  /// the same bits on any thread count.
  template <class Scalar>
  void outputs(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, SampleSpan<double> outputs,
               KernelWorkspace<Scalar>& workspace) const {
    run(OutputsPass<Scalar>{particles, inputs, outputs, workspace});
  }

  /// Reduce, then map, in one pass over blocks of samples:
  ///   f_i = f(x_i),   c = field(f),   drift_j (=, +=) weight sum_i c_i grad h(theta_j; x_i)
  /// for every particle j from the same frozen configuration. `weight` is drift_factor / |I|. Columns that are not
  /// trained get 0. outputs, if not empty, receives f [n x K]. finish may move the particles it is called for: nothing
  /// reads them any more. With it each rank completes the rows that it owns alone, without it all rows on every rank. Costs twice what the outputs cost, but the activations and their slopes are computed once.
  /// Parallel over particles; the same bits on any thread count.
  template <class Scalar>
  void drift(const Particles<Scalar>& particles, const PackedInputs<Scalar>& inputs, const Field& field, double weight,
             Accumulate accumulate, Drift& drift, SampleSpan<double> outputs, KernelWorkspace<Scalar>& workspace,
             const Finish& finish = {}) const {
    run(DriftPass<Scalar>{particles, inputs, field, weight, accumulate, drift, outputs, workspace, finish});
  }

 protected:
  Model() = default;
  Model(const Model&) = default;
  Model& operator=(const Model&) = default;

 private:
  virtual void run(const OutputsPass<double>& pass) const = 0;
  virtual void run(const OutputsPass<float>& pass) const = 0;
  virtual void run(const DriftPass<double>& pass) const = 0;
  virtual void run(const DriftPass<float>& pass) const = 0;
};

/// f at inputs [n x d], of which there may be none, for callers that ask once: packs them, and allocates.          [n]
Vector outputs_at(const Model& model, const Particles<double>& particles, const Inputs& inputs);

}  // namespace mfld
