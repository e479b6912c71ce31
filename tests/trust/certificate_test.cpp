#include "mfld/trust/certificate.hpp"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "mfld/trust/neuron_values.hpp"
#include "support/oracles/chain.hpp"
#include "support/oracles/line_law.hpp"
#include "support/oracles/mean_field_world.hpp"
#include "support/oracles/reference_values.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

constexpr double lambda = reference::line_lambda;

MeanFieldWorld line_world() {
  return {{NeuronKind::sigma, Activation::tanh, false, 1},
          Eigen::Map<const Vector>(reference::line_inputs, 2),
          Eigen::Map<const Vector>(reference::line_targets, 2)};
}

Vector dual_at(const MeanFieldWorld& world, const Vector& outputs) { return outputs - world.data.train_targets; }

double bound_at(const MeanFieldProblem& problem, const Vector& dual, const IntegrationOptions& options = {}) {
  return -dual_value(problem, dual, proximal_gibbs(problem, dual, options));
}

std::vector<double> outputs_of(const MeanFieldWorld& world, const Particles<double>& particles) {
  std::vector<double> outputs(static_cast<std::size_t>(world.data.num_train()));
  KernelWorkspace<double> workspace;
  world.network.outputs(particles, PackedInputs<double>(world.data.train_inputs), outputs, workspace);
  return outputs;
}

Certificate certificate_of(const MeanFieldWorld& world, const MeanFieldProblem& problem,
                           const Particles<double>& particles) {
  return certificate(problem, particles, outputs_of(world, particles));
}

/// Independent draws of the law of the weighted nodes of a line, spread over their cells.
Particles<double> draws_of(const ProximalGibbs& gibbs, Index num_particles, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::discrete_distribution<Index> node(gibbs.weights.begin(), gibbs.weights.end());
  const double cell = gibbs.nodes(1, 0) - gibbs.nodes(0, 0);
  std::uniform_real_distribution<double> within(-0.5 * cell, 0.5 * cell);
  return Particles<double>::NullaryExpr(num_particles, 1,
                                        [&] { return gibbs.nodes(node(engine), 0) + within(engine); });
}

TEST(Certificate, BoundsOfTheLineAreTheReferences) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  const Vector optimum = Eigen::Map<const Vector>(reference::line_optimum, 2);
  EXPECT_NEAR(bound_at(problem, dual_at(world, optimum)), reference::line_minimum, 1e-12);
  EXPECT_NEAR(bound_at(problem, Vector::Zero(2)), reference::line_bound_at_zero, 1e-12);
  // The prior, whose outputs are 0: gap 0.107...
  EXPECT_NEAR(reference::line_prior_energy - bound_at(problem, dual_at(world, Vector::Zero(2))),
              reference::line_prior_gap, 1e-12);
  // Any dual variables give a lower bound.
  for (unsigned seed = 0; seed < 50; ++seed) {
    EXPECT_LT(bound_at(problem, random_normals(2, 1, seed)), reference::line_minimum);
  }
}

TEST(Certificate, OptimumOfTheLineIsAFixedPoint) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  const Vector optimum = Eigen::Map<const Vector>(reference::line_optimum, 2);
  const Certificate exact = certificate(problem, random_normals(10, 1, 1), {optimum.data(), 2});
  EXPECT_LT(exact.fixed_point_residual, 1e-12);
  EXPECT_NEAR(exact.dual_bound, reference::line_minimum, 1e-12);
}

