// Inputs of two values a column are packed as bits, and the passes add tables of sums: the same outputs and drift as a
// double loop in long double, for every neuron, every instruction set, both precisions and every remainder; and only
// such inputs are packed so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/model/network.hpp"
#include "mfld/model/tangent_network.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/reference_network.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

const Scaling mean_field{.kind = ScalingKind::mean_field};
const Loss squared{.kind = LossKind::squared};

/// As in network_test.cpp: a multiple of the sum of absolute terms.
template <class Scalar>
constexpr double tolerance = sizeof(Scalar) == 8 ? 1e-13 : 1e-5;

enum class Values { signs, bits, any };

/// Random columns of two values each: +-1, or 0 and 1 with few of the ones, or any two, with every seventh column
/// constant.
Dataset two_valued_data(Index n, Index d, Values kind, unsigned seed) {
  Dataset data = random_dataset(n, d, squared, seed);
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  for (Index k = 0; k < d; ++k) {
    const double low = kind == Values::signs ? -1 : (kind == Values::bits ? 0 : normal(engine));
    const double high = kind == Values::any ? (k % 7 == 3 ? low : normal(engine)) : 1;
    const double share = kind == Values::bits ? 1.2 : 0;
    for (Index i = 0; i < n; ++i) {
      data.train_inputs(i, k) = data.train_inputs(i, k) > share ? high : low;
    }
  }
  return data;
}

/// Pre-activations of order one.
template <class Scalar>
Particles<Scalar> particles_of(const Neuron& neuron, Index d, Index num_particles) {
  return (random_particles(neuron, d, num_particles, 41) / std::sqrt(static_cast<double>(d))).template cast<Scalar>();
}

template <class Scalar>
void check_against_double_loop(const Neuron& neuron, const Dataset& data, Index num_particles) {
  const Index n = data.num_train();
  const Index d = data.input_dim();
  SCOPED_TRACE(testing::Message() << name_of(neuron) << ", n = " << n << ", d = " << d << ", N = " << num_particles);
  const Particles<Scalar> particles = particles_of<Scalar>(neuron, d, num_particles);
  reference::Evaluation expected(neuron, mean_field, squared, particles, data.train_inputs, data.train_targets);
  while (expected.num_summed() < n) {
    expected.add_next_sample();
  }
  const Network network(neuron, d, mean_field);
  ASSERT_TRUE(PackedInputs<Scalar>(data.train_inputs).two_valued());
  on_every_instruction_set([&] {
    const Evaluated got =
        evaluate(network, Risk(squared, Reduction::mean), particles, data.train_inputs, data.train_targets);
    EXPECT_LE(reference::worst_error(Eigen::Map<const Vector>(got.outputs.data(), n), expected.outputs(),
                                     expected.output_scales()),
              tolerance<Scalar>);
    EXPECT_LE(reference::worst_error(got.drift, expected.drift(), expected.drift_scale()), tolerance<Scalar>);
  });
}

TEST(TwoValuedInputs, EveryNeuronIsTheDoubleLoop) {
  for (const Neuron& neuron : every_neuron()) {
    for (const Values kind : {Values::signs, Values::bits, Values::any}) {
      const Dataset data = two_valued_data(37, 14, kind, 3);
      check_against_double_loop<double>(neuron, data, 33);
      check_against_double_loop<float>(neuron, data, 33);
    }
  }
}

TEST(TwoValuedInputs, EveryRemainderOfQuadsPagesRangesAndGroups) {
  const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  const Neuron softplus_neuron{NeuronKind::bounded_r, Activation::softplus, false, 2};
  for (const Index d : {12, 13, 14, 15, 16, 40, 47, 49, 97, 200}) {
    for (const Index n : {32, 33, 34, 35, 39, 63, 64, 65, 97, 131}) {
      const Dataset data = two_valued_data(n, d, Values::any, static_cast<unsigned>(n + d));
      check_against_double_loop<double>(tanh_neuron, data, 9);
      check_against_double_loop<float>(softplus_neuron, data, 37);
    }
  }
  for (const Index num_particles : {1, 2, 7, 15, 16, 17, 33, 300}) {
    const Dataset data = two_valued_data(70, 18, Values::signs, 5);
    check_against_double_loop<double>(softplus_neuron, data, num_particles);
    check_against_double_loop<float>(tanh_neuron, data, num_particles);
  }
}

