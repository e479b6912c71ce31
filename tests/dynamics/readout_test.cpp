// The readout that is solved: as a phase of its own, and before every step.
#include "mfld/dynamics/readout.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "mfld/core/parallel.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
constexpr Scaling mean_field{.kind = ScalingKind::mean_field};
constexpr double ridge = 0.02;

Phase ridge_readout_phase() {
  Phase phase = phase_of("ridge-readout", 1, 1);
  phase.step_size = {};
  phase.readout = Readout::ridge;
  phase.ridge = ridge;
  return phase;
}

/// The columns of a network that are not r.
std::vector<unsigned char> all_but_output(const Network& network) {
  std::vector<unsigned char> moved(static_cast<std::size_t>(network.layout().size), 1);
  moved[0] = 0;
  return moved;
}

Phase two_timescale(const KernelProblem& problem, std::string_view method, std::int64_t num_steps, double step_size) {
  Phase phase = phase_of(method, num_steps, step_size);
  phase.readout = Readout::ridge;
  phase.ridge = ridge;
  phase.moved = all_but_output(problem.network);
  return phase;
}

/// dF/dr_j / penalty_factor: the drift of r and the gradient of its penalty.
Vector gradient_in_readout(const KernelProblem& problem, const Particles<double>& particles) {
  const Evaluated at =
      evaluate(problem.network, problem.risk, particles, problem.data.train_inputs, problem.data.train_targets);
  return at.drift.col(0) + ridge * particles.col(0);
}

TEST(RidgeReadoutPhase, EndsWhereTheGradientInTheReadoutVanishes) {
  // In the units of the objective itself, whatever its factor, its reduction and the scaling.
  for (const auto& [n, width] : {std::pair<Index, Index>{9, 40}, {40, 9}, {1, 1}}) {
    for (const ScalingKind kind : {ScalingKind::mean_field, ScalingKind::ntk, ScalingKind::standard}) {
      KernelProblem problem(tanh_neuron, {.kind = kind}, n, 1, width);
      for (const double prefactor : {0.5, 1.0}) {
        for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
          problem.risk = Risk({.kind = LossKind::squared, .prefactor = prefactor}, reduction);
          const State<double> last = problem.run(problem.network, {ridge_readout_phase()});
          EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
          EXPECT_EQ(last.particles.rightCols(4), problem.initial.rightCols(4)) << "w and b move";
          EXPECT_EQ(last.step, 1);
          EXPECT_EQ(last.time, 0);
          EXPECT_EQ(last.gradient_evaluations, n);
          const double scale = gradient_in_readout(problem, problem.initial).norm();
          EXPECT_LE(gradient_in_readout(problem, last.particles).norm(), 1e-11 * scale);
        }
      }
    }
  }
}

TEST(RidgeReadoutPhase, TakesTheSamplesOfThePhase) {
  const KernelProblem problem(tanh_neuron, mean_field, 30, 1, 20);
  KernelProblem some = problem;
  some.data.train_inputs = problem.data.train_inputs.middleRows(7, 11).eval();
  some.data.train_targets = problem.data.train_targets.segment(7, 11).eval();
  Phase phase = ridge_readout_phase();
  const Particles<double> expected = some.run(some.network, {phase}).particles;
  phase.samples_begin = 7;
  phase.samples_end = 18;
  const State<double> last = problem.run(problem.network, {phase});
  EXPECT_EQ(last.particles, expected);
  EXPECT_EQ(last.gradient_evaluations, 11);
}

TEST(RidgeReadoutPhase, OfNoStepsLeavesTheReadout) {
  const KernelProblem problem(tanh_neuron, mean_field, 30, 1, 20);
  Phase phase = ridge_readout_phase();
  phase.num_steps = 0;
  EXPECT_EQ(problem.run(problem.network, {phase}).particles, problem.initial);
}

TEST(RidgeReadoutPhase, EndsTheRunWhereThereIsNoSolution) {
  KernelProblem problem(tanh_neuron, mean_field, 12, 1, 20);
  problem.data.train_targets[3] = std::numeric_limits<double>::quiet_NaN();
  problem.run(problem.network, {ridge_readout_phase()});
  EXPECT_EQ(problem.outcome.end.ending, Ending::diverged);
  EXPECT_NE(problem.outcome.failure.find("larger ridge"), std::string::npos);
  problem.run(problem.network, {two_timescale(problem, "gd", 3, 0.1)});
  EXPECT_EQ(problem.outcome.end.ending, Ending::diverged);
  EXPECT_EQ(problem.outcome.end.step, 0);
}