// 40 clouds of 2000 draws of the optimum: the gap is 0, its stated error the one seen; the free energy is L*; bound <=
// L* always. z = 4 throughout (bias of the entropy, 0.002 lambda2, and of N particles, 0.5 Var h / N = 4e-5, are
// added).
TEST(Certificate, GapOfTheOptimumIsZeroWithinItsError) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  const Vector optimum = Eigen::Map<const Vector>(reference::line_optimum, 2);
  const ProximalGibbs law = proximal_gibbs(problem, dual_at(world, optimum));
  MeanTest gap, energy;
  double squares = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Certificate seen = certificate_of(world, problem, draws_of(law, 2000, seed));
    gap.add(seen.dual_gap);
    energy.add(seen.free_energy);
    squares += std::pow(seen.dual_gap / seen.dual_gap_error, 2) / 40;
    EXPECT_LE(seen.dual_bound, reference::line_minimum + 1e-12);
    EXPECT_NEAR(seen.fixed_point_residual, 0, 0.05);
  }
  const double bias = 0.002 * lambda + 4e-5;
  EXPECT_NEAR(gap.mean(), 0, bias + 4 * gap.standard_error());
  EXPECT_NEAR(energy.mean(), reference::line_minimum, bias + 4 * energy.standard_error());
  EXPECT_NEAR(squares, 1, 4 * std::sqrt(2.0 / 40));
  RecordProperty("gap", std::to_string(gap.mean()));
}

// The same away from it, where the gap is known: the prior.
TEST(Certificate, GapOfThePriorIsTheReference) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  MeanTest gap;
  double squares = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Certificate seen = certificate_of(world, problem, std::sqrt(0.5) * random_normals(2000, 1, seed));
    gap.add(seen.dual_gap);
    squares += std::pow((seen.dual_gap - reference::line_prior_gap) / seen.dual_gap_error, 2) / 40;
    EXPECT_LT(seen.dual_bound, reference::line_minimum);
    EXPECT_GT(seen.free_energy, reference::line_minimum);
  }
  EXPECT_NEAR(gap.mean(), reference::line_prior_gap, 0.002 * lambda + 4e-4 + 4 * gap.standard_error());
  EXPECT_NEAR(squares, 1, 4 * std::sqrt(2.0 / 40));
}

// Linear neurons, squared loss: L* and everything at a normal law in closed form.
TEST(Certificate, OfLinearNeuronsHasClosedForms) {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const Index n = 40;
    const Index d = 2;
    const MeanFieldWorld world(linear_neuron(), random_normals(n, d, 1), random_normals(n, 1, 2), {}, reduction);
    const double lambda1 = 0.2;
    const double lambda2 = 0.3;
    const MeanFieldProblem problem = world.problem(lambda1, lambda2);
    const double weight = problem.sample_weight();
    const Matrix a = weight * world.data.train_inputs.transpose() * world.data.train_inputs;
    const Vector b = weight * world.data.train_inputs.transpose() * world.data.train_targets;
    const Vector best = (a + 2 * lambda1 * Matrix::Identity(d, d)).ldlt().solve(b);
    const double minimum = 0.5 * weight * world.data.train_targets.squaredNorm() - 0.5 * b.dot(best) -
                           0.5 * d * lambda2 * std::log(M_PI * lambda2 / lambda1);
    const Vector outputs = world.data.train_inputs * best;
    EXPECT_NEAR(bound_at(problem, dual_at(world, outputs)), minimum, 1e-9);
    // N(m, lambda2 / (2 lambda1) I): p_mu has the mean (b - A m) / (2 lambda1), so KL = lambda1 |difference|^2 /
    // lambda2.
    const Vector mean = best + Vector::Constant(d, 0.3);
    const Vector gibbs_mean = (b - a * mean) / (2 * lambda1);
    const double gap = lambda1 * (mean - gibbs_mean).squaredNorm();
    const Particles<double> cloud =
        (std::sqrt(lambda2 / (2 * lambda1)) * random_normals(4000, d, 3)).rowwise() + mean.transpose();
    const Certificate seen = certificate_of(world, problem, cloud);
    EXPECT_NEAR(seen.dual_gap, gap, 4 * seen.dual_gap_error + 0.009 * lambda2);
    EXPECT_LT(seen.dual_bound, minimum);
    const double residual = std::sqrt((world.data.train_inputs * (mean - gibbs_mean)).squaredNorm() / n);
    EXPECT_NEAR(seen.fixed_point_residual, residual, 0.1 * residual);
  }
}

