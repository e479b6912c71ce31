#pragma once
// Random problems for tests, from a generator that shares nothing with the library's streams.
#include "mfld/core/particles.hpp"
#include "mfld/model/loss.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"
#include "support/random_normals.hpp"

namespace mfld {

/// n standard normal inputs of dimension d; labels +-1 where the loss wants classes, else standard normal.
inline Dataset random_dataset(Index num_samples, Index input_dim, const Loss& loss, unsigned seed) {
  Dataset data;
  data.train_inputs = random_normals(num_samples, input_dim, seed);
  data.train_targets = random_normals(num_samples, 1, seed + 1);
  if (loss.is_classification()) {
    data.train_targets = data.train_targets.unaryExpr([](double y) { return y > 0 ? 1.0 : -1.0; });
  }
  return data;
}

inline Particles<double> random_particles(const Neuron& neuron, Index input_dim, Index num_particles, unsigned seed) {
  const ParameterLayout layout = parameter_layout(neuron, input_dim);
  Particles<double> particles = random_normals(num_particles, layout.size, seed);
  if (neuron.kind == NeuronKind::fixed_sign) {
    particles.col(0) = particles.col(0).unaryExpr([](double r) { return r > 0 ? 1.0 : -1.0; });
  }
  return particles;
}

inline std::span<const double> span_of(const Vector& values) {
  return {values.data(), static_cast<std::size_t>(values.size())};
}

/// f and the full data drift of one call.
struct Evaluated {
  std::vector<double> outputs;
  Drift drift;
};

template <class Scalar>
Evaluated evaluate(const Model& model, const Risk& risk, const Particles<Scalar>& particles, const Inputs& inputs,
                   const Vector& targets, KernelWorkspace<Scalar>& workspace) {
  const PackedInputs<Scalar> packed(inputs);
  const Index n = inputs.rows();
  Evaluated result{std::vector<double>(static_cast<std::size_t>(n)), Drift(particles.rows(), particles.cols())};
  result.drift.setConstant(-777);  // whatever was there must be overwritten
  model.drift(particles, packed, CurrentField(risk.loss(), span_of(targets)),
              risk.drift_weight(model.network(), particles.rows(), n, n), Accumulate::assign, result.drift,
              result.outputs, workspace);
  return result;
}

template <class Scalar>
Evaluated evaluate(const Model& model, const Risk& risk, const Particles<Scalar>& particles, const Inputs& inputs,
                   const Vector& targets) {
  KernelWorkspace<Scalar> workspace;
  return evaluate(model, risk, particles, inputs, targets, workspace);
}

}  // namespace mfld
