// The tangent model f(x) = f_0(x) + J(x) (theta - theta_0), for every neuron and activation.
#include <gtest/gtest.h>

#include "mfld/model/network.hpp"
#include "mfld/model/tangent_network.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

struct TangentProblem {
  Index num_samples = 0;
  Index num_particles = 0;
  Network network;
  Particles<double> anchor;
  Particles<double> moved;
  Inputs inputs;

  TangentProblem(const Neuron& neuron, Index n, Index num_neurons, Index d)
      : num_samples(n),
        num_particles(num_neurons),
        network(neuron, d, Scaling{ScalingKind::ntk, 1}),
        anchor(random_particles(neuron, d, num_neurons, 3)),
        moved(anchor + 0.7 * random_normals(num_neurons, anchor.cols(), 4)),
        inputs(random_normals(n, d, 5)) {}

  double factor() const { return network.scaling().output_factor(num_particles); }

  std::vector<double> outputs(const Model& of, const Particles<double>& at) const {
    KernelWorkspace<double> workspace;
    std::vector<double> values(static_cast<std::size_t>(num_samples));
    of.outputs(at, PackedInputs<double>(inputs), values, workspace);
    return values;
  }

  /// output_factor sum_i c_i grad h(theta_j; x_i).
  Drift pushed(const Model& of, const Particles<double>& at, const std::vector<double>& c) const {
    KernelWorkspace<double> workspace;
    Drift drift(num_particles, at.cols());
    of.drift(at, PackedInputs<double>(inputs), GivenField(c), factor(), Accumulate::assign, drift, {}, workspace);
    return drift;
  }
};

class TangentModel : public testing::TestWithParam<Neuron> {};

// Row i of the Jacobian at theta_0, from the map pass of the network itself, determines the output of the tangent
// model.
TEST_P(TangentModel, OutputsAreTheFirstOrderExpansion) {
  on_every_instruction_set([] {
    for (const auto& [input_dim, num_neurons] : {std::pair{11, 1}, {11, 5}, {11, 33}, {201, 33}}) {
      const TangentProblem problem(GetParam(), input_dim, num_neurons, 3);
      const std::vector<double> at_anchor = problem.outputs(problem.network, problem.anchor);
      const TangentNetwork tangent(problem.network, problem.anchor);
      const std::vector<double> outputs = problem.outputs(tangent, problem.moved);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        std::vector<double> unit(outputs.size(), 0.0);
        unit[i] = 1;
        // The kernels give frozen columns a zero row, but the tangent model moves with whatever its particles did.
        Matrix moved = problem.moved - problem.anchor;
        for (Index k = 0; k < moved.cols(); ++k) {
          if (problem.network.trained()[static_cast<std::size_t>(k)] == 0) {
            moved.col(k).setZero();
          }
        }
        const double expected =
            at_anchor[i] + problem.pushed(problem.network, problem.anchor, unit).cwiseProduct(moved).sum();
        if (info(GetParam().kind).output_trainable || !info(GetParam().kind).has_output) {
          EXPECT_NEAR(outputs[i], expected, 1e-12 * (1 + std::abs(expected))) << " sample " << i;
        }
      }
    }
  });
}

// At theta_0 the tangent model is the network; its drift anywhere is that of the network at theta_0, to the bit.
TEST_P(TangentModel, DriftIsThatOfTheAnchorWhereverTheParticlesAre) {
  const TangentProblem problem(GetParam(), 70, 40, 11);
  const TangentNetwork tangent(problem.network, problem.anchor);
  std::vector<double> c(70);
  for (std::size_t i = 0; i < c.size(); ++i) {
    c[i] = std::sin(1.0 + static_cast<double>(i));
  }
  const Drift at_anchor = problem.pushed(problem.network, problem.anchor, c);
  EXPECT_TRUE(problem.pushed(tangent, problem.moved, c) == at_anchor);
  const bool linear_in_theta = GetParam().activation == Activation::linear && !info(GetParam().kind).has_output;
  EXPECT_EQ(problem.pushed(problem.network, problem.moved, c) == at_anchor, linear_in_theta);
  const std::vector<double> of_network = problem.outputs(problem.network, problem.anchor);
  const std::vector<double> of_tangent = problem.outputs(tangent, problem.anchor);
  for (std::size_t i = 0; i < of_network.size(); ++i) {
    EXPECT_NEAR(of_tangent[i], of_network[i], 1e-13 * (1 + std::abs(of_network[i])));
  }
}

INSTANTIATE_TEST_SUITE_P(EveryNeuron, TangentModel, testing::ValuesIn(every_neuron()),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace mfld
