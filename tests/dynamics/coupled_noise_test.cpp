// Runs that share their noise: of other widths, other step sizes, the other precision.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mfld/steps/steps.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

/// `count` steps of theta <- theta - eta a theta + noise, or with no force where a = 0.
template <class Scalar>
Particles<Scalar> moved(StepKind kind, StepOptions options, std::int64_t count, Index num_particles, double a) {
  constexpr Index columns = 5;  // more than share a block, in either precision
  const std::vector<unsigned char> trained(static_cast<std::size_t>(columns), 1);
  Particles<Scalar> theta = random_normals(300, columns, 1).topRows(num_particles).cast<Scalar>();
  AnyStep<Scalar> rule = make_step<Scalar>(kind);
  for (std::int64_t k = 0; k < count; ++k, ++options.step) {
    const Drift drift = a * theta.template cast<double>();
    const StepContext<Scalar> context{options, drift, trained, theta};
    if (k == 0) {
      std::visit([&context](auto& each) { each.begin(context); }, rule);
    }
    StepOfAll<Scalar> step(rule, context);
    for_each_run(num_particles, [&step](Index first, Index last) { step.move(first, last); });
  }
  return theta;
}

/// A ball that holds all of them.
constexpr StepOptions plain{.step_size = 0.02, .temperature = 0.7, .noise_seed = 5, .step = 0, .radius = 20};

StepOptions coarse(std::int64_t factor) {
  StepOptions options = plain;
  options.step_size *= static_cast<double>(factor);
  options.noise.substeps = factor;
  return options;
}

TEST(CoupledNoise, TheFirstParticlesOfAWiderRunFeelTheSame) {
  for (const StepInfo& row : step_rules) {
    const Particles<double> narrow = moved<double>(row.kind, coarse(2), 7, 130, 0.5);
    const Particles<double> wide = moved<double>(row.kind, coarse(2), 7, 260, 0.5);
    EXPECT_TRUE(narrow == wide.topRows(130)) << row.name;
  }
}

/// Without a force a step is its noise: the sums of fine steps are the coarse steps.
TEST(CoupledNoise, TheNoiseOfFineStepsAddsUpToThatOfTheCoarseStep) {
  on_every_instruction_set([] {
    const Particles<double> fine = moved<double>(StepKind::euler_maruyama, plain, 12, 300, 0);
    for (const std::int64_t factor : {2, 3, 4, 12}) {
      const auto kind = StepKind::euler_maruyama;
      const Particles<double> sum = moved<double>(kind, coarse(factor), 12 / factor, 300, 0);
      EXPECT_LT((sum - fine).cwiseAbs().maxCoeff(), 1e-13) << factor;
      const Particles<float> single = moved<float>(kind, coarse(factor), 12 / factor, 300, 0);
      const Particles<float> fine_single = moved<float>(kind, plain, 12, 300, 0);
      EXPECT_LT((single - fine_single).cwiseAbs().maxCoeff(), 1e-5F) << factor;
    }
  });
}

/// Their distance is of the order of the step size; that of runs with noise of their own is that of the law.
TEST(CoupledNoise, RunsOfTwoStepSizesStayTogether) {
  const auto distance = [](const StepOptions& options, std::int64_t count) {
    const Particles<double> fine = moved<double>(StepKind::euler_maruyama, plain, 200, 300, 1);
    const Particles<double> coarse_run = moved<double>(StepKind::euler_maruyama, options, count, 300, 1);
    return std::sqrt((coarse_run - fine).squaredNorm() / static_cast<double>(fine.size()));
  };
  const double two = distance(coarse(2), 100);
  const double four = distance(coarse(4), 50);
  EXPECT_LT(two, 0.03);
  // What m steps add to each other's noise, h^2 (m - 1) (2 m - 1) / 6 per unit of time: of the first order.
  EXPECT_NEAR(four / two, std::sqrt(7.0), 0.15);
  StepOptions own = coarse(2);
  own.noise.substeps = 1;
  EXPECT_GT(distance(own, 100), 0.5);
}

