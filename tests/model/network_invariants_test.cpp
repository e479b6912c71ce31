// What must hold for the network whatever the numbers: symmetries, frozen parameters, threads, bit-identities.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/reference_network.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

constexpr Scaling mean_field{.kind = ScalingKind::mean_field};
const Risk squared_risk({.kind = LossKind::squared}, Reduction::mean);

template <class Scalar>
std::vector<double> outputs_of(const Network& network, const Particles<Scalar>& particles, const Inputs& inputs) {
  KernelWorkspace<Scalar> workspace;
  std::vector<double> outputs(static_cast<std::size_t>(inputs.rows()), -777);
  network.outputs(particles, PackedInputs<Scalar>(inputs), outputs, workspace);
  return outputs;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

/// Calls body(neuron) for every neuron of the program, on every instruction set.
template <class Body>
void for_every_neuron(const Body& body) {
  on_every_instruction_set([&] {
    for (const Neuron& neuron : every_neuron()) {
      SCOPED_TRACE(name_of(neuron));
      body(neuron);
    }
  });
}

// ---- Exchangeability (the objective is a function of the empirical measure)

TEST(Exchangeability, PermutingTheParticlesPermutesTheDrift) {
  const Index num_particles = 37;
  const Dataset data = random_dataset(19, 4, squared_risk.loss(), 1);
  std::vector<Index> order(static_cast<std::size_t>(num_particles));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
  for_every_neuron([&](const Neuron& neuron) {
    const Particles<double> particles = random_particles(neuron, 4, num_particles, 2);
    const Particles<double> permuted = particles(order, Eigen::all);
    const Network network(neuron, 4, mean_field);
    const Evaluated a = evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets);
    const Evaluated b = evaluate(network, squared_risk, permuted, data.train_inputs, data.train_targets);
    EXPECT_LE(largest_difference(a.outputs, b.outputs), 1e-13);
    EXPECT_LE((a.drift(order, Eigen::all) - b.drift).cwiseAbs().maxCoeff(), 1e-12);
  });
}

TEST(Exchangeability, DuplicatingEveryParticleChangesNeitherOutputsNorDriftInTheMeanFieldScaling) {
  const Index num_particles = 21;
  const Dataset data = random_dataset(19, 4, squared_risk.loss(), 4);
  for_every_neuron([&](const Neuron& neuron) {
    const Particles<double> particles = random_particles(neuron, 4, num_particles, 5);
    Particles<double> twice(2 * num_particles, particles.cols());
    twice << particles, particles;
    const Network network(neuron, 4, mean_field);
    const Evaluated a = evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets);
    const Evaluated b = evaluate(network, squared_risk, twice, data.train_inputs, data.train_targets);
    EXPECT_LE(largest_difference(a.outputs, b.outputs), 1e-13);
    EXPECT_LE((a.drift - b.drift.topRows(num_particles)).cwiseAbs().maxCoeff(), 1e-12);
    EXPECT_LE((a.drift - b.drift.bottomRows(num_particles)).cwiseAbs().maxCoeff(), 1e-12);
  });
}

// ---- Frozen parameters

bool is_trained(const Network& network, Index column) {
  return network.trained()[static_cast<std::size_t>(column)] != 0;
}

/// Whether `column` of a neuron moves when `blocks` are trained: a fixed sign never does.
bool should_move(const Neuron& neuron, const ParameterLayout& layout, const TrainedBlocks& blocks, Index column) {
  if (column == layout.output) {
    return blocks.output && neuron.kind != NeuronKind::fixed_sign;
  }
  return column == layout.bias ? blocks.bias : blocks.input;
}

TEST(Drift, FrozenBlocksGetExactlyNoneAndTheOthersTheSameBits) {
  const Index d = 12;
  const Dataset data = random_dataset(70, d, squared_risk.loss(), 6);
  for_every_neuron([&](const Neuron& neuron) {
    const Particles<double> particles = random_particles(neuron, d, 19, 7);
    const Network full(neuron, d, mean_field);
    const Evaluated all = evaluate(full, squared_risk, particles, data.train_inputs, data.train_targets);
    for (int subset = 0; subset < 8; ++subset) {
      const TrainedBlocks blocks{(subset & 1) != 0, (subset & 2) != 0, (subset & 4) != 0};
      const Network network(neuron, d, mean_field, blocks);
      const Evaluated got = evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets);
      EXPECT_EQ(got.outputs, all.outputs);
      for (Index column = 0; column < full.layout().size; ++column) {
        const bool moves = should_move(neuron, full.layout(), blocks, column);
        ASSERT_EQ(is_trained(network, column), moves);
        const Vector expected = moves ? Vector(all.drift.col(column)) : Vector::Zero(19);
        EXPECT_EQ(got.drift.col(column), expected) << "column " << column << ", subset " << subset;
      }
    }
  });
}

