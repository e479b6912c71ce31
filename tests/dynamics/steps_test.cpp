#include "mfld/steps/steps.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/chain.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

std::vector<unsigned char> all_trained(Index columns) {
  return std::vector<unsigned char>(static_cast<std::size_t>(columns), 1);
}

constexpr StepOptions warm{
    .step_size = 0.3, .penalty = 0.2, .temperature = 0.7, .noise_seed = 5, .step = 11, .friction = 1.7, .radius = 20};

template <class Scalar>
void step_all(AnyStep<Scalar>& rule, const StepContext<Scalar>& context) {
  StepOfAll<Scalar> step(rule, context);
  for_each_run(context.particles.rows(), [&step](Index first, Index last) { step.move(first, last); });
  ASSERT_EQ(step.first_bad_particle(), std::nullopt);
}

template <class Scalar>
Particles<Scalar> normals(const StepOptions& options, std::int64_t step, Index rows, Index columns,
                          Purpose purpose = Purpose::noise) {
  Particles<Scalar> xi(rows, columns);
  langevin_noise(options.noise_seed, step, 0, xi, purpose);
  return xi;
}

// ---- One step is its formula

template <class Scalar>
struct Inputs1 {
  Particles<Scalar> theta;
  Drift drift;
  Particles<Scalar> anchor;
  Drift force;  // with the penalty

  Inputs1(Index rows, Index columns)
      : theta(random_normals(rows, columns, 1).cast<Scalar>()),
        drift(random_normals(rows, columns, 2)),
        anchor(random_normals(rows, columns, 3).cast<Scalar>()),
        force(drift + 2 * warm.penalty * (theta - anchor).template cast<double>()) {}
};

template <class Scalar>
double tolerance() {
  return 20 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
}

template <class Scalar>
void check_leimkuhler_matthews(Index rows, Index columns) {
  const Inputs1<Scalar> at(rows, columns);
  const auto trained = all_trained(columns);
  const Drift xi =
      (normals<Scalar>(warm, warm.step, rows, columns) + normals<Scalar>(warm, warm.step + 1, rows, columns))
          .template cast<double>() /
      2;
  const Drift expected = at.theta.template cast<double>() - warm.step_size * at.force +
                         std::sqrt(2 * warm.temperature * warm.step_size) * xi;
  Particles<Scalar> moved = at.theta;
  AnyStep<Scalar> rule = make_step<Scalar>(StepKind::leimkuhler_matthews);
  step_all<Scalar>(rule, {warm, at.drift, trained, moved, &at.anchor});
  EXPECT_LE((moved.template cast<double>() - expected).cwiseAbs().maxCoeff(), tolerance<Scalar>()) << rows;
}

template <class Scalar>
void check_kinetic(Index rows, Index columns) {
  const Inputs1<Scalar> at(rows, columns);
  const auto trained = all_trained(columns);
  Kinetic<Scalar> kinetic;
  Particles<Scalar> moved = at.theta;
  const StepContext<Scalar> context = {warm, at.drift, trained, moved, &at.anchor};
  kinetic.begin(context);
  const Drift start = std::sqrt(warm.temperature) *
                      normals<Scalar>(warm, warm.step, rows, columns, Purpose::velocity).template cast<double>();
  EXPECT_LE((kinetic.velocities().template cast<double>() - start).cwiseAbs().maxCoeff(), tolerance<Scalar>());
  const double e = std::exp(-warm.friction * warm.step_size);
  const Drift kicked = start - warm.step_size * at.force;
  const Drift last = e * kicked + std::sqrt(warm.temperature * (1 - e * e)) *
                                      normals<Scalar>(warm, warm.step, rows, columns).template cast<double>();
  const Drift expected = at.theta.template cast<double>() + warm.step_size / 2 * kicked + warm.step_size / 2 * last;
  AnyStep<Scalar> rule = std::move(kinetic);
  step_all(rule, context);
  EXPECT_LE((moved.template cast<double>() - expected).cwiseAbs().maxCoeff(), tolerance<Scalar>()) << rows;
  EXPECT_LE((std::get<Kinetic<Scalar>>(rule).velocities().template cast<double>() - last).cwiseAbs().maxCoeff(),
            tolerance<Scalar>())
      << rows;
}

