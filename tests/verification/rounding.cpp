#include <algorithm>
#include <array>

#include "support/every_neuron.hpp"
#include "support/oracles/reference_network.hpp"
#include "support/sample_problem.hpp"
#include "verification/studies.hpp"

namespace mfld {

namespace {

/// The worst errors of outputs and drift over all neurons and two losses, each in units of the sum of the absolute
/// terms that it is made of.
template <class Scalar>
std::array<double, 2> worst_errors() {
  constexpr Index dimension = 20;
  constexpr Index num_particles = 333;
  constexpr Index num_samples = 229;
  constexpr Scaling scaling{.kind = ScalingKind::mean_field};
  std::array<double, 2> worst = {0, 0};
  for (const Neuron& neuron : every_neuron()) {
    for (const Loss& loss : {Loss{.kind = LossKind::squared}, Loss{.kind = LossKind::logistic}}) {
      const Dataset data = random_dataset(num_samples, dimension, loss, 1);
      const Particles<Scalar> particles = random_particles(neuron, dimension, num_particles, 3).cast<Scalar>();
      reference::Evaluation expected(neuron, scaling, loss, particles, data.train_inputs, data.train_targets);
      for (Index i = 0; i < num_samples; ++i) {
        expected.add_next_sample();
      }
      const Evaluated got = evaluate(Network(neuron, dimension, scaling), Risk(loss, Reduction::mean), particles,
                                     data.train_inputs, data.train_targets);
      const Eigen::Map<const Vector> outputs(got.outputs.data(), num_samples);
      worst[0] = std::max(worst[0], reference::worst_error(outputs, expected.outputs(), expected.output_scales()));
      worst[1] = std::max(worst[1], reference::worst_error(got.drift, expected.drift(), expected.drift_scale()));
    }
  }
  return worst;
}

}  // namespace

void study_rounding(const std::filesystem::path& folder) {
  const auto in_double = worst_errors<double>();
  const auto in_single = worst_errors<float>();
  write_table(folder, "rounding", "bits,outputs,drift",
              {{64, in_double[0], in_double[1]}, {32, in_single[0], in_single[1]}});
}

}  // namespace mfld
