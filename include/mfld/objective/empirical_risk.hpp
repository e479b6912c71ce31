#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mfld/objective/objective.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// The risk of a model on one training set, R = (1/n) sum_i l(f(x_i), y_i), and its drift
///   v_j = weight sum_i c_i grad h(theta_j; x_i),   c_i = l'(f(x_i), y_i);
/// the weight makes a batch an unbiased estimate (Risk::drift_weight). Its terms are the samples. Keeps the packed
/// inputs and those of the last batch. Refers to the model and the data.
template <class Scalar>
class EmpiricalRisk final : public Objective<Scalar> {
 public:
  /// ranks: who makes its passes together (KernelWorkspace); none: this process alone.
  EmpiricalRisk(const Model& model, const Risk& risk, const Dataset& data, Ranks* ranks = nullptr);

  const Model& model() const { return *model_; }
  const Risk& risk() const { return risk_; }
  const Dataset& data() const { return *data_; }
  /// [n] y_i, with the noise of this step.
  SampleSpan<const double> targets() const;

  Index num_terms() const override { return data_->num_train(); }
  const std::vector<unsigned char>& trained() const override { return model_->network().trained(); }
  std::string describe(Index num_particles) const override;
  Index num_coefficients() const override { return 1; }
  void coefficients(const Particles<Scalar>& particles, SampleSpan<double> coefficients) override;
  double term_weight() const override;

  void set_label_noise(double level, std::uint64_t seed, std::int64_t step) override;

  double value(const Particles<Scalar>& particles) override;
  void drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients = {},
             const Finish& finish = {}) override;
  bool has_outputs() const override { return true; }
  /// outputs [n]: the bits of those that `outputs` gives.
  void drift_and_outputs(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> outputs,
                         const Finish& finish = {}) override;
  void drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                const Finish& finish = {}) override;
  void subtract(std::span<const Index> terms, SampleSpan<const double> coefficients, const Particles<Scalar>& particles,
                Drift& drift, const Finish& finish = {}) override;
  void drift_from(SampleSpan<const double> coefficients, const Particles<Scalar>& particles, Drift& drift,
                  const Finish& finish = {}) override;

  /// outputs [n] <- f(x_i).
  void outputs(const Particles<Scalar>& particles, SampleSpan<double> outputs);
  /// values [N x |I|] <- h(theta_j; x_i) of every particle, for samples I in any order. Not of a linearised network.
  void neuron_outputs(std::span<const Index> samples, const Particles<Scalar>& particles, Particles<Scalar>& values);

 private:
  void gather(std::span<const Index> samples);
  double weight(Index num_particles, Index batch_size) const;

  const Model* model_;
  Risk risk_;
  const Dataset* data_;
  PackedInputs<Scalar> inputs_;
  KernelWorkspace<Scalar> workspace_;
  std::vector<Index> batch_;           // [B] the last samples that were gathered
  PackedInputs<Scalar> batch_inputs_;  // [B x d]
  std::vector<double> batch_values_;   // [B] their targets, or given coefficients
  std::vector<double> outputs_;        // [n] where only the value is asked for
  std::vector<double> noisy_targets_;  // [n], or none: the labels are as they are
};

}  // namespace mfld