TEST(Steps, AreTheirFormulas) {
  // Leimkuhler & Matthews 2013, eq. (5); the middle scheme of kinetic.hpp. Every remainder of vectors, strips, tasks.
  on_every_instruction_set([] {
    for (const Index rows : {1, 2, 3, 7, 16, 33, 127, 129, 257, 700}) {
      check_leimkuhler_matthews<double>(rows, 1 + rows % 6);
      check_leimkuhler_matthews<float>(rows, 1 + rows % 6);
      check_kinetic<double>(rows, 1 + rows % 6);
      check_kinetic<float>(rows, 1 + rows % 6);
    }
  });
}

TEST(Steps, WithoutTemperatureDrawNothingAndAreDescentAndTheHeavyBall) {
  const Inputs1<double> at(40, 3);
  const auto trained = all_trained(3);
  StepOptions cold = warm;
  cold.temperature = 0;
  const auto moved = [&](StepKind kind, std::uint64_t seed) {
    cold.noise_seed = seed;
    Particles<double> particles = at.theta;
    AnyStep<double> rule = make_step<double>(kind);
    const StepContext<double> context = {cold, at.drift, trained, particles, &at.anchor};
    std::visit([&](auto& one) { one.begin(context); }, rule);
    step_all(rule, context);
    return particles;
  };
  for (const StepInfo& row : step_rules) {
    EXPECT_EQ(moved(row.kind, 1), moved(row.kind, 2)) << row.name;
  }
  EXPECT_EQ(moved(StepKind::leimkuhler_matthews, 1), moved(StepKind::euler_maruyama, 1));
  const double e = std::exp(-cold.friction * cold.step_size);
  const Drift ball = at.theta - cold.step_size * cold.step_size / 2 * (1 + e) * at.force;
  EXPECT_LE((moved(StepKind::kinetic, 1) - ball).cwiseAbs().maxCoeff(), tolerance<double>());
}

TEST(Steps, LeaveColumnsAloneThatAreNotTrained) {
  const Inputs1<double> at(300, 4);
  const std::vector<unsigned char> trained = {1, 0, 0, 1};
  for (const StepInfo& row : step_rules) {
    Particles<double> particles = at.theta;
    AnyStep<double> rule = make_step<double>(row.kind);
    const StepContext<double> context = {warm, at.drift, trained, particles, nullptr};
    std::visit([&](auto& one) { one.begin(context); }, rule);
    step_all(rule, context);
    EXPECT_EQ(particles.middleCols(1, 2), at.theta.middleCols(1, 2)) << row.name;
    EXPECT_TRUE((particles.col(0).array() != at.theta.col(0).array()).all()) << row.name;
    EXPECT_TRUE((particles.col(3).array() != at.theta.col(3).array()).all()) << row.name;
    if (const auto* kinetic = std::get_if<Kinetic<double>>(&rule)) {
      EXPECT_TRUE((kinetic->velocities().middleCols(1, 2).array() == 0).all());
    }
  }
}

TEST(Steps, AreInTheOrderOfTheirTable) {
  for (const StepInfo& row : step_rules) {
    EXPECT_EQ(make_step<double>(row.kind).index(), static_cast<std::size_t>(row.kind));
    EXPECT_EQ(info(row.kind).name, row.name);
  }
}

// ---- Stationary laws for a linear force, from the transition of the program itself

/// The program's kinetic step for the force a theta, as theta' = M theta + noise with (theta, u) in every row.
struct KineticTransition {
  Eigen::Matrix2d matrix;
  Eigen::Vector2d noise;  // coefficients of xi

  KineticTransition(double a, const StepOptions& options) {
    // From the two unit states; the noise from the difference to the same step at temperature 0.
    for (Index column = 0; column < 2; ++column) {
      StepOptions cold = options;
      cold.temperature = 0;
      const Eigen::Vector2d still = next(a, cold, Eigen::Vector2d::Unit(column));
      matrix.col(column) = still;
      const Eigen::Vector2d shaken = next(a, options, Eigen::Vector2d::Unit(column));
      const double xi = normals<double>(options, options.step, 1, 1)(0, 0);
      noise = (shaken - still) / xi;
    }
  }

  /// The state (theta, u) after one step.
  static Eigen::Vector2d next(double a, const StepOptions& options, const Eigen::Vector2d& state) {
    // The penalty is the force: 2 penalty = a. The wanted velocity comes as a kick by the drift, for the law of the
    // velocities at the start is the program's own business: u <- 0 - eta v with v = -u / eta.
    StepOptions here = options;
    here.penalty = a / 2;
    const auto trained = all_trained(1);
    Particles<double> particles = Particles<double>::Constant(1, 1, state[0]);
    const Drift drift = Drift::Constant(1, 1, -state[1] / options.step_size);
    StepOptions cold = here;
    cold.temperature = 0;
    Kinetic<double> kinetic;
    kinetic.begin({cold, drift, trained, particles});
    AnyStep<double> rule = std::move(kinetic);
    StepOfAll<double>(rule, {here, drift, trained, particles}).move(0, 1);
    return {particles(0, 0), std::get<Kinetic<double>>(rule).velocities()(0, 0)};
  }
};