/// A phase that begins in the middle of a run draws its velocities where the finer run draws them.
TEST(CoupledNoise, VelocitiesOfALaterPhaseAreShared) {
  StepOptions fine = plain;
  fine.step = 80;
  StepOptions rough = coarse(4);
  rough.step = 20;
  const Particles<double> by_fine_steps = moved<double>(StepKind::kinetic, fine, 40, 300, 1);
  EXPECT_LT((moved<double>(StepKind::kinetic, rough, 10, 300, 1) - by_fine_steps).cwiseAbs().maxCoeff(), 0.2);
  rough.step = 21;
  EXPECT_GT((moved<double>(StepKind::kinetic, rough, 10, 300, 1) - by_fine_steps).cwiseAbs().maxCoeff(), 1)
      << "from other velocities";
}

TEST(CoupledNoise, DoublePrecisionTakesTheNormalsOfSingleWhereItIsAsked) {
  StepOptions options = plain;
  options.noise.precision = NormalPrecision::in_single;
  for (const StepInfo& row : step_rules) {
    on_every_instruction_set([&] {
      EXPECT_TRUE(moved<float>(row.kind, options, 20, 300, 1) == moved<float>(row.kind, plain, 20, 300, 1)) << row.name;
      const Particles<double> wide = moved<double>(row.kind, options, 20, 300, 1);
      const Drift single = moved<float>(row.kind, options, 20, 300, 1).cast<double>();
      EXPECT_LT((single - wide).cwiseAbs().maxCoeff(), 1e-5) << row.name;
      const Particles<double> own = moved<double>(row.kind, plain, 20, 300, 1);
      EXPECT_GT((own - wide).cwiseAbs().maxCoeff(), 0.1) << row.name;
    });
  }
}

/// First velocities, too, which are normal.
TEST(CoupledNoise, ThePrecisionsShareThreePoints) {
  StepOptions options = plain;
  options.noise.law = NoiseLaw::three_point;
  for (const StepKind kind : {StepKind::euler_maruyama, StepKind::kinetic}) {
    const Particles<double> wide = moved<double>(kind, options, 20, 300, 1);
    const Drift single = moved<float>(kind, options, 20, 300, 1).cast<double>();
    EXPECT_LT((single - wide).cwiseAbs().maxCoeff(), 1e-5) << static_cast<int>(kind);
  }
}

/// Without a drift a step is its noise: the doubles are the normals of single precision, exactly, of several steps and
/// from any particle on.
TEST(CoupledNoise, TheNormalsOfSinglePrecisionAreTakenAsTheyAre) {
  on_every_instruction_set([] {
    for (const Index num_columns : {1, 3, 4, 6}) {
      constexpr Index num_particles = 300;
      StepOptions options;
      options.step_size = 0.5;
      options.temperature = 1;  // amplitude 1
      options.noise_seed = 3;
      options.step = 17;
      options.noise.precision = NormalPrecision::in_single;
      Particles<double> particles = Particles<double>::Zero(num_particles, num_columns);
      const std::vector<unsigned char> trained(static_cast<std::size_t>(num_columns), 1);
      euler_maruyama_step<double>(options, Drift::Zero(num_particles, num_columns), trained, particles);
      Eigen::MatrixXf xi(num_particles, num_columns);
      langevin_noise(3, 17, 0, xi);
      EXPECT_TRUE(particles == xi.cast<double>()) << num_columns;
    }
  });
}

TEST(CoupledNoise, SinglePrecisionSharesItWhereItIsAsked) {
  StepOptions options = plain;
  options.noise.precision = NormalPrecision::in_double;
  for (const StepInfo& row : step_rules) {
    on_every_instruction_set([&] {
      const Particles<double> wide = moved<double>(row.kind, options, 20, 300, 1);
      EXPECT_TRUE(wide == moved<double>(row.kind, plain, 20, 300, 1)) << row.name;
      const Drift single = moved<float>(row.kind, options, 20, 300, 1).cast<double>();
      EXPECT_LT((single - wide).cwiseAbs().maxCoeff(), 1e-5) << row.name;
      const Drift own = moved<float>(row.kind, plain, 20, 300, 1).cast<double>();
      EXPECT_GT((own - wide).cwiseAbs().maxCoeff(), 0.1) << row.name;
    });
  }
}

}  // namespace
}  // namespace mfld
