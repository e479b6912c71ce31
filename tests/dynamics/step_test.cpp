#include "mfld/steps/euler_maruyama.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "support/instruction_sets.hpp"
#include "support/sample_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<unsigned char> all_trained(Index columns) {
  return std::vector<unsigned char>(static_cast<std::size_t>(columns), 1);
}

constexpr StepOptions warm{.step_size = 0.03, .penalty = 0.2, .temperature = 0.7, .noise_seed = 5, .step = 11};

template <class Scalar>
double machine_epsilon() {
  return static_cast<double>(std::numeric_limits<Scalar>::epsilon());
}

// ---- The update rule

template <class Scalar>
void check_formula(const StepOptions& options, Index rows, Index columns, bool has_anchor = false) {
  const Particles<Scalar> anchor = has_anchor ? Particles<Scalar>(random_normals(rows, columns, 3).cast<Scalar>())
                                              : Particles<Scalar>::Zero(rows, columns);
  const Particles<Scalar> before = random_normals(rows, columns, 1).cast<Scalar>();
  const Drift drift = random_normals(rows, columns, 2);
  Particles<Scalar> xi = Particles<Scalar>::Zero(rows, columns);
  if (options.temperature > 0) {
    langevin_noise(options.noise_seed, options.step, 0, xi);
  }
  Particles<Scalar> particles = before;
  ASSERT_EQ(euler_maruyama_step(options, drift, all_trained(columns), particles, has_anchor ? &anchor : nullptr),
            std::nullopt);
  for (Index j = 0; j < rows; ++j) {
    for (Index k = 0; k < columns; ++k) {
      const long double old = before(j, k);
      const long double expected =
          old -
          static_cast<long double>(options.step_size) * (drift(j, k) + 2.0L * options.penalty * (old - anchor(j, k))) +
          std::sqrt(2.0L * options.temperature * options.step_size) * xi(j, k);
      const long double scale = std::abs(old) + std::abs(drift(j, k)) + std::abs(static_cast<double>(xi(j, k))) +
                                std::abs(static_cast<double>(anchor(j, k)));
      ASSERT_LE(std::abs(particles(j, k) - expected), machine_epsilon<Scalar>() * scale)
          << j << " " << k << " of " << rows;
    }
  }
}

TEST(Step, IsTheEulerMaruyamaFormulaForEveryNumberOfParticlesAndColumns) {
  // theta <- theta - eta (v + 2 lambda1 theta) + sqrt(2 T eta) xi (Suzuki, Wu & Nitanda, NeurIPS 2023, eq. (5)) with xi
  // the documented noise: every remainder of the vectors (2 to 16), the strips (128) and the tasks (256).
  on_every_instruction_set([] {
    for (Index rows = 1; rows <= 40; ++rows) {
      check_formula<double>(warm, rows, 1 + rows % 6);
      check_formula<float>(warm, rows, 1 + rows % 5);
    }
    for (const Index rows : {127, 128, 129, 255, 256, 257, 700}) {
      check_formula<double>(warm, rows, 5);
      check_formula<float>(warm, rows, 6);
      check_formula<double>(warm, rows, 5, true);
      check_formula<float>(warm, rows, 6, true);
    }
    for (const StepOptions& options :
         {StepOptions{.step_size = 0.1}, StepOptions{.step_size = 0.1, .penalty = 2},
          StepOptions{.step_size = 0.1, .temperature = 3, .noise_seed = ~0ULL, .step = 1LL << 40}}) {
      for (const bool has_anchor : {false, true}) {
        check_formula<double>(options, 33, 4, has_anchor);
        check_formula<float>(options, 33, 4, has_anchor);
      }
    }
  });
}

TEST(Step, AnAnchorOfZerosIsNone) {
  const Drift drift = random_normals(300, 5, 2);
  const Particles<double> zeros = Particles<double>::Zero(300, 5);
  Particles<double> without = random_normals(300, 5, 1);
  Particles<double> with = without;
  euler_maruyama_step(warm, drift, all_trained(5), without);
  euler_maruyama_step(warm, drift, all_trained(5), with, &zeros);
  EXPECT_EQ(with, without);
}

TEST(Step, SinglePrecisionIsTheDoubleStepRoundedButForTheNoise) {
  const Particles<float> before = random_normals(300, 5, 1).cast<float>();
  const Drift drift = random_normals(300, 5, 2);
  Particles<float> single = before;
  Particles<double> twice = before.cast<double>();
  StepOptions cold = warm;
  cold.temperature = 0;  // the noise of single precision is its own
  euler_maruyama_step(cold, drift, all_trained(5), single);
  euler_maruyama_step(cold, drift, all_trained(5), twice);
  EXPECT_EQ(single, twice.cast<float>());
}

template <class Scalar>
Particles<Scalar> stepped(const StepOptions& options, const Drift& drift, const std::vector<unsigned char>& trained,
                          Particles<Scalar> particles) {
  euler_maruyama_step(options, drift, trained, particles);
  return particles;
}

TEST(Step, AtTemperatureZeroDrawsNothing) {
  const Particles<double> before = random_normals(300, 5, 1);
  const Drift drift = random_normals(300, 5, 2);
  StepOptions cold = warm;
  cold.temperature = 0;
  const Particles<double> reference = stepped(cold, drift, all_trained(5), before);
  cold.noise_seed = 6;
  cold.step = 12;
  EXPECT_EQ(stepped(cold, drift, all_trained(5), before), reference);
}

