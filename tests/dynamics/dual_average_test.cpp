#include "mfld/dynamics/dual_average.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "support/kernel_problem.hpp"
#include "support/oracles/line_chain.hpp"
#include "support/oracles/line_law.hpp"
#include "support/power_fit.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
constexpr Scaling mean_field{.kind = ScalingKind::mean_field};

Phase dual_averaging(std::int64_t num_steps, std::int64_t inner_steps, double step_size) {
  Phase phase = phase_of("pda", num_steps, step_size);
  phase.inner_steps = inner_steps;
  return phase;
}

/// What the estimator carries, empty before its first step.
template <class Part>
Matrix coefficients_in(const Part& part) {
  Matrix found;
  const auto look = [&found](std::string_view name, const auto& matrix, const MatrixShape& /*shape*/) {
    if (name == "dual/coefficients") {
      found = matrix.template cast<double>();
    }
  };
  Part::for_each_matrix(part, RunSizes{}, look);
  return found;
}

TEST(DualAverage, CoefficientsAreTheWeightedMeanOfThoseOfTheOuterIterates) {
  // 2 / ((t + 1) (t + 2)) sum_s s l'(f_s), f_s where outer iteration s begins; one update a loop.
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  Phase phase = dual_averaging(40, 4, 0.3);
  phase.temperature = constant(0.01);
  phase.lambda1 = constant(0.02);
  std::vector<Vector> iterates;
  problem.run(problem.network, {phase}, [&](const State<double>& state) {
    EXPECT_EQ(state.gradient_evaluations, 9 * state.step);
    if (state.step > 0 && state.phase == 0) {
      const auto t = static_cast<double>(iterates.size());
      Vector expected = Vector::Zero(9);
      for (std::size_t s = 1; s <= iterates.size(); ++s) {
        expected += 2 * static_cast<double>(s) / ((t + 1) * (t + 2)) * iterates[s - 1];
      }
      EXPECT_LE((coefficients_in(state) - expected).norm(), 1e-15 * (1 + expected.norm())) << state.step;
    }
    if (state.step % 4 == 0) {
      iterates.push_back(problem.residual(problem.network, state.particles));
    }
  });
  EXPECT_EQ(iterates.size(), 11U);
}

TEST(DualAverage, StepIsThatOfTheAveragedPotential) {
  // theta - eta [(1/n) sum_i c_i grad h(theta_j; x_i) + 2 t/(t+2) lambda1 theta_j], for the mean and for the sum.
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
    problem.risk = Risk({}, reduction);
    Phase phase = dual_averaging(12, 3, 0.2);
    phase.lambda1 = constant(0.3);
    const PackedInputs<double> inputs(problem.data.train_inputs);
    KernelWorkspace<double> workspace;
    Particles<double> before;
    problem.run(problem.network, {phase}, [&](const State<double>& state) {
      if (state.step > 0 && state.phase == 0) {
        const Matrix c = coefficients_in(state);
        const auto t = static_cast<double>((state.step - 1) / 3 + 1);
        Drift drift(20, before.cols());
        problem.network.drift(before, inputs, GivenField(std::span<const double>(c.data(), 9)),
                              reduction == Reduction::mean ? 1.0 / 9 : 1.0, Accumulate::assign, drift, {}, workspace);
        const Particles<double> expected = before - 0.2 * (drift + 2 * t / (t + 2) * 0.3 * before);
        EXPECT_LE((state.particles - expected).cwiseAbs().maxCoeff(), 1e-14) << state.step;
      }
      before = state.particles;
    });
  }
}