/// `num_steps` noisy steps of 0.1 from `start` by exact gradients.
Particles<double> trained(const MeanFieldWorld& world, const MeanFieldProblem& problem, Particles<double> particles,
                          int num_steps) {
  constexpr double step_size = 0.1;
  const Vector& targets = world.data.train_targets;
  std::mt19937_64 engine(6);
  std::normal_distribution<double> normal(0, std::sqrt(2 * step_size * problem.temperature));
  const PackedInputs<double> packed(world.data.train_inputs);
  KernelWorkspace<double> workspace;
  const CurrentField field(world.risk.loss(), {targets.data(), static_cast<std::size_t>(targets.size())});
  Drift drift(particles.rows(), particles.cols());
  for (int step = 0; step < num_steps; ++step) {
    world.network.drift(particles, packed, field, problem.sample_weight(), Accumulate::assign, drift, {}, workspace);
    particles -= step_size * (drift + 2 * problem.penalty * particles);
    particles += Particles<double>::NullaryExpr(particles.rows(), particles.cols(), [&] { return normal(engine); });
  }
  return particles;
}

// Logistic and Huber: the bound of any dual variables is below the free energy of any normal law, and the gap closes on
// what training ends with. With r tanh(w.x), too, whose r the integral does not see.
TEST(Certificate, ClosesWithTrainingForEveryLoss) {
  for (const Loss loss : {Loss{.kind = LossKind::squared, .prefactor = 1}, Loss{.kind = LossKind::logistic},
                          Loss{.kind = LossKind::huber, .delta = 0.5}}) {
    for (const NeuronKind kind : {NeuronKind::bounded_r, NeuronKind::r_sigma}) {
      const Inputs inputs = random_normals(30, 1, 4);
      const Vector targets = inputs.col(0).unaryExpr([](double x) { return x > 0.2 ? 1.0 : -1.0; });
      const MeanFieldWorld world({kind, Activation::tanh, false, 2}, inputs, targets, loss);
      const MeanFieldProblem problem = world.problem(0.1, 0.05);
      const Particles<double> start = random_normals(3000, 2, 5);
      const Certificate first = certificate_of(world, problem, start);
      const Certificate last = certificate_of(world, problem, trained(world, problem, start, 600));
      EXPECT_TRUE(std::isfinite(first.dual_bound));
      EXPECT_GT(first.dual_gap, 10 * first.dual_gap_error);
      // Steps of 0.1 leave a bias of 2 % in the variance: KL of 1e-4 in each dimension.
      EXPECT_NEAR(last.dual_gap, 0, 4 * last.dual_gap_error + 0.009 * 0.05 + 1e-3);
      EXPECT_LT(first.dual_bound, last.free_energy);
      EXPECT_LT(last.fixed_point_residual, 0.2 * first.fixed_point_residual);
    }
  }
}

// A parity of two of five bits, 1000 samples and 2000 particles, half learnt and learnt.
TEST(Certificate, KnowsTheLogPartitionOfParityToOnePercent) {
  const Index n = 1000;
  const Inputs inputs = random_normals(n, 5, 1).cwiseSign();
  const Vector targets = inputs.col(0).cwiseProduct(inputs.col(1));
  const MeanFieldWorld world({NeuronKind::parity, Activation::tanh, true, 10}, inputs, targets,
                             {.kind = LossKind::logistic});
  const MeanFieldProblem problem = world.problem(0.1, 0.1);
  Particles<double> particles = std::sqrt(0.5) * random_normals(2000, 7, 3);
  for (const int num_steps : {20, 180}) {
    particles = trained(world, problem, particles, num_steps);
    const Certificate seen = certificate_of(world, problem, particles);
    EXPECT_TRUE(seen.gibbs.reason.empty()) << seen.gibbs.reason;
    EXPECT_LT(seen.gibbs.standard_error, 0.01 * std::abs(seen.gibbs.log_integral)) << num_steps;
  }
  const std::vector<double> outputs = outputs_of(world, particles);
  Index num_right = 0;
  for (Index i = 0; i < n; ++i) {
    num_right += outputs[static_cast<std::size_t>(i)] * targets[i] > 0 ? 1 : 0;
  }
  EXPECT_GT(num_right, n * 9 / 10);
}

// ---- The proximal gap

std::span<const double> span_of(const Vector& values) {
  return {values.data(), static_cast<std::size_t>(values.size())};
}

