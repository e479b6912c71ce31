#include "mfld/ntk/empirical.hpp"

#include <gtest/gtest.h>

#include "mfld/core/parallel.hpp"
#include "support/every_neuron.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

/// Row i: grad_theta f(x_i) over all parameters, from the map pass of the network, divided by the output factor.
Matrix jacobian(const Network& network, const Particles<double>& particles, const Inputs& x) {
  KernelWorkspace<double> workspace;
  const PackedInputs<double> packed(x);
  Matrix rows(x.rows(), particles.size());
  for (Index i = 0; i < x.rows(); ++i) {
    std::vector<double> unit(static_cast<std::size_t>(x.rows()), 0.0);
    unit[static_cast<std::size_t>(i)] = 1;
    Drift gradient(particles.rows(), particles.cols());
    network.drift(particles, packed, GivenField(unit), 1.0, Accumulate::assign, gradient, {}, workspace);
    rows.row(i) = gradient.reshaped().transpose();
  }
  return rows;
}

class EmpiricalNtk : public testing::TestWithParam<Neuron> {};

// K = output_factor drift_factor J J', whatever the widths of the tiles (300 particles and 150 rows exceed both).
TEST_P(EmpiricalNtk, IsTheGramMatrixOfTheJacobian) {
  for (const auto& [n, m, num_neurons] : {std::tuple<Index, Index, Index>{3, 2, 1}, {7, 5, 40}, {150, 130, 300}}) {
    const Network network(GetParam(), 4, Scaling{ScalingKind::ntk, 1});
    const Particles<double> particles = random_particles(GetParam(), 4, num_neurons, 1);
    const Inputs x = random_normals(n, 4, 2);
    const Inputs z = random_normals(m, 4, 3);
    const Matrix expected = jacobian(network, particles, x) * jacobian(network, particles, z).transpose() /
                            static_cast<double>(num_neurons);
    const Matrix kernel = empirical_ntk(network, particles, x, z);
    EXPECT_LE((kernel - expected).norm(), 1e-12 * (1 + expected.norm()));
    const Matrix square = empirical_ntk(network, particles, x, x);
    EXPECT_TRUE(square == square.transpose());
    EXPECT_LE((square - empirical_ntk(network, particles, x, Inputs(x))).norm(), 1e-12 * (1 + square.norm()));
  }
}

INSTANTIATE_TEST_SUITE_P(EveryNeuron, EmpiricalNtk, testing::ValuesIn(every_neuron()),
                         [](const auto& test) { return name_of(test.param); });

// Frozen blocks drop out of the kernel.
TEST(EmpiricalNtkBlocks, AddUpOverTrainedParameters) {
  const Neuron neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Particles<double> particles = random_particles(neuron, 3, 20, 1);
  const Inputs x = random_normals(6, 3, 2);
  const auto kernel = [&](TrainedBlocks trained) {
    return empirical_ntk(Network(neuron, 3, Scaling{}, trained), particles, x, x);
  };
  const Matrix sum = kernel({true, false, false}) + kernel({false, true, false}) + kernel({false, false, true});
  EXPECT_LE((sum - kernel({true, true, true})).norm(), 1e-13 * sum.norm());
}

// Three neurons at three points, computed independently with 40-digit arithmetic.
TEST(EmpiricalNtkReference, TinyNetworks) {
  Particles<double> particles(3, 3);
  particles << 0.5, 1, -0.3, -1.2, 0.4, 0.9, 0.8, -0.7, 0.25;
  Inputs x(3, 2);
  x << 0.6, -0.8, -1, 0.5, 0.3, 1.2;
  Matrix relu(3, 3);
  relu << 0.3185333333333333, 0, 0, 0, 1.094375, 0.25275, 0, 0.25275, 1.5435;
  Matrix tanh(3, 3);
  tanh << 0.7590666302229235, -0.7972656673117593, -0.3948805500683399, -0.7972656673117593, 1.063245437149425,
      0.1368827528157241, -0.3948805500683399, 0.1368827528157241, 0.7516169037111506;
  const auto kernel = [&](Activation activation) {
    const Neuron neuron{NeuronKind::r_sigma, activation, false, 1};
    return empirical_ntk(Network(neuron, 2, Scaling{ScalingKind::ntk, 1}), particles, x, x);
  };
  EXPECT_LE((kernel(Activation::relu) - relu).cwiseAbs().maxCoeff(), 1e-14);
  EXPECT_LE((kernel(Activation::tanh) - tanh).cwiseAbs().maxCoeff(), 1e-14);
}

// Outputs are h at weight 1/N: the conjugate kernel of one sample against itself is the mean of h^2.
TEST(ConjugateKernel, IsTheMeanOfProductsOfNeurons) {
  const Neuron neuron{NeuronKind::parity, Activation::tanh, true, 2};
  const Network single(neuron, 2, Scaling{ScalingKind::standard, 1});
  const Particles<double> particles = random_particles(neuron, 2, 9, 1);
  const Inputs x = random_normals(5, 2, 2);
  Matrix h(5, 9);
  KernelWorkspace<double> workspace;
  for (Index j = 0; j < 9; ++j) {
    std::vector<double> outputs(5);
    single.outputs(Particles<double>(particles.row(j)), PackedInputs<double>(x), outputs, workspace);
    h.col(j) = Vector::Map(outputs.data(), 5);
  }
  const Matrix kernel = conjugate_kernel(single, particles, x, x);
  EXPECT_LE((kernel - h * h.transpose() / 9).norm(), 1e-13 * kernel.norm());
}

TEST(EmpiricalNtkThreads, GivesTheSameBitsOnAnyNumber) {
  const Neuron neuron{NeuronKind::r_sigma, Activation::erf, true, 1};
  const Network network(neuron, 5, Scaling{});
  const Particles<double> particles = random_particles(neuron, 5, 600, 1);
  const Inputs x = random_normals(300, 5, 2);
  const Matrix one = with_threads(1, [&] { return empirical_ntk(network, particles, x, x); });
  for (const int threads : {2, 3, 8}) {
    EXPECT_TRUE(with_threads(threads, [&] { return empirical_ntk(network, particles, x, x); }) == one);
  }
}

TEST(KernelMeasures, AtKnownKernels) {
  const Vector y = random_normals(6, 1, 1);
  const Matrix identity = Matrix::Identity(6, 6);
  EXPECT_NEAR(kernel_alignment(y * y.transpose(), y), 1, 1e-14);
  EXPECT_NEAR(kernel_alignment(identity, y), 1 / std::sqrt(6.0), 1e-14);
  EXPECT_EQ(kernel_drift(identity, identity), 0);
  EXPECT_NEAR(kernel_drift(3 * identity, identity), 2, 1e-14);
  EXPECT_NEAR(effective_dimension(identity, 1.0 / 6), 3, 1e-13);  // each eigenvalue counts 1 / (1 + 1)
}

}  // namespace
}  // namespace mfld