/// min over r of F at given w and b, [N x p] with any r.
double minimum(const KernelProblem& problem, const Particles<double>& particles) {
  EmpiricalRisk<double> risk(problem.network, problem.risk, problem.data);
  Particles<double> at = particles;
  EXPECT_EQ(solve_readout(ridge_readout_phase(), risk, at), "");
  return risk.value(at) + ridge / 2 * at.col(0).squaredNorm() / static_cast<double>(at.rows());
}

TEST(SolvedReadout, DescendsTheMinimumOverTheReadout) {
  // The envelope theorem: one step of w and b is -eta N times the gradient of min_r F, by central differences.
  for (const auto& [n, width] : {std::pair<Index, Index>{9, 5}, {4, 12}}) {
    const KernelProblem problem(tanh_neuron, mean_field, n, 1, width);
    const Particles<double> last = problem.run(problem.network, {two_timescale(problem, "gd", 1, 1.0)}).particles;
    double worst = 0;
    for (Index j = 0; j < width; ++j) {
      for (Index k = 1; k < problem.initial.cols(); ++k) {
        constexpr double h = 1e-5;
        Particles<double> above = problem.initial;
        Particles<double> below = problem.initial;
        above(j, k) += h;
        below(j, k) -= h;
        const double slope = static_cast<double>(width) * (minimum(problem, above) - minimum(problem, below)) / (2 * h);
        worst = std::max(worst, std::abs(problem.initial(j, k) - last(j, k) - slope));
      }
    }
    EXPECT_LE(worst, 1e-8) << "the central difference has an error of about 1e-10";
  }
}

TEST(SolvedReadout, HasTheReadoutOfThePresentWeightsBeforeEveryStepAndInTheEnd) {
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  int looks = 0;
  problem.run(problem.network, {two_timescale(problem, "gd", 5, 0.5)}, [&](const State<double>& state) {
    ++looks;
    EXPECT_LE(gradient_in_readout(problem, state.particles).norm(), 1e-11) << state.step;
    EXPECT_EQ(state.gradient_evaluations, 18 * state.step);
  });
  EXPECT_EQ(looks, 6);
}

TEST(SolvedReadout, IsTheLimitOfAFastReadout) {
  // r trained to its minimum between two steps of w and b, by descent with the penalty (ridge / 2) |r|^2.
  const KernelProblem problem(tanh_neuron, mean_field, 4, 1, 3);
  const Particles<double> limit = problem.run(problem.network, {two_timescale(problem, "gd", 6, 0.4)}).particles;
  const auto apart = [&](std::int64_t num_fast) {
    Phase fast = phase_of("gd", num_fast, 0.5);
    fast.moved = {1, 0, 0, 0, 0};
    fast.lambda1 = constant(ridge / 2);
    Phase slow = phase_of("gd", 1, 0.4);
    slow.moved = {0, 1, 1, 1, 1};
    std::vector<Phase> phases = {fast};
    for (int k = 0; k < 6; ++k) {
      phases.insert(phases.end(), {slow, fast});
    }
    return (problem.run(problem.network, phases).particles - limit).cwiseAbs().maxCoeff();
  };
  const double few = apart(30);
  const double more = apart(300);
  const double most = apart(6000);
  RecordProperty("apart", fmt::format("{:.2g} {:.2g} {:.2g}", few, more, most));
  EXPECT_LT(more, few / 2);
  EXPECT_LT(most, 1e-9);
}

