#include "mfld/objective/penalty.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/kernel_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};

/// The sum over particles of c |d|^2 + c4 |d|^4, d the trained part of the distance.
double by_hand(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty) {
  double sum = 0;
  for (Index j = 0; j < particles.rows(); ++j) {
    double square = 0;
    for (Index column = 0; column < particles.cols(); ++column) {
      if (network.trains(column)) {
        square += std::pow(particles(j, column) - (penalty.anchor == nullptr ? 0 : (*penalty.anchor)(j, column)), 2);
      }
    }
    sum += penalty.coefficient * square + penalty.fourth * square * square;
  }
  return network.scaling().penalty_factor(particles.rows()) * sum;
}

TEST(Penalty, ValueIsItsFormulaAndTheDriftItsDerivative) {
  // In every scaling, of every block, from 0 and from an anchor; more particles than are handled at a time.
  for (const ScalingKind scaling : {ScalingKind::mean_field, ScalingKind::ntk, ScalingKind::standard}) {
    for (const TrainedBlocks& trained : {TrainedBlocks{}, TrainedBlocks{.output = false}}) {
      const Network network(tanh_neuron, 3, {.kind = scaling}, trained);
      Particles<double> particles = random_particles(tanh_neuron, 3, 300, 1);
      const Particles<double> anchor = random_particles(tanh_neuron, 3, 300, 2);
      for (const Particles<double>* from : {static_cast<const Particles<double>*>(nullptr), &anchor}) {
        for (const auto& [second, fourth] : {std::pair<double, double>{0.3, 0}, {0, 0.2}, {0.3, 0.2}}) {
          const Penalty<double> penalty(second, from, fourth);
          const double value = penalty_value(network, particles, penalty);
          EXPECT_NEAR(value, by_hand(network, particles, penalty), 1e-13 * value);
          Drift drift = Drift::Zero(300, particles.cols());
          add_penalty(network.trained(), particles, penalty, drift);
          const double factor = network.scaling().penalty_factor(300);
          for (const Index j : {0, 127, 128, 299}) {
            for (Index column = 0; column < particles.cols(); ++column) {
              const double at = particles(j, column);
              constexpr double h = 1e-4;
              particles(j, column) = at + h;
              const double above = penalty_value(network, particles, penalty);
              particles(j, column) = at - h;
              const double below = penalty_value(network, particles, penalty);
              particles(j, column) = at;
              EXPECT_NEAR(factor * drift(j, column), (above - below) / (2 * h), 1e-8 * (1 + value));
            }
          }
          const Particles<float> anchor_in_single = anchor.cast<float>();
          Drift single = Drift::Zero(300, particles.cols());
          add_penalty<float>(network.trained(), particles.cast<float>(),
                             {second, from == nullptr ? nullptr : &anchor_in_single, fourth}, single);
          EXPECT_LE((single - drift).cwiseAbs().maxCoeff(), 1e-5 * (1 + drift.cwiseAbs().maxCoeff()));
        }
      }
    }
  }
}

/// No data term: the penalty moves the particles.
KernelProblem without_data(Index num_particles) {
  KernelProblem problem({NeuronKind::linear, Activation::linear, false, 1}, {.kind = ScalingKind::mean_field}, 5, 1,
                        num_particles);
  problem.data.train_inputs.setZero();
  return problem;
}

TEST(FourthPower, MovesTheParticlesInEveryStepAndMethod) {
  const KernelProblem problem = without_data(300);
  const Particles<double>& theta = problem.initial;
  const Particles<double> force = 2 * 0.3 * theta + 4 * 0.2 * (theta.rowwise().squaredNorm().asDiagonal() * theta);
  for (const char* method : {"gd", "mfld", "sgd-mfld", "svrg-mfld", "pda"}) {
    for (const StepKind rule : {StepKind::euler_maruyama, StepKind::kinetic}) {
      for (const PenaltyMode mode : {PenaltyMode::additive, PenaltyMode::half}) {
        Phase phase = phase_of(method, 1, 0.01);
        phase.lambda1 = constant(0.3);
        phase.lambda1_fourth = constant(0.2);
        phase.penalty_mode = mode;
        phase.batch_size = 2;
        phase.snapshot_every = 3;
        phase.step_rule = rule;
        double gain = rule == StepKind::kinetic ? 0.01 * 0.01 / 2 * (1 + std::exp(-0.01)) : 0.01;
        gain *= mode == PenaltyMode::half ? 0.5 : 1;
        gain *= phase.method->estimator == Estimator::dual_average ? 1.0 / 3 : 1;
        EXPECT_LE((problem.run(problem.network, {phase}).particles - (theta - gain * force)).cwiseAbs().maxCoeff(),
                  1e-13)
            << method;
      }
    }
  }
}

TEST(FourthPower, FromTheStartAloneLeavesTheParticlesThere) {
  const KernelProblem problem = without_data(30);
  Phase phase = phase_of("gd", 5, 0.01);
  phase.lambda1_fourth = constant(0.2);
  phase.anchor = Anchor::start;
  EXPECT_EQ(problem.run(problem.network, {phase}).particles, problem.initial);
}

TEST(FourthPower, EndsAPhaseByTheNormOfItsGradient) {
  const KernelProblem problem = without_data(30);
  Phase phase = phase_of("gd", 100000, 0.01);
  phase.lambda1_fourth = constant(0.2);
  phase.until_gradient_norm = 1e-2;
  const State<double> last = problem.run(problem.network, {phase});
  EXPECT_LT(last.step, 100000);
  const auto norm = [](const Particles<double>& theta) {
    return drift_norm(4 * 0.2 * (theta.rowwise().squaredNorm().asDiagonal() * theta));
  };
  EXPECT_LT(norm(last.particles), 1e-2);
  EXPECT_GT(norm(last.particles), 0.99e-2);
}

// The stationary law exp(-(lambda1 |theta|^2 + lambda4 |theta|^4) / T) in three dimensions: E |theta|^2 from a sum over
// the radius. 20000 independent particles after ten times the slowest decay: z = 4; the step is of second order.
TEST(FourthPower, HasItsStationaryLaw) {
  const KernelProblem problem = without_data(20000);
  Phase phase = phase_of("mfld", 400, 0.05);
  phase.temperature = constant(0.5);
  phase.lambda1 = constant(0.1);
  phase.lambda1_fourth = constant(0.2);
  phase.step_rule = StepKind::leimkuhler_matthews;
  double mass = 0;
  double second = 0;
  for (double r = 0.0005; r < 8; r += 0.001) {
    const double weight = r * r * std::exp(-(0.1 * r * r + 0.2 * std::pow(r, 4)) / 0.5);
    mass += weight;
    second += weight * r * r;
  }
  MeanTest seen;
  const Particles<double> last = problem.run(problem.network, {phase}).particles;
  for (Index j = 0; j < last.rows(); ++j) {
    seen.add(last.row(j).squaredNorm());
  }
  EXPECT_LE(std::abs(seen.z(second / mass)), 4) << seen.mean() << " for " << second / mass;
  RecordProperty("z", std::to_string(seen.z(second / mass)));
}

}  // namespace
}  // namespace mfld
