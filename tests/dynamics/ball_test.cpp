#include "mfld/steps/ball.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/steps/steps.hpp"
#include "support/kernel_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

std::vector<unsigned char> all_trained(Index columns) {
  return std::vector<unsigned char>(static_cast<std::size_t>(columns), 1);
}

/// Inside the ball of the radius.
Particles<double> inside(Index rows, Index columns, double radius, unsigned seed) {
  const Particles<double> particles = random_normals(rows, columns, seed);
  return particles.rowwise().norm().unaryExpr([](double r) { return std::tanh(r / 2) / r; }).asDiagonal() * particles *
         radius;
}

template <class Scalar>
void run(StepOptions options, const Drift& drift, const std::vector<unsigned char>& trained, std::int64_t num_steps,
         Particles<Scalar>& particles) {
  Ball<Scalar> ball;
  ball.begin({options, drift, trained, particles});
  AnyStep<Scalar> rule = std::move(ball);
  for (options.step = 0; options.step < num_steps; ++options.step) {
    StepOfAll<Scalar> step(rule, {options, drift, trained, particles});
    for_each_run(particles.rows(), [&step](Index first, Index last) { step.move(first, last); });
    ASSERT_EQ(step.first_bad_particle(), std::nullopt);
  }
}

/// theta of y, and log |det d theta / d y| by central differences of it.
Vector image(const Vector& y, double radius) { return radius * std::tanh(y.norm() / radius) * y.normalized(); }

Matrix jacobian(const Vector& y, double radius, double h) {
  Matrix j(y.size(), y.size());
  for (Index k = 0; k < y.size(); ++k) {
    const Vector shift = h * Vector::Unit(y.size(), k);
    j.col(k) = (image(y + shift, radius) - image(y - shift, radius)) / (2 * h);
  }
  return j;
}

double log_det(const Vector& y, double radius) { return std::log(jacobian(y, radius, 1e-4).determinant()); }

TEST(Ball, StepIsItsFormulaWithDerivativesTakenNumerically) {
  const StepOptions options{
      .step_size = 0.3, .penalty = 0.2, .temperature = 0.7, .noise_seed = 5, .step = 0, .radius = 1.5};
  for (const Index p : {1, 2, 4}) {
    const Particles<double> start = inside(20, p, 1.5, 1);
    const Drift drift = random_normals(20, p, 2);
    Particles<double> moved = start;
    run<double>(options, drift, all_trained(p), 1, moved);
    Matrix xi(20, p);
    langevin_noise(5, 0, 0, xi);
    for (Index j = 0; j < 20; ++j) {
      const Vector theta = start.row(j);
      const Vector y = 1.5 * std::atanh(theta.norm() / 1.5) * theta.normalized();
      Vector slope(p);
      for (Index k = 0; k < p; ++k) {
        const Vector shift = 1e-3 * Vector::Unit(p, k);
        slope[k] = (log_det(y + shift, 1.5) - log_det(y - shift, 1.5)) / 2e-3;
      }
      const Vector g = drift.row(j).transpose() + 2 * 0.2 * theta;
      const Vector next = y - 0.3 * (jacobian(y, 1.5, 1e-5).transpose() * g - 0.7 * slope) +
                          std::sqrt(2 * 0.7 * 0.3) * xi.row(j).transpose();
      EXPECT_LE((moved.row(j).transpose() - image(next, 1.5)).norm(), 1e-5) << "p = " << p;
    }
  }
}

TEST(Ball, NearItsCentreIsTheEulerMaruyamaStep) {
  // Of a radius of 1000: J = I and grad log det J = 0 to 1e-6.
  const StepOptions options{.step_size = 0.3, .penalty = 0.2, .temperature = 0.7, .noise_seed = 5, .radius = 1000};
  Particles<double> particles = random_normals(300, 3, 1);
  Particles<double> plain = particles;
  const Drift drift = random_normals(300, 3, 2);
  run<double>(options, drift, all_trained(3), 1, particles);
  euler_maruyama_step<double>(options, drift, all_trained(3), plain);
  EXPECT_LE((particles - plain).cwiseAbs().maxCoeff(), 1e-4);
}

TEST(Ball, IsOfTheTrainedColumnsAloneAndHoldsZeroAndPlacesNearTheBoundary) {
  Particles<double> particles = inside(30, 4, 1, 1);
  particles.row(7).setZero();
  particles.row(8) << 0.999999, 0, 0, 0;
  const Particles<double> start = particles;
  const std::vector<unsigned char> trained = {1, 0, 1, 1};
  run<double>({.step_size = 0.01, .temperature = 1, .noise_seed = 3}, random_normals(30, 4, 2), trained, 500,
              particles);
  EXPECT_EQ(particles.col(1), start.col(1));
  EXPECT_LT((particles.rowwise().squaredNorm() - particles.col(1).cwiseAbs2()).maxCoeff(), 1);
  EXPECT_GT((particles.row(7) - start.row(7)).norm(), 0.01);
}