TEST(Step, NoiseDependsOnSeedAndStepAlone) {
  const Particles<double> before = random_normals(40, 5, 1);
  const Drift drift = random_normals(40, 5, 2);
  const auto reference = stepped(warm, drift, all_trained(5), before);
  EXPECT_EQ(stepped(warm, drift, all_trained(5), before), reference);
  StepOptions other = warm;
  other.noise_seed += 1;
  EXPECT_TRUE((stepped(other, drift, all_trained(5), before).array() != reference.array()).all());
  other = warm;
  other.step += 1;
  EXPECT_TRUE((stepped(other, drift, all_trained(5), before).array() != reference.array()).all());
  // A narrower ensemble feels the same noise, particle by particle.
  EXPECT_EQ(stepped(warm, drift.topRows(17).eval(), all_trained(5), before.topRows(17).eval()), reference.topRows(17));
}

template <class Scalar>
void check_frozen_columns() {
  const Index columns = 7;
  const Particles<Scalar> before = random_normals(150, columns, 1).template cast<Scalar>();
  const Drift drift = random_normals(150, columns, 2);
  const Particles<Scalar> all = stepped(warm, drift, all_trained(columns), before);
  for (unsigned subset = 0; subset < 128; ++subset) {
    std::vector<unsigned char> trained(static_cast<std::size_t>(columns));
    Drift partly = drift;
    for (Index k = 0; k < columns; ++k) {
      const bool moves = ((subset >> k) & 1U) != 0;
      trained[static_cast<std::size_t>(k)] = moves ? 1 : 0;
      if (!moves) {
        partly.col(k).setConstant(nan);  // not even read
      }
    }
    const Particles<Scalar> after = stepped(warm, partly, trained, before);
    for (Index k = 0; k < columns; ++k) {
      EXPECT_EQ(after.col(k), ((subset >> k) & 1U) != 0 ? all.col(k) : before.col(k))
          << "column " << k << ", " << subset;
    }
  }
}

TEST(Step, FrozenColumnsKeepTheirBitsAndTheOthersFeelTheSameNoise) {
  on_every_instruction_set([] {
    check_frozen_columns<double>();
    check_frozen_columns<float>();
  });
}

TEST(Step, HasTheSameBitsOnAnyNumberOfThreads) {
  const Particles<double> before = random_normals(2000, 5, 1);
  const Drift drift = random_normals(2000, 5, 2);
  const auto run = [&](int threads) {
    return with_threads(threads, [&] { return stepped(warm, drift, all_trained(5), before); });
  };
  const auto one = run(1);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(run(threads), one) << threads;
  }
}

// ---- The scale of the noise

TEST(Step, NoiseHasVarianceTwoTemperatureStepSize) {
  // Without drift the increments are sqrt(2 T eta) xi. 1e6 of them: z = 5 two-sided, false alarm 6e-7; the standard
  // error of the variance is 0.14 %, so a forgotten or doubled factor 2 gives |z| of 350 or more: a miss is out of the
  // question.
  const StepOptions options{.step_size = 0.03, .temperature = 0.7, .noise_seed = 5};
  double sum = 0;
  for (std::int64_t step = 0; step < 20; ++step) {
    StepOptions now = options;
    now.step = step;
    sum += stepped<double>(now, Drift::Zero(10000, 5), all_trained(5), Particles<double>::Zero(10000, 5)).squaredNorm();
  }
  const double count = 1e6;
  const double expected = 2 * options.temperature * options.step_size;
  EXPECT_LE(std::abs(variance_z(sum / count, expected, count)), 5);
  EXPECT_GT(std::abs(variance_z(sum / count, expected / 2, count)), 300) << "the test has no power";
  EXPECT_GT(std::abs(variance_z(sum / count, expected * 2, count)), 300) << "the test has no power";
}

// ---- Divergence

template <class Scalar>
std::optional<Index> first_bad(const std::vector<std::pair<Index, double>>& bad, Index rows) {
  Drift drift = random_normals(rows, 4, 2);
  for (const auto& [particle, value] : bad) {
    drift(particle, particle % 4) = value;
  }
  Particles<Scalar> particles = random_normals(rows, 4, 1).template cast<Scalar>();
  return euler_maruyama_step(warm, drift, all_trained(4), particles);
}

TEST(Step, NamesTheFirstParticleThatIsNotFinite) {
  on_every_instruction_set([] {
    for (const double value : {infinity, -infinity, nan}) {
      for (Index j : {0, 1, 15, 127, 128, 255, 256, 300, 999}) {
        EXPECT_EQ(first_bad<double>({{j, value}}, 1000), j);
        EXPECT_EQ(first_bad<float>({{j, value}}, 1000), j);
      }
      EXPECT_EQ(first_bad<double>({{999, value}, {257, nan}, {600, infinity}}, 1000), 257);
      EXPECT_EQ(first_bad<double>({{300, value}, {2, nan}, {3, infinity}}, 1000), 2);
    }
    EXPECT_EQ(first_bad<double>({}, 1000), std::nullopt);
    EXPECT_EQ(first_bad<float>({}, 1000), std::nullopt);
    EXPECT_EQ(first_bad<double>({{500, 1e300}}, 1000), std::nullopt) << "large is not infinite";
    EXPECT_EQ(first_bad<float>({{500, 1e41}}, 1000), 500) << "beyond the range of single precision";
  });
}

TEST(Step, NamesTheFirstBadParticleOnAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 8}) {
    with_threads(threads, [] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        EXPECT_EQ(first_bad<double>({{9000, nan}, {1500, nan}, {1400, infinity}, {5000, nan}}, 10000), 1400);
      }
    });
  }
}

}  // namespace
}  // namespace mfld
