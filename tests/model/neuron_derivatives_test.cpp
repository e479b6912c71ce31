#include "mfld/model/neuron_derivatives.hpp"

#include <gtest/gtest.h>

#include "support/every_neuron.hpp"
#include "support/oracles/reference_network.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

// Rounding: 40 units in the last place of the sums of the absolute values of the terms.
constexpr double tolerance = 40 * std::numeric_limits<double>::epsilon();

TEST(NeuronDerivatives, AreThoseOfTheFormulasForEveryNeuron) {
  constexpr Index d = 3;
  const Inputs inputs = random_normals(4, d, 5);
  for (const Neuron& neuron : every_neuron()) {
    const Network network(neuron, d, {}, {});
    const Particles<double> particles = random_particles(neuron, d, 6, 7);
    const NeuronDerivatives found = neuron_derivatives(network, particles, inputs);
    const ParameterLayout& layout = network.layout();
    for (Index i = 0; i < inputs.rows(); ++i) {
      const reference::RealVector x = inputs.row(i).transpose().cast<reference::Real>();
      for (Index j = 0; j < particles.rows(); ++j) {
        const reference::RealVector theta = particles.row(j).transpose().cast<reference::Real>();
        const reference::NeuronAt at = reference::neuron_at(neuron, theta, x);
        const auto expect = [&](double value, reference::Real expected, reference::Real scale) {
          EXPECT_NEAR(value, static_cast<double>(expected), tolerance * static_cast<double>(1 + scale));
        };
        expect(found.value(i, j), at.value, at.value_scale);
        if (layout.output >= 0 && neuron.kind != NeuronKind::fixed_sign) {
          expect(found.output(i, j), at.gradient[layout.output], at.gradient_scale[layout.output]);
        }
        // dh / dw_1 = dh / dz x_1.
        expect(found.hidden(i, j) * inputs(i, 0), at.gradient[layout.input], at.gradient_scale[layout.input]);
      }
    }
    if (layout.output < 0) {
      EXPECT_EQ(found.output, Matrix(Matrix::Zero(4, 6)));
    }
  }
}

TEST(NeuronDerivatives, OfATileAreThoseOfTheWhole) {
  const Neuron neuron{.kind = NeuronKind::r_sigma, .activation = Activation::erf, .bias = true};
  const Network network(neuron, 2, {}, {});
  const Inputs inputs = random_normals(9, 2, 1);
  const Particles<double> particles = random_particles(neuron, 2, 8, 2);
  const NeuronDerivatives whole = neuron_derivatives(network, particles, inputs);
  const NeuronDerivatives tile = neuron_derivatives(network, particles.middleRows(3, 4), inputs.middleRows(2, 5));
  EXPECT_LT((tile.hidden - whole.hidden.block(2, 3, 5, 4)).norm(), 1e-15 * whole.hidden.norm());
  EXPECT_LT((tile.value - whole.value.block(2, 3, 5, 4)).norm(), 1e-15 * whole.value.norm());
}

}  // namespace
}  // namespace mfld