TEST(KineticStep, HasTheTransitionAndTheNoiseOfTheMiddleScheme) {
  for (const double a : {0.5, 1.0, 3.0}) {
    for (const double h : {0.05, 0.3, 1.0}) {
      for (const double friction : {0.3, 2.0}) {
        const StepOptions options = {
            .step_size = h, .temperature = 0.7, .noise_seed = 3, .step = 2, .friction = friction};
        const KineticTransition transition(a, options);
        const double e = std::exp(-friction * h);
        const Eigen::Matrix2d expected{{1 - h * h * a / 2 * (1 + e), h / 2 * (1 + e)}, {-h * a * e, e}};
        EXPECT_LE((transition.matrix - expected).cwiseAbs().maxCoeff(), 1e-14);
        const Eigen::Matrix2d covariance = 0.7 * (1 - e * e) * Eigen::Matrix2d{{h * h / 4, h / 2}, {h / 2, 1}};
        EXPECT_LE((transition.noise * transition.noise.transpose() - covariance).cwiseAbs().maxCoeff(), 1e-13);
      }
    }
  }
}

TEST(KineticStep, KeepsTheStationaryLawWithoutBiasAtAnyStepSize) {
  // Var theta = T / a, Var u = T, Cov = h T / 2 is the fixed point of S <- M S M' + noise noise', exactly.
  for (const double a : {0.5, 1.0, 3.0}) {
    for (const double h : {0.05, 0.3, 1.0}) {
      const StepOptions options = {.step_size = h, .temperature = 0.7, .noise_seed = 3, .step = 2, .friction = 1.3};
      const KineticTransition transition(a, options);
      const Eigen::Matrix2d law{{0.7 / a, h * 0.7 / 2}, {h * 0.7 / 2, 0.7}};
      const auto next = [&](const Eigen::Matrix2d& s) {
        return Eigen::Matrix2d(transition.matrix * s * transition.matrix.transpose() +
                               transition.noise * transition.noise.transpose());
      };
      EXPECT_LE((next(law) - law).cwiseAbs().maxCoeff(), 1e-13);
      EXPECT_GT((next(1.01 * law) - 1.01 * law).cwiseAbs().maxCoeff(), 1e-5) << "the test could not see another law";
    }
  }
}

TEST(LeimkuhlerMatthewsStep, KeepsTheStationaryVarianceWithoutBiasAtAnyStepSize) {
  // theta' = rho theta + s (xi_k + xi_k+1), V = Var theta, C = Cov(theta_k, xi_k) = s: the program's rho and s give
  // V = rho^2 V + 2 s^2 + 2 rho s C = T / a. Euler-Maruyama's give T / (a (1 - eta a / 2)).
  for (const double a : {0.5, 2.0}) {
    for (const double eta : {0.1, 0.6}) {
      const StepOptions options = {.step_size = eta, .penalty = a / 2, .temperature = 0.7, .noise_seed = 3, .step = 2};
      const auto trained = all_trained(1);
      const Drift none = Drift::Zero(1, 1);
      const auto moved = [&](StepKind kind, double theta, const StepOptions& with) {
        Particles<double> particles = Particles<double>::Constant(1, 1, theta);
        AnyStep<double> rule = make_step<double>(kind);
        StepOfAll<double>(rule, {with, none, trained, particles}).move(0, 1);
        return particles(0, 0);
      };
      StepOptions cold = options;
      cold.temperature = 0;
      const double rho = moved(StepKind::leimkuhler_matthews, 1, cold);
      const double xi = normals<double>(options, 2, 1, 1)(0, 0);
      const double after = normals<double>(options, 3, 1, 1)(0, 0);
      const double s = moved(StepKind::leimkuhler_matthews, 0, options) / (xi + after);
      EXPECT_NEAR((2 * s * s + 2 * rho * s * s) / (1 - rho * rho), 0.7 / a, 1e-14);
      const double amplitude = moved(StepKind::euler_maruyama, 0, options) / xi;
      EXPECT_NEAR(amplitude * amplitude / (1 - rho * rho), 0.7 / (a * (1 - eta * a / 2)), 1e-14);
    }
  }
}

}  // namespace
}  // namespace mfld