TEST(TwoValuedInputs, SeveralBlocksOfSamples) {
  const Neuron neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  check_against_double_loop<double>(neuron, two_valued_data(261, 12, Values::any, 7), 5000);
  check_against_double_loop<float>(neuron, two_valued_data(4003, 12, Values::signs, 8), 600);
}

/// Outputs of the whole, of batches that are gathered from it and of one sample at a time have the same bits; the drift
/// of a batch is that of the double loop.
template <class Scalar>
void check_batches(const Neuron& neuron) {
  const Dataset data = two_valued_data(150, 43, Values::any, 9);
  const PackedInputs<Scalar> all(data.train_inputs);
  const Network network(neuron, 43, mean_field);
  const Particles<Scalar> particles = particles_of<Scalar>(neuron, 43, 45);
  KernelWorkspace<Scalar> workspace;
  std::vector<double> whole(150);
  network.outputs(particles, all, whole, workspace);
  PackedInputs<Scalar> batch(130, 43);
  for (const Index size : {1, 2, 3, 4, 5, 8, 31, 32, 64, 65, 130, 7}) {
    std::vector<Index> samples(static_cast<std::size_t>(size));
    for (Index i = 0; i < size; ++i) {
      samples[static_cast<std::size_t>(i)] = (37 * i + size) % 150;
    }
    batch.gather(all, samples);
    ASSERT_TRUE(batch.two_valued());
    std::vector<double> outputs(samples.size());
    network.outputs(particles, batch, outputs, workspace);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      ASSERT_EQ(outputs[i], whole[static_cast<std::size_t>(samples[i])]) << size << " samples";
    }
    const Inputs inputs = data.train_inputs(samples, Eigen::all);
    const Vector targets = data.train_targets(samples);
    reference::Evaluation expected(neuron, mean_field, squared, particles, inputs, targets);
    while (expected.num_summed() < size) {
      expected.add_next_sample();
    }
    Drift drift(particles.rows(), particles.cols());
    std::vector<double> again(samples.size());
    network.drift(particles, batch, CurrentField(squared, span_of(targets)),
                  Risk(squared, Reduction::mean).drift_weight(network, 45, size, size), Accumulate::assign, drift,
                  again, workspace);
    EXPECT_EQ(again, outputs);
    EXPECT_LE(reference::worst_error(drift, expected.drift(), expected.drift_scale()), tolerance<Scalar>) << size;
  }
}

TEST(TwoValuedInputs, ABatchIsPackedLikeItsSource) {
  on_every_instruction_set([] {
    check_batches<double>({});
    check_batches<float>({NeuronKind::r_sigma, Activation::softplus, true, 1});
  });
  // A batch takes the packing of whatever it is gathered from.
  const PackedInputs<double> usual(Inputs(random_normals(40, 43, 1)));
  const PackedInputs<double> bits(two_valued_data(40, 43, Values::signs, 1).train_inputs);
  PackedInputs<double> batch(3, 43);
  const std::vector<Index> samples = {2, 19, 0};
  for (const PackedInputs<double>* source : {&usual, &bits, &usual}) {
    batch.gather(*source, samples);
    EXPECT_EQ(batch.two_valued(), source->two_valued());
  }
  EXPECT_EQ(batch.tile(0)[1], usual.tile(0)[2 * PackedInputs<double>::tile_inputs + 1]);
}

