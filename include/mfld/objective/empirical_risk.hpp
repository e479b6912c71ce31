#pragma once
#include <span>
#include <vector>

#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// Some of the n samples, as the passes of the network want them.
template <class Scalar>
struct Batch {
  std::vector<Index> samples;   // [B] ascending
  PackedInputs<Scalar> inputs;  // [B x d]
  std::vector<double> targets;  // [B]
};

/// The data part R of the objective on one training set, and its drift
///   v_j = weight sum_i l'(f(x_i), y_i) grad h(theta_j; x_i)
/// over all samples or a batch of them, at the outputs of the moment or from given coefficients; the weight makes a
/// batch an unbiased estimate (Risk::drift_weight). Knows neither penalty nor noise. Keeps the packed inputs
/// and the memory of the passes: one object per caller that runs concurrently. Its passes allocate only when sizes
/// change, are parallel over particles and give the same bits on any number of threads. Refers to its arguments.
template <class Scalar>
class EmpiricalRisk {
 public:
  EmpiricalRisk(const Network& network, const Risk& risk, const Dataset& data);

  const Network& network() const { return *network_; }
  const Risk& risk() const { return *risk_; }
  const Dataset& data() const { return *data_; }
  Index num_samples() const { return data_->num_train(); }

  /// outputs [n] <- f(x_i).
  void outputs(const Particles<Scalar>& particles, std::span<double> outputs);
  /// c_i = l'(f_i, y_i) [n] of outputs [n]; may be the same memory.
  void field(std::span<const double> outputs, std::span<double> coefficients) const;

  /// drift [N x p] <- v; outputs [n], or empty, <- f(x_i).
  void drift(const Particles<Scalar>& particles, Drift& drift, std::span<double> outputs = {},
             const Finish& finish = {});
  /// The same with coefficients [n] instead of l', and drift_factor as the weight.
  void drift_from(std::span<const double> coefficients, const Particles<Scalar>& particles, Drift& drift,
                  const Finish& finish);

  /// Makes the batch that of batch.samples, with memory for as many.
  void gather(Batch<Scalar>& batch) const;
  /// drift <- v_I.
  void drift(const Batch<Scalar>& batch, const Particles<Scalar>& particles, Drift& drift, const Finish& finish);
  /// drift <- drift - v_I with coefficients [B] instead of l'.
  void subtract_from(std::span<const double> coefficients, const Batch<Scalar>& batch,
                     const Particles<Scalar>& particles, Drift& drift, const Finish& finish);

 private:
  double weight(Index num_particles, Index batch_size) const;

  const Network* network_;
  const Risk* risk_;
  const Dataset* data_;
  PackedInputs<Scalar> inputs_;
  KernelWorkspace<Scalar> workspace_;
};

}  // namespace mfld
