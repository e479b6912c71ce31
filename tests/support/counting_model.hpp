#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "mfld/model/model.hpp"

namespace mfld {

/// Another model, with its passes counted. Of one thread that asks.
class CountingModel final : public Model {
 public:
  explicit CountingModel(std::shared_ptr<const Model> inner) : inner_(std::move(inner)) {}

  const Network& network() const override { return inner_->network(); }
  const Particles<double>* tangent_point() const override { return inner_->tangent_point(); }
  std::string describe(Index num_particles) const override { return inner_->describe(num_particles); }

  /// Passes over so many samples.
  int num_outputs(Index num_samples) const { return outputs_[num_samples]; }
  int num_drifts(Index num_samples) const { return drifts_[num_samples]; }

 private:
  void run(const OutputsPass<double>& pass) const override { count(pass); }
  void run(const OutputsPass<float>& pass) const override { count(pass); }
  void run(const DriftPass<double>& pass) const override { count(pass); }
  void run(const DriftPass<float>& pass) const override { count(pass); }

  template <class Scalar>
  void count(const OutputsPass<Scalar>& pass) const {
    ++outputs_[pass.inputs.num_samples()];
    inner_->outputs(pass.particles, pass.inputs, pass.outputs, pass.workspace);
  }
  template <class Scalar>
  void count(const DriftPass<Scalar>& pass) const {
    ++drifts_[pass.inputs.num_samples()];
    inner_->drift(pass.particles, pass.inputs, pass.field, pass.weight, pass.accumulate, pass.drift, pass.outputs,
                  pass.workspace, pass.finish);
  }

  std::shared_ptr<const Model> inner_;
  mutable std::map<Index, int> outputs_;
  mutable std::map<Index, int> drifts_;
};

}  // namespace mfld
