// Outputs and drift against a double loop in long double, against 40-digit reference numbers and against differences of
// the objective: every neuron, loss, scaling and precision, every remainder of the vector, tile, strip and block
// lengths.
#include "mfld/model/network.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/objective/penalty.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/reference_network.hpp"
#include "support/oracles/reference_values.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

const std::vector<Loss> losses = {{.kind = LossKind::squared},
                                  {.kind = LossKind::squared, .prefactor = 1},
                                  {.kind = LossKind::logistic},
                                  {.kind = LossKind::huber, .delta = 0.7}};

const std::vector<Scaling> scalings = {{.kind = ScalingKind::mean_field},
                                       {.kind = ScalingKind::ntk},
                                       {.kind = ScalingKind::standard},
                                       {.kind = ScalingKind::alpha, .alpha = 3}};

/// Allowed error as a multiple of the sum of absolute terms, about 450 and 84 machine epsilons.
template <class Scalar>
constexpr double tolerance = sizeof(Scalar) == 8 ? 1e-13 : 1e-5;

template <class Scalar>
void expect_matches(const reference::Evaluation& expected, const Evaluated& got) {
  const auto n = static_cast<Index>(got.outputs.size());
  const auto outputs = Eigen::Map<const Vector>(got.outputs.data(), n);
  EXPECT_LE(reference::worst_error(outputs, expected.outputs().head(n).eval(), expected.output_scales().head(n).eval()),
            tolerance<Scalar>)
      << "outputs";
  EXPECT_LE(reference::worst_error(got.drift, expected.drift(), expected.drift_scale()), tolerance<Scalar>) << "drift";
}

// ---- Every neuron, loss and scaling

/// One test a row of `neurons`; its body runs over the row's activations and biases.
class EveryNeuron : public testing::TestWithParam<NeuronInfo> {
 protected:
  template <class Body>
  static void for_each_variant(const Body& body) {
    for (const Neuron& neuron : every_neuron()) {
      if (neuron.kind == GetParam().kind) {
        SCOPED_TRACE(name_of(neuron));
        body(neuron);
      }
    }
  }
};

template <class Scalar>
void check_against_double_loop(const Neuron& neuron, const Loss& loss, const Scaling& scaling) {
  const Index d = 11;
  const Index num_particles = 33;
  const Index n = 29;
  const Dataset data = random_dataset(n, d, loss, 1);
  const Particles<Scalar> particles = random_particles(neuron, d, num_particles, 3).cast<Scalar>();
  reference::Evaluation expected(neuron, scaling, loss, particles, data.train_inputs, data.train_targets);
  for (Index i = 0; i < n; ++i) {
    expected.add_next_sample();
  }
  const Network network(neuron, d, scaling);
  on_every_instruction_set([&] {
    expect_matches<Scalar>(
        expected, evaluate(network, Risk(loss, Reduction::mean), particles, data.train_inputs, data.train_targets));
  });
}

TEST_P(EveryNeuron, OutputsAndDriftAreTheDoubleLoop) {
  for_each_variant([](const Neuron& neuron) {
    for (const Loss& loss : losses) {
      SCOPED_TRACE(loss.describe());
      check_against_double_loop<double>(neuron, loss, {.kind = ScalingKind::mean_field});
      check_against_double_loop<float>(neuron, loss, {.kind = ScalingKind::mean_field});
    }
    for (const Scaling& scaling : scalings) {
      SCOPED_TRACE(scaling.describe());
      check_against_double_loop<double>(neuron, losses[0], scaling);
    }
  });
}

/// F = R(f) + lambda1 penalty_factor sum |theta|^2, from the library's own outputs.
double objective(const Network& network, const Risk& risk, const Dataset& data, const Particles<double>& particles,
                 double lambda1) {
  KernelWorkspace<double> workspace;
  std::vector<double> outputs(static_cast<std::size_t>(data.num_train()));
  network.outputs(particles, PackedInputs<double>(data.train_inputs), outputs, workspace);
  return risk.value(outputs, span_of(data.train_targets)) + penalty_value(network, particles, lambda1);
}