TEST(Ball, AParticleOutsideIsNamed) {
  Particles<double> particles = inside(30, 3, 1, 1);
  particles.row(11) << 2, 0, 0;
  const Drift drift = Drift::Zero(30, 3);
  const auto trained = all_trained(3);
  Ball<double> ball;
  ball.begin({{.step_size = 0.1}, drift, trained, particles});
  EXPECT_EQ(ball.first_bad({0, 30}), 11);
  EXPECT_EQ(ball.first_bad({12, 30}), std::nullopt);
  EXPECT_EQ(ball.failure(11), "particle 11 is not inside the ball whose radius the next phase has");
  EXPECT_EQ(ball.move({{.step_size = 0.1}, drift, trained, particles}, 0, 30), 11);
  particles.row(11) << 0.5, 0, 0;
  ball.begin({{.step_size = 0.1}, drift, trained, particles});
  EXPECT_EQ(ball.first_bad({0, 30}), std::nullopt);
}

TEST(Ball, NoPhaseBeginsWithAParticleOutside) {
  const KernelProblem problem({NeuronKind::sigma, Activation::tanh, true, 1}, {.kind = ScalingKind::mean_field}, 9, 1,
                              20);
  Phase free = phase_of("gld", 3, 0.1);
  free.temperature = constant(1);
  Phase in_ball = phase_of("gld", 3, 0.1);
  in_ball.step_rule = StepKind::ball;
  in_ball.radius = 0.01;
  EXPECT_EQ(problem.run(problem.network, {free, in_ball}).step, 3);
  EXPECT_EQ(problem.outcome.end.ending, Ending::diverged);
  EXPECT_EQ(problem.outcome.end.step, 3);
  EXPECT_EQ(problem.outcome.end.first_bad_particle, std::nullopt);
  EXPECT_EQ(problem.outcome.failure, "particle 0 is not inside the ball whose radius the next phase has");
}

// The potential -F . theta at temperature T, kappa = |F| R / T. In one dimension E theta / R = coth kappa - 1 / kappa;
// in three, the marginal of the cosine-like coordinate x = theta . F / (|F| R) is proportional to (1 - x^2) e^(kappa
// x); kappa = 0 is the uniform law, of which a share 0.97^3 is within 0.97 R. 5000 independent particles, eta T / R^2 =
// 0.005: z = 4, the bias of the step included.
TEST(Ball, HasItsStationaryLawAndNoMassAtTheBoundary) {
  const auto check = [](Index p, double radius, double temperature, double kappa) {
    const double eta = 0.005 * radius * radius / temperature;
    Particles<double> particles = inside(5000, p, radius, 3);
    Vector force = random_normals(p, 1, 4);
    force *= kappa * temperature / radius / force.norm();
    const Drift drift = -force.transpose().replicate(5000, 1);
    run<double>({.step_size = eta, .temperature = temperature, .noise_seed = 9, .radius = radius}, drift,
                all_trained(p), 1000, particles);
    EXPECT_LT(particles.rowwise().norm().maxCoeff(), radius);
    double mass = 0, first = 0, within = 0;
    for (double x = -1 + 5e-6; x < 1; x += 1e-5) {
      const double weight = (p == 1 ? 1 : 1 - x * x) * std::exp(kappa * x);
      mass += weight;
      first += weight * x;
      within += std::abs(x) < 0.97 ? weight : 0;
    }
    MeanTest mean;
    MeanTest share;
    for (Index j = 0; j < particles.rows(); ++j) {
      mean.add(kappa == 0 ? particles(j, 0) / radius : particles.row(j).dot(force) / (radius * force.norm()));
      share.add(particles.row(j).norm() < 0.97 * radius ? 1 : 0);
    }
    EXPECT_LE(std::abs(mean.z(first / mass)), 4) << p << ": " << mean.mean() << " for " << first / mass;
    const double expected = p == 1 ? within / mass : std::pow(0.97, 3);
    std::string z = std::to_string(mean.z(first / mass));
    if (p == 1 || kappa == 0) {
      EXPECT_LE(std::abs(share.z(expected)), 4) << p << ": " << share.mean() << " for " << expected;
      z += " " + std::to_string(share.z(expected));
    }
    testing::Test::RecordProperty("z_" + std::to_string(p) + "_" + std::to_string(static_cast<int>(kappa)), z);
  };
  check(1, 2, 0.3, 3);
  check(3, 1, 1, 0);
  check(3, 0.5, 0.2, 3);
}

}  // namespace
}  // namespace mfld