TEST(Drift, AddingLeavesFrozenColumnsAndAddsToTheOthers) {
  const Neuron neuron;
  const Network network(neuron, 3, mean_field, {.input = true, .bias = false, .output = true});
  const Dataset data = random_dataset(300, 3, squared_risk.loss(), 8);
  const Particles<double> particles = random_particles(neuron, 3, 300, 9);
  const PackedInputs<double> packed(data.train_inputs);
  const CurrentField field(squared_risk.loss(), span_of(data.train_targets));
  KernelWorkspace<double> workspace;
  Drift once(300, 5);
  network.drift(particles, packed, field, 0.25, Accumulate::assign, once, {}, workspace);
  const Drift before = random_normals(300, 5, 10);
  Drift sum = before;
  network.drift(particles, packed, field, 0.25, Accumulate::add, sum, {}, workspace);
  EXPECT_EQ(sum.col(4), before.col(4));
  EXPECT_LE((sum - before - once).cwiseAbs().maxCoeff(), 1e-14 * (1 + once.cwiseAbs().maxCoeff()));
  // Adding with the opposite weight takes it away, up to one rounding: a snapshot correction at the snapshot itself.
  Drift zero = once;
  network.drift(particles, packed, field, -0.25, Accumulate::add, zero, {}, workspace);
  EXPECT_LE(zero.cwiseAbs().maxCoeff(), 1e-16 * (1 + once.cwiseAbs().maxCoeff()));
}

// ---- Zero output at the start (Chizat, Oyallon & Bach, NeurIPS 2019, "doubling")

template <class Scalar>
void check_exactly_zero(const Neuron& neuron, Index num_particles) {
  const Inputs inputs = random_normals(9, 3, 11);
  const Particles<Scalar> particles =
      initial_particles({.symmetric = true}, neuron, 3, num_particles, 12).template cast<Scalar>();
  for (const ScalingKind kind : {ScalingKind::mean_field, ScalingKind::ntk, ScalingKind::standard}) {
    for (const double output : outputs_of(Network(neuron, 3, {.kind = kind}), particles, inputs)) {
      ASSERT_EQ(output, 0) << name_of(neuron) << ", N = " << num_particles;
    }
  }
}

TEST(SymmetricInitialisation, GivesExactlyZeroOutput) {
  int tried = 0;
  for_every_neuron([&tried](const Neuron& neuron) {
    if (info(neuron.kind).odd_in_output) {
      ++tried;
      for (const Index num_particles : {2, 4, 6, 8, 10, 14, 16, 18, 30, 32, 34, 62, 64, 66, 130, 1000}) {
        check_exactly_zero<double>(neuron, num_particles);
        check_exactly_zero<float>(neuron, num_particles);
      }
    }
  });
  EXPECT_GT(tried, 0);
}

TEST(SymmetricInitialisation, GivesExactlyZeroOutputAcrossTasks) {
  on_every_instruction_set([] {
    check_exactly_zero<double>({}, 5002);
    check_exactly_zero<float>({}, 9998);
  });
}

// ---- Threads

template <class Scalar>
void check_threads(const Neuron& neuron, Index num_particles, Index n) {
  const Dataset data = random_dataset(n, 7, squared_risk.loss(), 13);
  const Particles<Scalar> particles = random_particles(neuron, 7, num_particles, 14).template cast<Scalar>();
  const Network network(neuron, 7, mean_field);
  const auto run = [&](int threads) {
    return with_threads(
        threads, [&] { return evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets); });
  };
  const Evaluated one = run(1);
  EXPECT_EQ(outputs_of(network, particles, data.train_inputs), one.outputs) << "outputs() and drift() differ";
  for (const int threads : {1, 2, 3, 8}) {
    for (int repeat = 0; repeat < 3; ++repeat) {
      const Evaluated many = run(threads);
      ASSERT_EQ(many.outputs, one.outputs) << threads << " threads, N = " << num_particles << ", n = " << n;
      ASSERT_EQ(many.drift, one.drift) << threads << " threads, N = " << num_particles << ", n = " << n;
    }
  }
}

TEST(Threads, OutputsAndDriftHaveTheSameBitsOnAnyNumberOfThreads) {
  on_every_instruction_set([] {
    for (const Neuron& neuron : {Neuron{}, Neuron{.activation = Activation::softplus}}) {
      for (const auto& [num_particles, n] : {std::pair<Index, Index>{1, 1}, {33, 70}, {300, 2000}, {3001, 300}}) {
        check_threads<double>(neuron, num_particles, n);
        check_threads<float>(neuron, num_particles, n);
      }
    }
  });
}