void check_central_differences(const Network& network, const Loss& loss) {
  constexpr double h = 1e-5;
  constexpr double lambda1 = 0.03;
  const Risk risk(loss, Reduction::mean);
  const Dataset data = random_dataset(7, network.input_dim(), loss, 5);
  Particles<double> particles = random_particles(network.neuron(), network.input_dim(), 5, 8);
  const Drift drift = evaluate(network, risk, particles, data.train_inputs, data.train_targets).drift;
  for (Index j = 0; j < particles.rows(); ++j) {
    for (Index k = 0; k < particles.cols(); ++k) {
      if (network.trained()[static_cast<std::size_t>(k)] == 0) {
        continue;
      }
      const double theta = particles(j, k);
      particles(j, k) = theta + h;
      const double above = objective(network, risk, data, particles, lambda1);
      particles(j, k) = theta - h;
      const double below = objective(network, risk, data, particles, lambda1);
      particles(j, k) = theta;
      const double expected = (above - below) / (2 * h) / network.scaling().penalty_factor(particles.rows());
      ASSERT_NEAR(drift(j, k) + 2 * lambda1 * theta, expected, 1e-7 * (1 + std::abs(expected)))
          << "particle " << j << ", parameter " << k;
    }
  }
}

TEST_P(EveryNeuron, DriftIsThePreconditionedGradientOfTheObjective) {
  // v_j + 2 lambda1 theta_j = (1 / penalty_factor) dF / dtheta_j: N dF / dtheta_j in the mean-field scaling (Mei,
  // Montanari & Nguyen 2018), the plain gradient in ntk and standard. Central differences: truncation h^2 |F'''| / 6
  // and rounding 1e-16 |F| / h, both magnified by 1 / penalty_factor <= N.
  for_each_variant([](const Neuron& neuron) {
    for (const Loss& loss : losses) {
      for (const Scaling& scaling : scalings) {
        SCOPED_TRACE(loss.describe() + " " + scaling.describe());
        check_central_differences(Network(neuron, 3, scaling), loss);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Neurons, EveryNeuron, testing::ValuesIn(neurons), [](const auto& each) {
  std::string name(each.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// ---- Reference numbers

template <int rows, int columns>
Matrix matrix_of(const double (&values)[rows][columns]) {
  return Eigen::Map<const Eigen::Matrix<double, rows, columns, Eigen::RowMajor>>(&values[0][0]);
}

template <class Table>
void check_reference(const Table& row, const Neuron& neuron, const Loss& loss, const Particles<double>& particles,
                     const Vector& targets, double digits) {
  SCOPED_TRACE(name_of(neuron) + " " + loss.describe());
  const Network network(neuron, 2, {.kind = ScalingKind::mean_field});
  const Risk risk(loss, Reduction::mean);
  Dataset data;
  data.train_inputs = matrix_of(reference::tiny_inputs);
  data.train_targets = targets;
  const auto got = evaluate(network, risk, particles, data.train_inputs, targets);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(got.outputs[i], row.outputs[i], 1e-14);
  }
  EXPECT_NEAR(objective(network, risk, data, particles, reference::tiny_lambda1), row.objective, 1e-15);
  for (Index j = 0; j < particles.rows(); ++j) {
    for (Index k = 0; k < particles.cols(); ++k) {
      const double expected = row.gradient[j][k];
      EXPECT_NEAR(got.drift(j, k) + 2 * reference::tiny_lambda1 * particles(j, k), expected,
                  digits * (1 + std::abs(expected)));
    }
  }
}

TEST(ReferenceNumbers, ThreeNeuronsOnThreeSamples) {
  on_every_instruction_set([] {
    for (const auto& row : reference::tiny_networks) {
      const bool classes = row.loss == LossKind::logistic;
      const Vector targets =
          Eigen::Map<const Vector>(classes ? reference::tiny_class_targets : reference::tiny_regression_targets, 3);
      check_reference(row, {.kind = row.kind, .activation = row.activation, .bias = false}, {.kind = row.loss},
                      matrix_of(reference::tiny_particles), targets, 1e-13);
    }
  });
}

TEST(ReferenceNumbers, ParityNeurons) {
  on_every_instruction_set([] {
    for (const auto& row : reference::parity_networks) {
      check_reference(
          row, {.kind = row.kind, .activation = Activation::tanh, .bias = true, .bound = reference::parity_bound},
          {.kind = LossKind::logistic}, matrix_of(reference::parity_particles),
          Eigen::Map<const Vector>(reference::tiny_class_targets, 3), 1e-14);
    }
  });
}

// ---- Every remainder

struct Shapes {
  Neuron neuron;
  Index input_dim;
};

void PrintTo(const Shapes& shapes, std::ostream* out) { *out << name_of(shapes.neuron) << "_d" << shapes.input_dim; }

std::vector<Shapes> every_shape() {
  std::vector<Shapes> all;
  for (const Neuron& neuron : {Neuron{NeuronKind::r_sigma, Activation::tanh, true, 1},
                               Neuron{NeuronKind::bounded_r, Activation::softplus, false, 2},
                               Neuron{NeuronKind::parity, Activation::tanh, true, 15}}) {
    for (const Index d : {1, 2, 9, 10, 11, 20, 31}) {
      if (neuron.kind != NeuronKind::parity || d == 2 || d == 11) {
        all.push_back({neuron, d});
      }
    }
  }
  return all;
}

class EveryShape : public testing::TestWithParam<Shapes> {};

template <class Scalar>
void check_every_number_of_samples(const Shapes& shapes, Index num_particles) {
  constexpr Index most_samples = 140;
  const Loss loss{.kind = LossKind::squared};
  const Scaling scaling{.kind = ScalingKind::mean_field};
  const Network network(shapes.neuron, shapes.input_dim, scaling);
  const Risk risk(loss, Reduction::mean);
  const Dataset data = random_dataset(most_samples, shapes.input_dim, loss, 17);
  const Particles<Scalar> particles =
      random_particles(shapes.neuron, shapes.input_dim, num_particles, 19).template cast<Scalar>();
  std::vector<reference::Evaluation> expected;  // of the first n samples
  expected.emplace_back(shapes.neuron, scaling, loss, particles, data.train_inputs, data.train_targets);
  while (expected.back().num_summed() < most_samples) {
    expected.push_back(expected.back());
    expected.back().add_next_sample();
  }
  on_every_instruction_set([&] {
    KernelWorkspace<Scalar> workspace;  // one for all: sizes change from call to call
    for (Index n = 1; n <= most_samples && !testing::Test::HasFailure(); n += n < 18 || n > 124 ? 1 : 7) {
      SCOPED_TRACE(testing::Message() << "n = " << n << ", N = " << num_particles);
      expect_matches<Scalar>(
          expected[static_cast<std::size_t>(n)],
          evaluate(network, risk, particles, data.train_inputs.topRows(n), data.train_targets.head(n), workspace));
    }
  });
}

TEST_P(EveryShape, EveryNumberOfSamplesAndParticles) {
  // Up to 140 samples: every remainder of the sample tiles (4, 8), one strip of 128 and beyond. Particle counts around
  // one and several groups of every vector length.
  for (const Index num_particles : {1, 2, 7, 15, 16, 17, 33, 300}) {
    check_every_number_of_samples<double>(GetParam(), num_particles);
    check_every_number_of_samples<float>(GetParam(), num_particles);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape, testing::ValuesIn(every_shape()),
                         [](const auto& each) { return testing::PrintToString(each.param); });

template <class Scalar>
void check_large(const Neuron& neuron, Index num_particles, Index n) {
  SCOPED_TRACE(testing::Message() << name_of(neuron) << ", N = " << num_particles << ", n = " << n);
  const Index d = 3;
  const Loss loss{.kind = LossKind::squared};
  const Scaling scaling{.kind = ScalingKind::mean_field};
  const Dataset data = random_dataset(n, d, loss, 23);
  const Particles<Scalar> particles = random_particles(neuron, d, num_particles, 29).template cast<Scalar>();
  reference::Evaluation expected(neuron, scaling, loss, particles, data.train_inputs, data.train_targets);
  while (expected.num_summed() < n) {
    expected.add_next_sample();
  }
  const Network network(neuron, d, scaling);
  on_every_instruction_set([&] {
    expect_matches<Scalar>(
        expected, evaluate(network, Risk(loss, Reduction::mean), particles, data.train_inputs, data.train_targets));
  });
}

TEST(ManyBlocks, SeveralBlocksOfSamplesAddUp) {
  // A block holds 8 MiB of activations, or at least 256 samples where these fit into 32 MiB, or what fits into 100 MiB:
  // many blocks need many particles or many samples. The last block is a remainder; softplus keeps slopes, so its
  // blocks are half as long.
  const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Neuron softplus_neuron{NeuronKind::r_sigma, Activation::softplus, false, 1};
  check_large<double>(tanh_neuron, 5000, 261);
  check_large<float>(softplus_neuron, 5003, 261);
  check_large<double>(softplus_neuron, 299, 2003);
  check_large<float>(tanh_neuron, 600, 4003);
  check_large<double>(tanh_neuron, 33001, 401);
}

/// Whoever is called when a particle is finished destroys it: a drift that anything read it for afterwards would
/// differ.
template <class Scalar>
void check_finish(const Model& model, Index num_particles, Index n) {
  SCOPED_TRACE(testing::Message() << "N = " << num_particles << ", n = " << n);
  const Index d = model.network().input_dim();
  const Risk risk({}, Reduction::mean);
  const Dataset data = random_dataset(n, d, {}, 23);
  Particles<Scalar> particles =
      random_particles(model.network().neuron(), d, num_particles, 29).template cast<Scalar>();
  const Evaluated whole = evaluate(model, risk, particles, data.train_inputs, data.train_targets);
  Drift drift(particles.rows(), particles.cols());
  Drift when_finished = drift;
  std::vector<std::atomic<int>> calls(static_cast<std::size_t>(num_particles));
  const auto destroy = [&](Index first, Index last) {
    when_finished.middleRows(first, last - first) = drift.middleRows(first, last - first);
    particles.middleRows(first, last - first).setConstant(std::numeric_limits<Scalar>::quiet_NaN());
    std::for_each(calls.begin() + first, calls.begin() + last, [](std::atomic<int>& count) { ++count; });
  };
  KernelWorkspace<Scalar> workspace;
  model.drift(particles, PackedInputs<Scalar>(data.train_inputs),
              CurrentField(risk.loss(), span_of(data.train_targets)),
              risk.drift_weight(model.network(), num_particles, n, n), Accumulate::assign, drift, {}, workspace,
              std::cref(destroy));
  EXPECT_EQ(when_finished, whole.drift);
  EXPECT_EQ(drift, whole.drift);
  EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const std::atomic<int>& count) { return count == 1; }));
}

TEST(Network, FinishesEveryParticleOnceWithItsDriftComplete) {
  const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Neuron softplus_neuron{NeuronKind::r_sigma, Activation::softplus, false, 1};
  const TangentNetwork tangent(Network(tanh_neuron, 3, {}), random_particles(tanh_neuron, 3, 700, 31));
  on_every_instruction_set([&] {
    for (const Index num_particles : {1, 7, 64, 700, 5001}) {
      for (const Index n : {1, 261}) {
        check_finish<double>(Network(tanh_neuron, 3, {}), num_particles, n);
        check_finish<float>(Network(softplus_neuron, 150, {}), num_particles, n);
      }
    }
    check_finish<double>(tangent, 700, 261);
  });
}

TEST(Network, WhatTakesMicrosecondsStaysOnTheCallingThread) {
  const Network network({NeuronKind::r_sigma, Activation::tanh, true, 1}, 20, {});
  const Dataset data = random_dataset(32, 20, {}, 23);
  const PackedInputs<double> inputs(data.train_inputs);
  const Particles<double> particles = random_particles(network.neuron(), 20, 100, 29);
  Drift drift(particles.rows(), particles.cols());
  KernelWorkspace<double> workspace;
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> others = 0;
  const auto look = [&](Index /*first*/, Index /*last*/) { others += std::this_thread::get_id() == caller ? 0 : 1; };
  with_threads(2, [&] {
    for (int pass = 0; pass < 200; ++pass) {
      network.drift(particles, inputs, CurrentField({}, span_of(data.train_targets)), 1, Accumulate::assign, drift, {},
                    workspace, std::cref(look));
    }
  });
  EXPECT_EQ(others, 0);
}

template <class Scalar>
void check_wide(const Neuron& neuron, Index input_dim, Index num_particles, Index n) {
  SCOPED_TRACE(testing::Message() << name_of(neuron) << ", d = " << input_dim << ", N = " << num_particles
                                  << ", n = " << n);
  const Loss loss{.kind = LossKind::squared};
  const Scaling scaling{.kind = ScalingKind::mean_field};
  const Dataset data = random_dataset(n, input_dim, loss, 37);
  // Pre-activations of order one, whatever the dimension.
  const Particles<Scalar> particles =
      (random_particles(neuron, input_dim, num_particles, 41) / std::sqrt(static_cast<double>(input_dim)))
          .template cast<Scalar>();
  reference::Evaluation expected(neuron, scaling, loss, particles, data.train_inputs, data.train_targets);
  while (expected.num_summed() < n) {
    expected.add_next_sample();
  }
  const Network network(neuron, input_dim, scaling);
  on_every_instruction_set([&] {
    expect_matches<Scalar>(
        expected, evaluate(network, Risk(loss, Reduction::mean), particles, data.train_inputs, data.train_targets));
  });
}

TEST(WideInputs, EveryRemainderOfTheirTilesAndRanges) {
  // The map pass goes tile by tile of 10 inputs above 128 of them, the reduce pass range by range of 80 above 160.
  // A task has one group of few particles and several of many.
  const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Neuron softplus_neuron{NeuronKind::bounded_r, Activation::softplus, false, 2};
  for (const Index d : {128, 129, 130, 131, 160, 161, 165, 169, 170, 171, 239, 240, 241, 333, 784}) {
    for (const Index n : {1, 9, 133}) {
      check_wide<double>(tanh_neuron, d, 37, n);
      check_wide<float>(softplus_neuron, d, 37, n);
    }
  }
  check_wide<double>(softplus_neuron, 253, 1203, 70);
  check_wide<float>(tanh_neuron, 253, 2111, 70);
}

TEST(ManySamples, SinglePrecisionKeepsItsAccuracy) {
  // Sums over the samples of a block are made in the precision of the particles. Here all terms of the drift in r and b
  // have one sign, so nothing hides behind a large sum of absolute values: the relative error must not grow with n.
  const Neuron neuron{NeuronKind::r_sigma, Activation::sigmoid, true, 1};
  const Network network(neuron, 3, {.kind = ScalingKind::mean_field});
  const Risk risk(losses[0], Reduction::mean);
  Dataset data = random_dataset(60000, 3, losses[0], 1);
  data.train_inputs = data.train_inputs.cast<float>().cast<double>().eval();
  data.train_targets.setConstant(-5.3);
  for (const Index num_particles : {5, 100}) {
    const Particles<float> particles = random_particles(neuron, 3, num_particles, 2).cast<float>();
    const Particles<double> same = particles.cast<double>();
    const Drift exact = evaluate(network, risk, same, data.train_inputs, data.train_targets).drift;
    on_every_instruction_set([&] {
      const Drift drift = evaluate(network, risk, particles, data.train_inputs, data.train_targets).drift;
      for (const Index column : {network.layout().output, network.layout().bias}) {
        EXPECT_LE(((drift - exact).col(column).array() / exact.col(column).array()).abs().maxCoeff(), 1e-5);
      }
    });
  }
}

// ---- Scalings, names, layout

TEST(Network, NeuronsByThemselvesAreTheNetworkOfOneEach) {
  for (const Neuron& neuron : every_neuron()) {
    SCOPED_TRACE(name_of(neuron));
    for (const Index num_particles : {1, 45, 200}) {
      const Dataset data = random_dataset(37, 11, {}, 1);
      const Particles<double> particles = random_particles(neuron, 11, num_particles, 2);
      const Network network(neuron, 11, {.kind = ScalingKind::mean_field});
      Particles<double> values;
      KernelWorkspace<double> workspace;
      network.neuron_outputs(particles, PackedInputs<double>(data.train_inputs), values, workspace);
      ASSERT_EQ(values.rows(), num_particles);
      for (Index j = 0; j < num_particles; j += 11) {
        const Vector alone = outputs_at(network, particles.row(j), data.train_inputs);
        EXPECT_LE((values.row(j).transpose() - alone).cwiseAbs().maxCoeff(), 1e-14 * (1 + alone.cwiseAbs().maxCoeff()));
      }
      const Vector outputs = outputs_at(network, particles, data.train_inputs);
      EXPECT_LE((values.colwise().mean().transpose() - outputs).cwiseAbs().maxCoeff(),
                1e-13 * (1 + values.cwiseAbs().maxCoeff()));
      Particles<float> in_single;
      KernelWorkspace<float> of_single;
      network.neuron_outputs(particles.cast<float>().eval(), PackedInputs<float>(data.train_inputs), in_single,
                             of_single);
      EXPECT_LE((in_single.cast<double>() - values).cwiseAbs().maxCoeff(), 2e-5 * (1 + values.cwiseAbs().maxCoeff()));
    }
  }
}

TEST(Network, ScalingsAreTheirFormulas) {
  // The same particles in two scalings differ by the output factor alone; the field of GivenField does not change, so
  // the drifts differ by the drift factor alone.
  const Neuron neuron;
  const Dataset data = random_dataset(9, 4, losses[0], 31);
  const Particles<double> particles = random_particles(neuron, 4, 25, 37);
  const std::vector<double> given(9, 0.5);
  const Risk risk(losses[0], Reduction::mean);
  const auto run = [&](const Scaling& scaling) {
    const Network network(neuron, 4, scaling);
    KernelWorkspace<double> workspace;
    Evaluated result{std::vector<double>(9), Drift(25, particles.cols())};
    network.drift(particles, PackedInputs<double>(data.train_inputs), GivenField(given),
                  risk.drift_weight(network, 25, 9, 9), Accumulate::assign, result.drift, result.outputs, workspace);
    return result;
  };
  const Evaluated standard = run({.kind = ScalingKind::standard});
  const struct {
    Scaling scaling;
    double output, drift;
  } expected[] = {{{.kind = ScalingKind::mean_field}, 1.0 / 25, 1},
                  {{.kind = ScalingKind::ntk}, 1.0 / 5, 1.0 / 5},
                  {{.kind = ScalingKind::alpha, .alpha = 3}, 3.0 / 25, 1.0 / 3},
                  {{.kind = ScalingKind::alpha, .alpha = 5}, 1.0 / 5, 1.0 / 5},
                  {{.kind = ScalingKind::alpha, .alpha = 1}, 1.0 / 25, 1}};
  for (const auto& row : expected) {
    SCOPED_TRACE(row.scaling.describe());
    const Evaluated got = run(row.scaling);
    for (std::size_t i = 0; i < 9; ++i) {
      EXPECT_NEAR(got.outputs[i], row.output * standard.outputs[i], 1e-15 * std::abs(standard.outputs[i]));
    }
    EXPECT_LE((got.drift - row.drift * standard.drift).cwiseAbs().maxCoeff(),
              1e-15 * standard.drift.cwiseAbs().maxCoeff());
  }
}

TEST(Network, ParametersLieInTheOrderOutputInputBias) {
  for (const Neuron& neuron : every_neuron()) {
    const ParameterLayout layout = parameter_layout(neuron, 6);
    const bool output = reference::has_output(neuron.kind);
    EXPECT_EQ(layout.output, output ? 0 : -1);
    EXPECT_EQ(layout.input, output ? 1 : 0);
    EXPECT_EQ(layout.input_dim, 6);
    EXPECT_EQ(layout.bias, neuron.bias ? layout.input + 6 : -1);
    EXPECT_EQ(layout.size, layout.input + 6 + (neuron.bias ? 1 : 0));
  }
}

TEST(Network, EveryNeuronIsItsOwnInfoAndTheTableTellsTheTruth) {
  for (const NeuronInfo& row : neurons) {
    EXPECT_EQ(&info(row.kind), &row);
    EXPECT_EQ(row.has_output, reference::has_output(row.kind)) << row.name;
  }
  // odd_in_output: h(-r) = -h(r) for every w and x.
  for (const Neuron& neuron : every_neuron()) {
    if (!reference::has_output(neuron.kind)) {
      EXPECT_FALSE(info(neuron.kind).odd_in_output);
      continue;
    }
    reference::RealVector theta = random_particles(neuron, 3, 1, 41).row(0).transpose().cast<long double>();
    const reference::RealVector x = random_normals(3, 1, 43).cast<long double>();
    const long double plus = reference::neuron_at(neuron, theta, x).value;
    theta[0] = -theta[0];
    const long double minus = reference::neuron_at(neuron, theta, x).value;
    EXPECT_EQ(info(neuron.kind).odd_in_output, plus == -minus) << name_of(neuron);
  }
}

TEST(InstructionSets, CanBeForcedByNameOnly) {
  const std::string best = instruction_set();
  for (const std::string& name : available_instruction_sets()) {
    force_instruction_set(name);
    EXPECT_EQ(instruction_set(), name);
    force_instruction_set("best");
  }
  EXPECT_EQ(instruction_set(), best);
  EXPECT_THROW(force_instruction_set("MMX"), InvalidInput);
  EXPECT_EQ(instruction_set(), best) << "a refused name changes nothing";
}

}  // namespace
}  // namespace mfld