// For any outputs f, of particles or not: L(p[g]) + D(g), and so no less than L(p[g]) - L*. The laws are integrated
// over 60000 cells here.
TEST(ProximalGap, IsThatOfTheTwoObjectivesOnTheLine) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  for (unsigned seed = 0; seed < 30; ++seed) {
    const Vector outputs = 0.1 * (seed % 10) * random_normals(2, 1, seed);
    const Vector dual = dual_at(world, outputs);
    const LineLaw law = line_law(dual);
    const double gap = proximal_gap(problem, span_of(outputs), span_of(law.outputs));
    EXPECT_NEAR(gap, law.free_energy + line_dual_value(dual, law), 1e-9);
    EXPECT_NEAR(gap, line_gap(law.outputs, dual), 1e-14);
    EXPECT_GE(gap, law.free_energy - reference::line_minimum - 1e-9);
    // Dual variables that are not those of the outputs are seen.
    const Vector others = outputs.array() + 0.01;
    EXPECT_GT(std::abs(proximal_gap(problem, span_of(others), span_of(law.outputs)) - gap), 1e-7);
  }
}

// Of the prior, whose outputs are 0: without particles and with them, by quadrature.
TEST(ProximalGap, IsThatOfTheCertificate) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  const LineLaw law = line_law(dual_at(world, Vector::Zero(2)));
  const Vector zero = Vector::Zero(2);
  const Certificate seen = certificate(problem, random_normals(10, 1, 1), span_of(zero));
  EXPECT_NEAR(seen.proximal_gap, law.outputs.squaredNorm() / 4, 1e-10);
  EXPECT_LT(seen.proximal_gap_error, 1e-10);
  EXPECT_GT(seen.proximal_gap, law.free_energy - reference::line_minimum);
  // Of p_mu and not of mu: here it is farther from the minimum than the prior, for whose outputs it makes up too much.
  EXPECT_GT(law.free_energy, reference::line_prior_energy + 0.01);
  // The squared loss: half of the squared residual.
  for (unsigned seed = 0; seed < 5; ++seed) {
    const Certificate other = certificate_of(world, problem, random_normals(50, 1, seed));
    EXPECT_NEAR(other.proximal_gap, std::pow(other.fixed_point_residual, 2) / 2, 1e-15);
  }
  const Vector optimum = Eigen::Map<const Vector>(reference::line_optimum, 2);
  EXPECT_NEAR(certificate(problem, random_normals(10, 1, 1), span_of(optimum)).proximal_gap, 0, 1e-15);
}

TEST(ProximalGap, IsFenchelsForEveryLoss) {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    for (const Loss loss : {Loss{}, Loss{.kind = LossKind::squared, .prefactor = 1}, Loss{.kind = LossKind::logistic},
                            Loss{.kind = LossKind::huber, .delta = 0.5}}) {
      const Vector targets = random_normals(20, 1, 2).cwiseSign();
      const MeanFieldWorld world({NeuronKind::sigma, Activation::tanh, false, 1}, random_normals(20, 1, 1), targets,
                                 loss, reduction);
      const MeanFieldProblem problem = world.problem(0.1, 0.2);
      const Vector outputs = random_normals(20, 1, 3);
      const Vector others = random_normals(20, 1, 4);
      const double gap = proximal_gap(problem, span_of(outputs), span_of(others));
      EXPECT_NEAR(gap, fenchel_gap(problem, span_of(others), dual_of(problem, span_of(outputs))), 1e-13);
      EXPECT_GT(gap, 0.1);
      EXPECT_EQ(proximal_gap(problem, span_of(outputs), span_of(outputs)), 0);
    }
  }
}

/// log cosh(u - y), of which nothing but its values and slopes is known.
LossInfo log_cosh() {
  LossInfo row = {};
  row.name = "log-cosh";
  row.formula = [](const Loss&) { return std::string("log(cosh(u - y))"); };
  row.sum = [](const Loss&, std::span<const double> u, std::span<const double> y) {
    double sum = 0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      sum += std::log(std::cosh(u[i] - y[i]));
    }
    return sum;
  };
  row.derivatives = [](const Loss&, std::span<const double> u, std::span<const double> y, std::span<double> slopes) {
    for (std::size_t i = 0; i < u.size(); ++i) {
      slopes[i] = std::tanh(u[i] - y[i]);
    }
  };
  return row;
}

