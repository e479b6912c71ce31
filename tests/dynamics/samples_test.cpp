// Which samples a phase sees, and with which labels.
#include <gtest/gtest.h>

#include <boost/random/uniform_real_distribution.hpp>
#include <limits>

#include "support/kernel_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
constexpr Scaling mean_field{.kind = ScalingKind::mean_field};

Phase on_samples(std::string_view method, Index begin, Index end) {
  Phase phase = phase_of(method, 20, 0.2);
  phase.samples_begin = begin;
  phase.samples_end = end;
  phase.batch_size = 4;
  phase.temperature = constant(phase.method->temperature == TemperatureKey::none ? 0 : 0.01);
  return phase;
}

TEST(SamplesOfAPhase, AreTheDataSetThatHasThemAlone) {
  const KernelProblem problem(tanh_neuron, mean_field, 30, 1, 40);
  KernelProblem some = problem;
  some.data.train_inputs = problem.data.train_inputs.middleRows(7, 11).eval();
  some.data.train_targets = problem.data.train_targets.segment(7, 11).eval();
  for (const char* method : {"gd", "mfld", "sgd-mfld", "sgd"}) {
    for (const Sampling sampling :
         {Sampling::without_replacement, Sampling::with_replacement, Sampling::symmetric_sweep}) {
      Phase of_some = on_samples(method, 7, 18);
      Phase of_all = on_samples(method, 0, 0);
      of_some.sampling = of_all.sampling = sampling;
      const State<double> last = problem.run(problem.network, {of_some});
      const State<double> expected = some.run(some.network, {of_all});
      EXPECT_EQ(last.particles, expected.particles) << method;
      EXPECT_EQ(last.gradient_evaluations, expected.gradient_evaluations) << method;
    }
  }
}

TEST(SamplesOfAPhase, LeaveTheOthersUnread) {
  KernelProblem problem(tanh_neuron, mean_field, 30, 1, 40);
  problem.data.train_inputs.topRows(10).setConstant(std::numeric_limits<double>::quiet_NaN());
  problem.run(problem.network, {on_samples("gd", 10, 30), on_samples("sgd-mfld", 12, 16)});
  EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
  problem.run(problem.network, {on_samples("gd", 9, 30)});
  EXPECT_EQ(problem.outcome.end.ending, Ending::diverged) << "the test could not see a wrong sample";
}

Vector noise_of_step(std::uint64_t seed, std::int64_t step, Index n, double level) {
  RandomStream stream(seed, Purpose::step_label, static_cast<std::uint64_t>(step));
  boost::random::uniform_real_distribution<double> uniform(-level, level);
  return Vector::NullaryExpr(n, [&] { return uniform(stream); });
}

TEST(LabelNoise, IsAddedAfreshInEveryStepOfThePhaseAndNotAfter) {
  // One phase of noise and one without, each step by itself with the labels of that step.
  for (const char* method : {"gd", "sgd", "natural-gradient"}) {
    const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 40);
    Phase noisy = phase_of(method, 3, 0.2);
    noisy.batch_size = 9;
    noisy.damping = 0.5;
    noisy.label_noise = 0.4;
    Phase clean = noisy;
    clean.label_noise = 0;
    const Particles<double> last = problem.run(problem.network, {noisy, clean}).particles;
    KernelProblem by_hand = problem;
    for (std::int64_t k = 0; k < 6; ++k) {
      by_hand.data.train_targets = problem.data.train_targets;
      if (k < 3) {
        by_hand.data.train_targets += noise_of_step(3, k, 9, 0.4);
      }
      Phase one = clean;
      one.num_steps = 1;
      by_hand.initial = by_hand.run(by_hand.network, {one}).particles;
    }
    EXPECT_LE((last - by_hand.initial).cwiseAbs().maxCoeff(), 1e-14) << method;
  }
}

TEST(LabelNoise, IsUniformAndIndependentOfTheStepBefore) {
  // z = 4 for the mean, the variance s^2 / 3 (its standard error s^2 sqrt(4 / 45 / n)) and the covariance of
  // neighbours.
  MeanTest mean;
  MeanTest square;
  MeanTest neighbours;
  Vector before = noise_of_step(3, 0, 5, 2);
  for (std::int64_t k = 1; k < 20000; ++k) {
    const Vector now = noise_of_step(3, k, 5, 2);
    EXPECT_LE(now.cwiseAbs().maxCoeff(), 2);
    for (Index i = 0; i < 5; ++i) {
      mean.add(now[i]);
      square.add(now[i] * now[i]);
      neighbours.add(now[i] * before[i]);
    }
    before = now;
  }
  EXPECT_LE(std::abs(mean.z(0)), 4);
  EXPECT_LE(std::abs(square.z(4.0 / 3)), 4);
  EXPECT_LE(std::abs(neighbours.z(0)), 4);
}

}  // namespace
}  // namespace mfld
