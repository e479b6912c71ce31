#include "mfld/dynamics/natural_gradient.hpp"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <cmath>

#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};
constexpr Scaling ntk{.kind = ScalingKind::ntk};

/// J of the outputs in the trained parameters, one sample a row, from the drift of single samples.
Matrix jacobian(const KernelProblem& problem, const Particles<double>& particles) {
  const Index n = problem.data.num_train();
  Matrix rows(n, particles.size());
  KernelWorkspace<double> workspace;
  Drift gradient(particles.rows(), particles.cols());
  for (Index i = 0; i < n; ++i) {
    std::vector<double> one(static_cast<std::size_t>(n));
    one[static_cast<std::size_t>(i)] = 1;
    problem.network.drift(particles, PackedInputs<double>(problem.data.train_inputs), GivenField(one), 1,
                          Accumulate::assign, gradient, {}, workspace);
    rows.row(i) = problem.network.scaling().output_factor(particles.rows()) * gradient.reshaped().transpose();
  }
  return rows;
}

/// One step of eta = 1 from the first particles, as a vector.
Vector first_step(const KernelProblem& problem, double damping) {
  Phase phase = phase_of("natural-gradient", 1, 1);
  phase.damping = damping;
  return (problem.run(problem.network, {phase}).particles - problem.initial).reshaped();
}

TEST(NaturalGradient, IsTheLeastChangeThatFitsTheLabelsToFirstOrder) {
  // J delta = y - u, |delta| least: delta is in the row space of J, which two projections tell. For every block of
  // trained parameters and every scaling; the metric is |delta|^2 of the parameters whatever the scaling.
  for (const TrainedBlocks& trained : {TrainedBlocks{}, TrainedBlocks{.output = false},
                                       TrainedBlocks{.input = false, .bias = false}, TrainedBlocks{.input = false}}) {
    for (const Scaling& scaling :
         {ntk, Scaling{.kind = ScalingKind::mean_field}, Scaling{.kind = ScalingKind::standard},
          Scaling{.kind = ScalingKind::alpha, .alpha = 2}}) {
      const KernelProblem problem(tanh_neuron, scaling, 9, 1, 60, trained);
      const Matrix j = jacobian(problem, problem.initial);
      const Vector rho = problem.residual(problem.network, problem.initial);
      const Vector delta = first_step(problem, 0);
      EXPECT_LE((j * delta + rho).norm(), 1e-10 * rho.norm());
      const Matrix basis = Eigen::HouseholderQR<Matrix>(j.transpose()).householderQ() * Matrix::Identity(j.cols(), 9);
      EXPECT_LE((delta - basis * (basis.transpose() * delta)).norm(), 1e-10 * delta.norm());
    }
  }
}

TEST(NaturalGradient, DampedMinimisesTheLinearisedRiskAndTheSizeOfTheStep) {
  // |u + J delta - y|^2 + damping |delta|^2 in the units of the kernel, output_factor / drift_factor = 1 in ntk.
  const KernelProblem problem(tanh_neuron, ntk, 25, 1, 10);
  const Matrix j = jacobian(problem, problem.initial);
  const Vector rho = problem.residual(problem.network, problem.initial);
  for (const double damping : {1e-3, 0.1, 10.0}) {
    const Vector delta = first_step(problem, damping);
    const Vector gradient = j.transpose() * (j * delta + rho) + damping * delta;
    EXPECT_LE(gradient.norm(), 1e-10 * (j.transpose() * rho).norm()) << damping;
  }
}

TEST(NaturalGradient, DoesNotDependOnTheFactorOfTheLoss) {
  // The factor of l and the reduction stand before the gradient and before its metric.
  KernelProblem problem(tanh_neuron, ntk, 9, 1, 60);
  const Vector expected = first_step(problem, 0.01);
  for (const double prefactor : {0.5, 1.0}) {
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      problem.risk = Risk({.kind = LossKind::squared, .prefactor = prefactor}, reduction);
      EXPECT_EQ(first_step(problem, 0.01), expected);
    }
  }
}

TEST(NaturalGradient, ConvergesAtLeastAsFastAsTheTheoremSaysOnAWideNetwork) {
  // |u_k - y|^2 <= (1 - eta)^k |u_0 - y|^2 (Zhang, Martens & Grosse 2019, theorem 3).
  const KernelProblem problem(tanh_neuron, ntk, 20, 1, 4096);
  const double start = problem.residual(problem.network, problem.initial).squaredNorm();
  problem.run(problem.network, {phase_of("natural-gradient", 60, 0.2)}, [&](const State<double>& state) {
    const double now = problem.residual(problem.network, state.particles).squaredNorm();
    EXPECT_LE(now, std::pow(0.8, static_cast<double>(state.step)) * start) << state.step;
    // The kernel of a finite network moves: the exact contraction of the linearised one it is not.
    if (state.step == 10) {
      EXPECT_NE(now, std::pow(0.8, 20) * start);
    }
  });
}

TEST(NaturalGradient, EndsTheRunWhereTheKernelMatrixIsSingular) {
  // Two equal inputs; a width below n / p; labels play no part.
  KernelProblem twins(tanh_neuron, ntk, 12, 1, 60);
  twins.data.train_inputs.row(7) = twins.data.train_inputs.row(3);
  const KernelProblem narrow(tanh_neuron, ntk, 12, 1, 2);
  for (const auto* problem : {&std::as_const(twins), &narrow}) {
    for (const Model* network :
         {static_cast<const Model*>(&problem->network), static_cast<const Model*>(&problem->linear)}) {
      Phase phase = phase_of("natural-gradient", 5, 0.5);
      int looks = 0;
      const State<double> last = problem->run(*network, {phase}, [&](const State<double>& /*state*/) { ++looks; });
      EXPECT_EQ(problem->outcome.end.ending, Ending::diverged);
      EXPECT_EQ(problem->outcome.end.first_bad_particle, std::nullopt);
      EXPECT_EQ(problem->outcome.end.step, 0);
      EXPECT_EQ(last.particles, problem->initial);
      EXPECT_EQ(last.gradient_evaluations, 0);
      EXPECT_EQ(looks, 2);
      phase.damping = 1e-6;
      problem->run(*network, {phase});
      EXPECT_EQ(problem->outcome.end.ending, Ending::finished);
    }
  }
}

TEST(NaturalGradient, OfOneSampleAndOneNeuron) {
  const KernelProblem problem(tanh_neuron, ntk, 1, 1, 1);
  const Vector delta = first_step(problem, 0);
  const Matrix j = jacobian(problem, problem.initial);
  const Vector rho = problem.residual(problem.network, problem.initial);
  EXPECT_LE((delta + rho[0] / j.squaredNorm() * j.transpose()).norm(), 1e-14 * delta.norm());
}

TEST(NaturalGradient, RefactorsWhenTheDampingOfALinearisedNetworkChanges) {
  const KernelProblem problem(tanh_neuron, ntk, 9, 1, 60);
  Phase first = phase_of("natural-gradient", 1, 0.5);
  Phase second = first;
  second.damping = 0.3;
  const Matrix kernel = problem.train_kernel();
  const Vector rho = problem.residual(problem.linear, problem.initial);
  const Vector damped = (kernel + 0.3 * Matrix::Identity(9, 9)).llt().solve(rho / 2);
  const State<double> last = problem.run(problem.linear, {first, second});
  EXPECT_LE((problem.residual(problem.linear, last.particles) - (rho / 2 - kernel * damped / 2)).norm(), 1e-11);
}

}  // namespace
}  // namespace mfld
