// What mini-batches add to the drift: the formula against all batches that there are.
#include "mfld/observe/gradient_noise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mfld/dynamics/mini_batch.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/observe/observables.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

constexpr Index num_samples = 6;
constexpr Index batch_size = 2;

/// All samples of two, ascending: each pair once, or with replacement in both orders and with itself.
std::vector<std::vector<Index>> all_batches(bool with_replacement) {
  std::vector<std::vector<Index>> batches;
  for (Index i = 0; i < num_samples; ++i) {
    for (Index j = 0; j < num_samples; ++j) {
      if (with_replacement || i < j) {
        batches.push_back({std::min(i, j), std::max(i, j)});
      }
    }
  }
  return batches;
}

KernelProblem problem() {
  return {{NeuronKind::r_sigma, Activation::tanh, true, 1}, {.kind = ScalingKind::mean_field}, num_samples, 1, 8};
}

Phase phase_with_batches(std::string_view method, std::int64_t steps) {
  Phase phase = phase_of(method, steps, 0.2);
  phase.batch_size = batch_size;
  phase.snapshot_every = 3;
  return phase;
}

std::vector<double> columns_at(const Scene& scene, const State<double>& state) {
  return observe_now(scene, {"gradient_noise"}, state);
}

double mean_square(const Drift& drift) { return drift.squaredNorm() / static_cast<double>(drift.rows()); }

TEST(GradientNoise, IsTheMeanOverAllBatchesOfSgd) {
  const KernelProblem at = problem();
  EmpiricalRisk<double> objective(at.network, at.risk, at.data);
  Drift full(8, at.initial.cols()), part = full;
  objective.drift(at.initial, full);
  for (const Sampling sampling : {Sampling::without_replacement, Sampling::with_replacement}) {
    Phase phase = phase_with_batches("sgd", 5);
    phase.sampling = sampling;
    const auto batches = all_batches(sampling == Sampling::with_replacement);
    double mean = 0;
    for (const auto& batch : batches) {
      objective.drift_of(batch, at.initial, part);
      mean += mean_square(part - full) / static_cast<double>(batches.size());
    }
    RowSums<double> sums;
    const GradientNoise noise = gradient_noise(objective, at.initial, {&phase, 4, 4, 7}, sums);
    EXPECT_NEAR(noise.expected, mean, 1e-12 * mean);
    std::vector<Index> drawn(batch_size);
    draw_batch(7, 4, num_samples, sampling, drawn);
    objective.drift_of(drawn, at.initial, part);
    EXPECT_NEAR(noise.of_next_batch, mean_square(part - full), 1e-12 * mean);
  }
}

/// The snapshot by hand, at the steps 0, 3, 6, ...
TEST(GradientNoise, IsTheMeanOverAllBatchesOfSvrgAndNoneAtItsSnapshot) {
  const KernelProblem at = problem();
  const std::vector<Phase> phases = {phase_with_batches("svrg-mfld", 8)};
  const Scene scene{&at.network, &at.risk, &at.data, &at.initial, &phases};
  EmpiricalRisk<double> objective(at.network, at.risk, at.data);
  Particles<double> snapshot = at.initial;
  std::vector<double> coefficients(num_samples);
  Drift there(8, at.initial.cols()), full = there, part = there, old = there;
  int looks = 0;
  at.run(at.network, phases, [&](const State<double>& state) {
    const std::vector<double> seen = columns_at(scene, state);
    if (state.step == 8) {
      return;
    }
    ++looks;
    if (state.step % 3 == 0) {
      snapshot = state.particles;
      objective.drift(snapshot, there, {coefficients, 1});
      EXPECT_EQ(seen[0], 0);
      EXPECT_EQ(seen[1], 0);
      return;
    }
    objective.drift(state.particles, full);
    double mean = 0;
    const auto batches = all_batches(false);
    for (const auto& batch : batches) {
      objective.drift_of(batch, state.particles, part);
      objective.subtract(batch, {coefficients, 1}, snapshot, part);
      mean += mean_square(part + there - full) / static_cast<double>(batches.size());
    }
    EXPECT_GT(mean, 0);
    EXPECT_NEAR(seen[0], mean, 1e-10 * mean) << state.step;
  });
  EXPECT_EQ(looks, 8);
}

/// A step without noise or penalty moves by its drift: what the next batch will do is what it then does.
TEST(GradientNoise, ForetellsTheNextStep) {
  const KernelProblem at = problem();
  const std::vector<Phase> phases = {phase_with_batches("sgd", 4)};
  const Scene scene{&at.network, &at.risk, &at.data, &at.initial, &phases, {3, 3, 3, 3}};
  EmpiricalRisk<double> objective(at.network, at.risk, at.data);
  Drift full(8, at.initial.cols());
  Particles<double> before;
  double foretold = 0;
  at.run(at.network, phases, [&](const State<double>& state) {
    if (state.step > 0) {
      objective.drift(before, full);
      EXPECT_NEAR(mean_square((before - state.particles) / 0.2 - full), foretold, 1e-9 * foretold) << state.step;
    }
    before = state.particles;
    foretold = columns_at(scene, state)[1];
  });
}

TEST(GradientNoise, NeedsAPhaseThatDrawsBatches) {
  const KernelProblem at = problem();
  const std::vector<Phase> phases = {phase_of("gd", 2, 0.1)};
  const Scene scene{&at.network, &at.risk, &at.data, &at.initial, &phases};
  EXPECT_TRUE(find_observable("gradient_noise")->unavailable(scene).has_value());
}

TEST(GradientNoise, IsNoneWithAllSamples) {
  const KernelProblem at = problem();
  for (const std::string_view method : {"gd", "sgd"}) {
    std::vector<Phase> phases = {phase_with_batches(method, 2), phase_with_batches("sgd", 2)};
    phases[0].batch_size = num_samples;
    const Scene scene{&at.network, &at.risk, &at.data, &at.initial, &phases};
    State<double> state;
    state.particles = at.initial;
    for (const double value : columns_at(scene, state)) {
      EXPECT_LT(value, 1e-28) << method;
    }
  }
}

}  // namespace
}  // namespace mfld