TEST(ProximalGap, IsAllThatALossOfOnesOwnNeeds) {
  const LossInfo own = log_cosh();
  const MeanFieldWorld world({NeuronKind::bounded_r, Activation::tanh, false, 2}, random_normals(20, 1, 1),
                             random_normals(20, 1, 2), Loss{.own = &own});
  const MeanFieldProblem problem = world.problem(0.1, 0.2);
  const Particles<double> particles = random_normals(300, 2, 3);
  const Certificate seen = certificate_of(world, problem, particles);
  EXPECT_TRUE(std::isnan(seen.dual_bound));
  EXPECT_TRUE(std::isnan(seen.dual_gap));
  EXPECT_TRUE(std::isnan(seen.dual_gap_error));
  EXPECT_TRUE(std::isfinite(seen.free_energy));
  // (1/n) sum of the conjugate s artanh s + log(1 - s^2) / 2 + s y at s = tanh(f - y), by hand.
  const std::vector<double> outputs = outputs_of(world, particles);
  const Vector& y = world.data.train_targets;
  const Vector law = weighted_outputs(world.network, seen.gibbs.nodes, seen.gibbs.weights, world.data.train_inputs);
  double expected = 0;
  for (Index i = 0; i < 20; ++i) {
    const double s = std::tanh(outputs[static_cast<std::size_t>(i)] - y[i]);
    const double conjugate = s * std::atanh(s) + 0.5 * std::log(1 - s * s) + s * y[i];
    expected += (std::log(std::cosh(law[i] - y[i])) + conjugate - s * law[i]) / 20;
  }
  EXPECT_NEAR(seen.proximal_gap, expected, 1e-13);
  EXPECT_GT(expected, 1e-4);
}

// 60 seeds of the samples, far from the optimum and at it: off the integral by the stated error, and never less in the
// mean but for 4 standard errors. z = 4 (the chance of a false alarm is below 1e-3).
TEST(ProximalGap, ErrsByItsErrorAndUpward) {
  const MeanFieldWorld world = line_world();
  const MeanFieldProblem problem = world.problem(lambda, lambda);
  const Particles<double> any = random_normals(10, 1, 1);
  const Vector optimum = Eigen::Map<const Vector>(reference::line_optimum, 2);
  const Vector away = Vector::Constant(2, -1);
  for (const Integration method : {Integration::monte_carlo, Integration::annealed}) {
    for (const Vector& outputs : {away, optimum}) {
      const double exact = certificate(problem, any, span_of(outputs)).proximal_gap;
      MeanTest gap;
      double squares = 0;
      constexpr int num_seeds = 60;
      for (std::uint64_t seed = 0; seed < num_seeds; ++seed) {
        const Certificate seen =
            certificate(problem, any, span_of(outputs), {.seed = seed, .method = method, .num_samples = 1024});
        gap.add(seen.proximal_gap);
        squares += std::pow((seen.proximal_gap - exact) / seen.proximal_gap_error, 2) / num_seeds;
      }
      EXPECT_GT(gap.mean(), exact - 4 * gap.standard_error());
      if (outputs == away) {
        EXPECT_NEAR(squares, 1, 4 * std::sqrt(2.0 / num_seeds)) << name_of(method);
        EXPECT_LT(gap.mean(), 1.05 * exact);
        EXPECT_GT(exact, 20 * gap.standard_error());
      }
    }
  }
}

TEST(Certificate, OfTiesHasABoundAndNoGap) {
  const MeanFieldWorld world = line_world();
  const Certificate seen = certificate_of(world, world.problem(lambda, lambda), Particles<double>::Ones(20, 1));
  EXPECT_TRUE(std::isfinite(seen.dual_bound));
  EXPECT_TRUE(std::isnan(seen.free_energy));
  EXPECT_TRUE(std::isnan(seen.dual_gap));
  EXPECT_TRUE(std::isnan(seen.dual_gap_error));
  EXPECT_FALSE(seen.entropy.reason.empty());
}

}  // namespace
}  // namespace mfld