TEST(DualAverage, PenaltyGrowsWithTheOuterIterationsForEveryStep) {
  // Inputs 0 and no bias: the penalty is all there is.
  for (const StepKind rule : {StepKind::euler_maruyama, StepKind::kinetic}) {
    KernelProblem problem({NeuronKind::linear, Activation::linear, false, 1}, mean_field, 5, 1, 7);
    problem.data.train_inputs.setZero();
    Phase phase = dual_averaging(10, 2, 0.4);
    phase.lambda1 = constant(0.3);
    phase.step_rule = rule;
    Particles<double> expected = problem.initial;
    Particles<double> velocity = Particles<double>::Zero(7, 3);
    for (int k = 0; k < 10; ++k) {
      const double t = k / 2 + 1;
      const Particles<double> force = 2 * 0.3 * t / (t + 2) * expected;
      if (rule == StepKind::kinetic) {
        velocity -= 0.4 * force;
        expected += 0.2 * (1 + std::exp(-0.4)) * velocity;
        velocity *= std::exp(-0.4);
      } else {
        expected -= 0.4 * force;
      }
    }
    EXPECT_LE((problem.run(problem.network, {phase}).particles - expected).cwiseAbs().maxCoeff(), 1e-14);
  }
}

TEST(DualAverage, EveryPhaseBeginsAnew) {
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  const Phase phase = dual_averaging(5, 2, 0.3);
  Vector rho;
  problem.run(problem.network, {phase, phase}, [&](const State<double>& state) {
    if (state.step == 5) {
      rho = problem.residual(problem.network, state.particles);
    }
    if (state.step == 6) {  // t = 1 again
      EXPECT_LE((coefficients_in(state) - rho / 3).norm(), 1e-15 * rho.norm());
    }
  });
}

TEST(DualAverage, OnlineTakesTheNextSamplesOfEveryIterationAlone) {
  // c = 2 / ((t + 1) (t + 2)) s (n / B) l'(f_s(x_i)) for the samples i of iteration s <= t, 0 for those to come.
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  Phase phase = dual_averaging(16, 4, 0.3);
  phase.fresh_samples = 2;
  std::vector<Vector> iterates;
  problem.run(problem.network, {phase}, [&](const State<double>& state) {
    if (state.step > 0 && state.phase == 0) {
      const auto t = static_cast<double>(iterates.size());
      Vector expected = Vector::Zero(9);
      for (std::size_t s = 1; s <= iterates.size(); ++s) {
        const auto first = 2 * static_cast<Index>(s - 1);
        expected.segment(first, 2) =
            9.0 / 2 * 2 * static_cast<double>(s) / ((t + 1) * (t + 2)) * iterates[s - 1].segment(first, 2);
      }
      EXPECT_LE((coefficients_in(state) - expected).norm(), 1e-14 * (1 + expected.norm())) << state.step;
    }
    if (state.step % 4 == 0) {
      iterates.push_back(problem.residual(problem.network, state.particles));
    }
  });
  EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
}

TEST(DualAverage, OfALinearisedNetworkIsARecursionOfItsKernel) {
  // Without noise and penalty f <- f - (eta / n) K c, c constant within an iteration.
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  const Matrix kernel = problem.train_kernel();
  Vector rho = problem.residual(problem.linear, problem.initial);
  Vector c = Vector::Zero(9);
  problem.run(problem.linear, {dual_averaging(60, 5, 0.5)}, [&](const State<double>& state) {
    EXPECT_LE((problem.residual(problem.linear, state.particles) - rho).norm(), 1e-13 * (1 + rho.norm()));
    if (state.step % 5 == 0) {
      const auto t = static_cast<double>(state.step / 5 + 1);
      c = t / (t + 2) * c + 2 * t / ((t + 1) * (t + 2)) * rho;
    }
    rho -= 0.5 / 9 * kernel * c;
  });
}

TEST(DualAverage, SinglePrecisionFollowsDouble) {
  const auto last = []<class Scalar>(Scalar) {
    const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
    Phase phase = dual_averaging(40, 4, 0.3);
    phase.lambda1 = constant(0.02);
    class Silent : public Listener<Scalar> {
     public:
      void hear(const State<Scalar>& /*state*/, Ending /*ending*/) override {}
    } silent;
    State<Scalar> state;
    state.particles = problem.initial.cast<Scalar>();
    Simulation<Scalar> simulation(std::make_unique<EmpiricalRisk<Scalar>>(problem.network, problem.risk, problem.data),
                                  {phase}, {}, std::move(state));
    simulation.run(silent, std::atomic<bool>(false));
    return Particles<double>(simulation.state().particles.template cast<double>());
  };
  EXPECT_LE((last(float{}) - last(double{})).cwiseAbs().maxCoeff(), 1e-5);
}