TEST(Threads, AWorkspaceMayMoveToMoreThreads) {
  const Neuron neuron;
  const Network network(neuron, 5, mean_field);
  const Dataset data = random_dataset(100, 5, squared_risk.loss(), 15);
  const Particles<double> particles = random_particles(neuron, 5, 2000, 16);
  KernelWorkspace<double> workspace;
  const auto run = [&](int threads) {
    return with_threads(threads, [&] {
      return evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets, workspace).drift;
    });
  };
  const Drift one = run(1);
  EXPECT_EQ(run(8), one);
  EXPECT_EQ(run(2), one);
}

// ---- Bits that must not depend on how the work is cut

template <class Scalar>
void check_sample_alone(const Neuron& neuron) {
  const Index n = 140;
  const Inputs inputs = random_normals(n, 13, 17);
  const Particles<Scalar> particles = random_particles(neuron, 13, 45, 18).template cast<Scalar>();
  const Network network(neuron, 13, mean_field);
  std::vector<double> alone;
  for (Index i = 0; i < n; ++i) {
    alone.push_back(outputs_of(network, particles, Inputs(inputs.row(i)))[0]);
  }
  for (Index first = 0; first < n; first += 7) {
    const std::vector<double> together = outputs_of(network, particles, Inputs(inputs.bottomRows(n - first)));
    ASSERT_TRUE(std::equal(together.begin(), together.end(), alone.begin() + first)) << "from sample " << first;
  }
}

TEST(Samples, AnOutputDoesNotDependOnTheOtherSamples) {
  // Mini-batches give the outputs that the whole data set gives, bit for bit: SVRG's frozen field relies on it.
  on_every_instruction_set([] {
    for (const Neuron& neuron : {Neuron{}, Neuron{.activation = Activation::softplus}, Neuron{NeuronKind::parity}}) {
      check_sample_alone<double>(neuron);
      check_sample_alone<float>(neuron);
    }
  });
}

template <class Scalar>
void check_gather() {
  const Neuron neuron;
  const Inputs inputs = random_normals(50, 23, 19);
  const PackedInputs<Scalar> source(inputs);
  const Particles<Scalar> particles = random_particles(neuron, 23, 20, 20).template cast<Scalar>();
  const Network network(neuron, 23, mean_field);
  PackedInputs<Scalar> batch(12, 23);
  EXPECT_EQ(batch.num_samples(), 0);
  for (const std::vector<Index>& samples :
       {std::vector<Index>{49}, {0, 1, 2}, {7, 7, 7, 3, 49, 0}, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, {}, {30}}) {
    batch.gather(source, samples);
    ASSERT_EQ(batch.num_samples(), static_cast<Index>(samples.size()));
    if (samples.empty()) {
      continue;
    }
    std::vector<double> outputs(samples.size());
    KernelWorkspace<Scalar> workspace;
    network.outputs(particles, batch, outputs, workspace);
    EXPECT_EQ(outputs, outputs_of(network, particles, Inputs(inputs(samples, Eigen::all))));
  }
}

TEST(Samples, GatheringRowsIsPackingThoseRows) {
  check_gather<double>();
  check_gather<float>();
}

TEST(Workspace, ReuseAcrossSizesNeuronsAndInstructionSetsChangesNoBit) {
  KernelWorkspace<double> shared;
  on_every_instruction_set([&] {
    for (const Index num_particles : {3, 500, 17}) {
      for (const Index n : {2000, 1, 65}) {
        for (const Neuron& neuron : {Neuron{.activation = Activation::softplus}, Neuron{}}) {
          const Dataset data = random_dataset(n, 11, squared_risk.loss(), 21);
          const Particles<double> particles = random_particles(neuron, 11, num_particles, 22);
          const Network network(neuron, 11, mean_field);
          const auto reused = evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets, shared);
          const auto fresh = evaluate(network, squared_risk, particles, data.train_inputs, data.train_targets);
          ASSERT_EQ(reused.outputs, fresh.outputs);
          ASSERT_EQ(reused.drift, fresh.drift);
        }
      }
    }
  });
}

TEST(Outputs, AParticleThatIsNotANumberIsSeenByEverySample) {
  // Divergence must not hide: NaN or infinity in any parameter reaches all outputs.
  const Neuron neuron;
  const Network network(neuron, 3, mean_field);
  const Inputs inputs = random_normals(5, 3, 23);
  on_every_instruction_set([&] {
    for (Index column = 0; column < network.layout().size; ++column) {
      for (const Index particle : {0, 18, 36}) {
        Particles<double> particles = random_particles(neuron, 3, 37, 24);
        particles(particle, column) = std::numeric_limits<double>::quiet_NaN();
        for (const double output : outputs_of(network, particles, inputs)) {
          EXPECT_TRUE(std::isnan(output));
        }
      }
    }
  });
}

}  // namespace
}  // namespace mfld