/// The state after all steps, and that of a run that stopped and went on from a copy.
template <class Scalar>
void expect_to_go_on(const KernelProblem& problem, const std::vector<Phase>& phases, std::int64_t last_step) {
  class Nobody : public Listener<Scalar> {
   public:
    void hear(const State<Scalar>& /*state*/, Ending /*ending*/) override {}
  } nobody;
  const auto simulation = [&](State<Scalar> state) {
    return Simulation<Scalar>(std::make_unique<EmpiricalRisk<Scalar>>(problem.network, problem.risk, problem.data),
                              phases, {3, 3, 3, 3}, std::move(state), &problem.initial);
  };
  State<Scalar> first;
  first.particles = problem.initial.cast<Scalar>();
  Simulation<Scalar> unbroken = simulation(first);
  EXPECT_EQ(unbroken.run(nobody, false).end.ending, Ending::finished);
  for (std::int64_t limit = 0; limit <= last_step; ++limit) {
    Simulation<Scalar> part = simulation(first);
    part.run(nobody, false, limit);
    Simulation<Scalar> rest = simulation(part.state());
    rest.run(nobody, false);
    EXPECT_EQ(rest.state().particles, unbroken.state().particles) << limit;
    EXPECT_EQ(rest.state().gradient_evaluations, unbroken.state().gradient_evaluations) << limit;
  }
}

TEST(SolvedReadout, GoesOnToTheSameBits) {
  const KernelProblem problem(tanh_neuron, mean_field, 30, 1, 20);
  Phase noisy = two_timescale(problem, "mfld", 3, 0.2);
  noisy.temperature = constant(0.01);
  noisy.lambda1 = constant(0.1);
  noisy.label_noise = 0.3;
  Phase in_batches = two_timescale(problem, "sgd", 3, 0.2);
  in_batches.batch_size = 5;
  const std::vector<Phase> phases = {noisy, phase_of("gd", 1, 0.1), in_batches, ridge_readout_phase()};
  expect_to_go_on<double>(problem, phases, 8);
  expect_to_go_on<float>(problem, phases, 8);
}

TEST(SolvedReadout, HasTheSameBitsOnAnyNumberOfThreads) {
  const KernelProblem problem(tanh_neuron, mean_field, 300, 1, 500);
  const auto run = [&] { return problem.run(problem.network, {two_timescale(problem, "gd", 3, 0.5)}).particles; };
  const Particles<double> expected = with_threads(1, run);
  EXPECT_EQ(with_threads(2, run), expected);
  EXPECT_EQ(with_threads(8, run), expected);
}

TEST(SolvedReadout, IsThatOfTheLabelsOfTheStep) {
  // The labels of step k, with their noise, are those that r is solved for before it.
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  Phase phase = two_timescale(problem, "gd", 4, 0.5);
  phase.label_noise = 0.7;
  EmpiricalRisk<double> risk(problem.network, problem.risk, problem.data);
  problem.run(problem.network, {phase}, [&](const State<double>& state) {
    risk.set_label_noise(0.7, 3, state.step);
    Particles<double> at = state.particles;
    EXPECT_EQ(solve_readout(phase, risk, at), "");
    EXPECT_EQ(at, state.particles) << state.step;
  });
}

TEST(MovedBlocks, AloneMoveAndAloneHaveNoise) {
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  for (const StepKind step :
       {StepKind::euler_maruyama, StepKind::kinetic, StepKind::leimkuhler_matthews, StepKind::sphere}) {
    Phase phase = phase_of("mfld", 3, 0.1);
    phase.temperature = constant(0.1);
    phase.lambda1 = constant(0.1);
    phase.lambda1_fourth = constant(0.01);
    phase.step_rule = step;
    phase.moved = {0, 1, 1, 1, 0};
    const Particles<double> last = problem.run(problem.network, {phase}).particles;
    EXPECT_EQ(last.col(0), problem.initial.col(0));
    EXPECT_EQ(last.col(4), problem.initial.col(4));
    EXPECT_TRUE(((last - problem.initial).middleCols(1, 3).array() != 0).all());
    const Network same({NeuronKind::r_sigma, Activation::tanh, true, 1}, 3, mean_field,
                       {.input = true, .bias = false, .output = false});
    phase.moved.clear();
    EXPECT_EQ(problem.run(same, {phase}).particles, last) << "a network that trains these alone";
  }
}

TEST(MovedBlocks, AloneCountForTheNormThatEndsAPhase) {
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  Phase phase = phase_of("gd", 1000, 0.5);
  phase.lambda1 = constant(0.05);
  phase.moved = {1, 0, 0, 0, 0};
  phase.until_gradient_norm = 1e-6;
  const State<double> last = problem.run(problem.network, {phase});
  EXPECT_LT(last.step, 1000) << "the gradient in w and b never vanishes";
}

}  // namespace
}  // namespace mfld