// ---- The trajectory of infinitely many particles whose inner loop is an exact draw

/// f^(1), f^(2), ..., from the estimator itself, its particles replaced by the law that the inner loop samples.
std::vector<Eigen::Vector2d> exact_outputs(int num_iterations) {
  const ChainOptions line = line_chain(1);
  Dataset data;
  data.train_inputs = line.inputs;
  data.train_targets = line.targets;
  const Network network(line.neuron, 1, mean_field);
  EmpiricalRisk<double> risk(network, Risk({}, Reduction::mean), data);
  const Phase phase = dual_averaging(1000000, 7, 1);
  DualAverage<double> estimator;
  Particles<double> particles = quantiles_of_line_law(Vector::Zero(2), 1, 20000);
  Drift drift(particles.rows(), 1);
  const Finish nothing;
  std::vector<Eigen::Vector2d> outputs;
  for (int t = 1; t <= num_iterations; ++t) {
    outputs.emplace_back((particles.array() * reference::line_inputs[0]).tanh().mean(),
                         (particles.array() * reference::line_inputs[1]).tanh().mean());
    const std::int64_t step = 7 * (t - 1);
    EXPECT_EQ(estimator.estimate({risk, phase, step, step, 1, particles, drift, nothing}).failure, "");
    const double factor = DualAverage<double>::penalty_factor(phase, step + 6);
    EXPECT_EQ(factor, static_cast<double>(t) / (t + 2));
    particles = quantiles_of_line_law(coefficients_in(estimator), factor, 20000);
  }
  return outputs;
}

TEST(DualAverage, FollowsTheExactTrajectoryOfTheLineAndItsDistanceFallsLikeOneOverT) {
  const std::vector<Eigen::Vector2d> outputs = exact_outputs(201);
  for (const auto& [t, f] : reference::line_dual_averaging) {
    EXPECT_NEAR(outputs[static_cast<std::size_t>(t - 1)][0], f[0], 1e-6) << t;
    EXPECT_NEAR(outputs[static_cast<std::size_t>(t - 1)][1], f[1], 1e-6) << t;
  }
  PowerFit fit;
  for (int t = 6; t <= 201; ++t) {
    fit.add(t, std::abs(outputs[static_cast<std::size_t>(t - 1)][0] - reference::line_optimum[0]));
  }
  EXPECT_NEAR(fit.slope(), -1, 0.01);
  EXPECT_LE(fit.half_width(), 0.005);
  RecordProperty("slope", std::to_string(fit.slope()));
}

// 30 clouds of 1600 particles whose inner loops mix: T eta 2 lambda1 / 3 = 8 in the first. z = 4 for each of ten means;
// their standard errors, from the clouds, are near 0.003. The biases of N and of the step (second order) are below.
TEST(DualAverage, ParticlesWhoseInnerLoopMixesFollowItWithinTheirError) {
  ChainOptions line = line_chain(0.25);
  line.method = "pda";
  line.step = StepKind::leimkuhler_matthews;
  line.inner_steps = 480;
  std::map<std::int64_t, std::array<MeanTest, 2>> seen;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    line.seed = seed;
    const Particles<double> prior = std::sqrt(0.5) * random_normals(1600, 1, seed);
    run_chain(line, prior, 5 * line.inner_steps, [&](const Particles<double>& w, std::int64_t k) {
      if (k % line.inner_steps == 0) {
        for (std::size_t i = 0; i < 2; ++i) {
          seen[k / line.inner_steps + 1][i].add((w.array() * reference::line_inputs[i]).tanh().mean());
        }
      }
    });
  }
  for (const auto& [t, f] : reference::line_dual_averaging) {
    for (std::size_t i = 0; i < 2 && t <= 6; ++i) {
      EXPECT_LE(std::abs(seen.at(t)[i].z(f[i])), 4) << "t = " << t << ", f_" << i + 1;
      EXPECT_LE(seen.at(t)[i].standard_error(), 0.0035);
      RecordProperty("z_" + std::to_string(t) + "_" + std::to_string(i + 1), std::to_string(seen.at(t)[i].z(f[i])));
    }
  }
}

}  // namespace
}  // namespace mfld