TEST(TwoValuedInputs, TheTangentModelIsTheUsualOne) {
  // The same inputs with one column of three values more, which no particle looks at, are packed as usual.
  const Neuron neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
  for (const Index d : {14, 250}) {
    const Dataset data = two_valued_data(140, d, Values::signs, 11);
    Inputs wider(140, d + 1);
    wider << data.train_inputs, random_normals(140, 1, 12);
    Particles<double> start = particles_of<double>(neuron, d + 1, 21);
    Particles<double> now = start + 0.1 * random_normals(21, start.cols(), 13);
    const ParameterLayout layout = parameter_layout(neuron, d + 1);
    const Index ignored = layout.input + d;
    start.col(ignored).setZero();
    now.col(ignored).setZero();
    const auto without = [&](const Particles<double>& theta) {
      Particles<double> fewer(theta.rows(), theta.cols() - 1);
      fewer << theta.leftCols(ignored), theta.rightCols(theta.cols() - ignored - 1);
      return fewer;
    };
    const TangentNetwork usual(Network(neuron, d + 1, mean_field), start);
    const TangentNetwork tables(Network(neuron, d, mean_field), without(start));
    const Risk risk(squared, Reduction::mean);
    on_every_instruction_set([&] {
      const Evaluated expected = evaluate(usual, risk, now, wider, data.train_targets);
      const Evaluated got = evaluate(tables, risk, without(now), data.train_inputs, data.train_targets);
      for (std::size_t i = 0; i < got.outputs.size(); ++i) {
        EXPECT_NEAR(got.outputs[i], expected.outputs[i], 1e-13);
      }
      EXPECT_LE((got.drift - without(expected.drift)).cwiseAbs().maxCoeff(), 1e-13);
    });
  }
}

TEST(TwoValuedInputs, TheSameBitsOnAnyNumberOfThreads) {
  const Neuron neuron;
  const Dataset data = two_valued_data(300, 40, Values::signs, 15);
  const Network network(neuron, 40, mean_field);
  const Particles<double> particles = particles_of<double>(neuron, 40, 3001);
  const auto run = [&](int threads) {
    return with_threads(threads, [&] {
      return evaluate(network, Risk(squared, Reduction::mean), particles, data.train_inputs, data.train_targets);
    });
  };
  const Evaluated one = run(1);
  for (const int threads : {2, 8}) {
    const Evaluated many = run(threads);
    EXPECT_EQ(many.outputs, one.outputs);
    EXPECT_EQ(many.drift, one.drift);
  }
}

TEST(TwoValuedInputs, OnlyTheyArePackedAsBits) {
  const auto is_two_valued = [](const Inputs& inputs) {
    EXPECT_EQ(PackedInputs<float>(inputs).two_valued(), PackedInputs<double>(inputs).two_valued());
    return PackedInputs<double>(inputs).two_valued();
  };
  const Inputs signs = two_valued_data(64, 20, Values::signs, 21).train_inputs;
  EXPECT_TRUE(is_two_valued(signs));
  EXPECT_TRUE(is_two_valued(Inputs::Constant(64, 20, 0.3))) << "constants have one value twice";
  EXPECT_FALSE(is_two_valued(random_normals(64, 20, 22)));
  for (const Index row : {0, 1, 40, 63}) {
    Inputs nearly = signs;
    nearly(row, 19) = std::nextafter(nearly(row, 19), 2.0);
    EXPECT_FALSE(is_two_valued(nearly)) << "one last place in one entry, row " << row;
  }
  Inputs mixed = signs;
  mixed.col(7) = random_normals(64, 1, 23);
  EXPECT_FALSE(is_two_valued(mixed)) << "all or nothing";
  Inputs far = signs;
  far.col(2) *= std::numeric_limits<double>::max();
  EXPECT_FALSE(is_two_valued(far)) << "the difference of the values overflows";
  EXPECT_FALSE(is_two_valued(signs.topRows(PackedInputs<double>::least_samples - 1)));
  EXPECT_TRUE(is_two_valued(signs.topRows(PackedInputs<double>::least_samples)));
  EXPECT_FALSE(is_two_valued(signs.leftCols(PackedInputs<double>::least_inputs - 1)));
}

}  // namespace
}  // namespace mfld
