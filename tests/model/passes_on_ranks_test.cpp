// Passes that ranks make together: the bits of one process for any number of stacks of samples, and messages that
// travel while there is arithmetic.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "mfld/core/parallel.hpp"
#include "mfld/model/shares.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "support/sample_problem.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

constexpr Loss squared{.kind = LossKind::squared};
constexpr Index num_particles = 1024;     // whole groups of any instruction set
constexpr Index samples_of_stack = 1024;  // 8 MB of activations
constexpr Index outputs_at_once = 512;    // where no drift is made

struct Problem {
  explicit Problem(Index num_samples)
      : data(random_dataset(num_samples, 2, squared, 1)),
        particles(random_particles(network.neuron(), 2, num_particles, 2)) {}

  Network network{{.kind = NeuronKind::r_sigma, .activation = Activation::tanh, .bias = true},
                  2,
                  {.kind = ScalingKind::mean_field},
                  {}};
  Dataset data;
  Particles<double> particles;

  EmpiricalRisk<double> risk(Ranks* ranks) const { return {network, Risk(squared, Reduction::mean), data, ranks}; }
};

/// What a pass finds.
struct Found {
  Drift drift;
  std::vector<double> outputs;
  bool operator==(const Found&) const = default;
};

Found find(const Problem& problem, Ranks* ranks, const Finish& finish = {}) {
  EmpiricalRisk<double> risk = problem.risk(ranks);
  Found found = {Drift::Zero(problem.particles.rows(), problem.particles.cols()),
                 std::vector<double>(static_cast<std::size_t>(problem.data.num_train()))};
  risk.drift_and_outputs(problem.particles, found.drift, found.outputs, finish);
  return found;
}

/// 1, 2, 3 stacks and more, the last of them whole or of a few samples.
TEST(PassesOnRanks, HaveTheBitsOfOneProcessForAnyNumberOfStacks) {
  constexpr Index stack = samples_of_stack;
  for (const Index num_samples : {stack - 1, stack, stack + 1, 2 * stack, 2 * stack + 9, 3 * stack, 4 * stack + 3}) {
    const Problem problem(num_samples);
    const Found expected = find(problem, nullptr);
    std::vector<double> values(expected.outputs.size());
    problem.risk(nullptr).outputs(problem.particles, values);
    for (const int num_ranks : {1, 2, 3, 7}) {
      std::atomic<int> num_right = 0;
      ThreadRanks(num_ranks).run([&](Ranks& ranks) {
        with_threads(1 + ranks.rank() % 2, [&] {
          std::vector<double> own_values(values.size());
          problem.risk(&ranks).outputs(problem.particles, own_values);
          num_right += find(problem, &ranks) == expected && own_values == values ? 1 : 0;
        });
      });
      EXPECT_EQ(num_right, num_ranks) << num_samples << " samples, " << num_ranks << " ranks";
    }
  }
}

/// Where rows are taken as they become complete: once each, by their owner, with the whole drift.
TEST(PassesOnRanks, FinishEveryRowOfTheirOwnOnce) {
  const Problem problem(2 * samples_of_stack + 9);
  const Found expected = find(problem, nullptr);
  constexpr int num_ranks = 3;
  const Shares shares = shares_of<double>(num_particles, num_ranks);
  ThreadRanks(num_ranks).run([&](Ranks& ranks) {
    std::vector<std::atomic<int>> times(num_particles);
    const auto finish = [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        ++times[static_cast<std::size_t>(row)];
      }
    };
    const Found found = find(problem, &ranks, std::cref(finish));
    const Index first = shares.rows[static_cast<std::size_t>(ranks.rank())];
    const Index last = shares.rows[static_cast<std::size_t>(ranks.rank()) + 1];
    for (Index row = 0; row < num_particles; ++row) {
      EXPECT_EQ(times[static_cast<std::size_t>(row)], first <= row && row < last ? 1 : 0) << row;
    }
    EXPECT_EQ(found.drift.middleRows(first, last - first), expected.drift.middleRows(first, last - first));
    EXPECT_EQ(found.outputs, expected.outputs);
  });
}

/// How often two ranks of one thread wait for a message that, slow as it is, cannot have come yet.
template <class Pass>
std::size_t num_idle_waits(int looks, const Pass& pass) {
  ThreadRanks all(2, looks);
  all.run([&](Ranks& ranks) { with_threads(1, [&] { pass(ranks); }); });
  return all.num_idle_waits();
}

/// Each of two ranks receives one message an exchange, and looks for it as it begins and after each piece of work: T
/// tasks of a map and as many of a reduction. Those of the first stack have a reduction alone to hide behind, those of
/// the last one a map; one stack alone has nothing.
TEST(PassesOnRanks, MessagesTravelBehindArithmetic) {
  const Problem problem(4 * samples_of_stack + 3);
  const Shares shares = shares_of<double>(num_particles, 2);
  ASSERT_EQ(shares.tasks[1], shares.tasks[2] - shares.tasks[1]);
  const int num_tasks = static_cast<int>(shares.tasks[1]);
  constexpr std::size_t num_stacks = 5;
  const Finish nothing = [](Index, Index) {};
  const auto drift = [&](Ranks& ranks) { find(problem, &ranks, nothing); };
  for (const int looks : {1, 2, num_tasks + 1}) {
    EXPECT_EQ(num_idle_waits(looks, drift), 0U) << looks;
  }
  for (const int looks : {num_tasks + 2, 2 * num_tasks + 1}) {
    EXPECT_EQ(num_idle_waits(looks, drift), 2U * 2U) << looks;
  }
  EXPECT_EQ(num_idle_waits(2 * num_tasks + 2, drift), 2 * num_stacks);

  const auto outputs = [&](Ranks& ranks) {
    std::vector<double> values(static_cast<std::size_t>(problem.data.num_train()));
    problem.risk(&ranks).outputs(problem.particles, values);
  };
  EXPECT_EQ(num_idle_waits(num_tasks + 1, outputs), 2U);
  const auto num_exchanges =
      static_cast<std::size_t>((problem.data.num_train() + outputs_at_once - 1) / outputs_at_once);
  EXPECT_EQ(num_idle_waits(num_tasks + 2, outputs), 2 * num_exchanges);

  const Problem one_stack(100);
  EXPECT_EQ(num_idle_waits(2, [&](Ranks& ranks) { find(one_stack, &ranks, nothing); }), 2U);
}

}  // namespace
}  // namespace mfld
