#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "mfld/core/random.hpp"
#include "mfld/dynamics/natural_gradient.hpp"
#include "mfld/dynamics/phase.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// The samples of step `step`: `batch.size()` of n, ascending, with or without replacement. Reads only the stream
/// (seed, batch, step). Without replacement by Floyd's algorithm; batch.size() = n gives all samples in order.
void draw_batch(std::uint64_t seed, std::int64_t step, Index num_samples, Sampling sampling, std::span<Index> batch);

/// An unbiased estimate of the data part of the drift,
///   v_j = weight sum_{i in I} l'(f(x_i), y_i) grad h(theta_j; x_i),
/// from all samples (full), a mini-batch shared by all particles (minibatch, src/README.md, equation 6), or a
/// mini-batch corrected by a snapshot (svrg, src/README.md, equation 7); or the natural gradient of the squared loss
/// (dynamics/natural_gradient.hpp), from all samples. Knows neither penalty nor noise.
template <class Scalar>
class GradientEstimator {
 public:
  GradientEstimator(const Network& network, const EmpiricalRisk& risk, const Dataset& data);

  /// What SVRG carries from step to step.
  struct Snapshot {
    Particles<Scalar> particles;  // [N x p]
    std::vector<double> field;    // [n] l'(f_snapshot(x_i), y_i)
    Drift drift;                  // [N x p] full data drift at the snapshot
    bool taken = false;
  };

  /// drift [N x p] <- estimate at `particles` for global step `step`, which is step `step_in_phase` of the phase.
  /// SVRG takes a snapshot when step_in_phase is a multiple of snapshot_every; there the estimate is the full drift
  /// exactly. Returns the number of per-sample gradient evaluations it made, or -1 where there is no natural gradient:
  /// the kernel matrix is singular. finish is called for the particles as their estimates become complete, and may move
  /// them; it is not called where the result is -1. Allocates only when sizes change, the natural gradient apart.
  /// Parallel over particles.
  std::int64_t estimate(const Phase& phase, std::int64_t step, std::int64_t step_in_phase, std::uint64_t batch_seed,
                        const Particles<Scalar>& particles, Drift& drift, const Finish& finish = {});

  /// The full data drift and outputs at `particles`; no random numbers.
  void full(const Particles<Scalar>& particles, Drift& drift, std::span<double> outputs, const Finish& finish = {});

  Snapshot& snapshot() { return snapshot_; }
  const Snapshot& snapshot() const { return snapshot_; }

 private:
  void minibatch(const Phase& phase, std::int64_t step, std::int64_t step_in_phase, std::uint64_t batch_seed,
                 const Particles<Scalar>& particles, Drift& drift, const Finish& finish);
  void choose_batch(const Phase& phase, std::int64_t step, std::int64_t step_in_phase, std::uint64_t batch_seed);
  bool natural(const Phase& phase, const Particles<Scalar>& particles, Drift& drift, const Finish& finish);
  void take_snapshot(const Particles<Scalar>& particles, Drift& drift, const Finish& finish);
  void correct_by_snapshot(Drift& drift, const Finish& finish);

  const Network* network_;
  const EmpiricalRisk* risk_;
  const Dataset* data_;
  PackedInputs<Scalar> train_;
  PackedInputs<Scalar> batch_inputs_;
  std::vector<Index> batch_;
  std::vector<double> batch_targets_;
  std::vector<double> batch_field_;
  double batch_weight_ = 0;
  Snapshot snapshot_;
  NaturalGradient natural_;
  std::vector<double> residual_;      // [n] of the natural gradient
  std::vector<double> coefficients_;  // [n]
  KernelWorkspace<Scalar> workspace_;
};

}  // namespace mfld
