// Noise of three points: its law, and that a step has the moments that it has with normals.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mfld/core/random.hpp"
#include "mfld/steps/steps.hpp"
#include "support/instruction_sets.hpp"

namespace mfld {
namespace {

constexpr std::int64_t sixth = 715827883;
constexpr std::int64_t num_words = std::int64_t{1} << 32;

StepOptions options_of(NoiseLaw law) {
  StepOptions options;
  options.step_size = 0.5;
  options.temperature = 1;  // amplitude 1
  options.noise_seed = 3;
  options.step = 17;
  options.noise.law = law;
  return options;
}

/// The noise of one step: where particles at 0 without a force are after it.
template <class Scalar>
Particles<Scalar> noise_of_step(const StepOptions& options, Index num_particles, Index num_columns) {
  Particles<Scalar> particles = Particles<Scalar>::Zero(num_particles, num_columns);
  const std::vector<unsigned char> trained(static_cast<std::size_t>(num_columns), 1);
  euler_maruyama_step<Scalar>(options, Drift::Zero(num_particles, num_columns), trained, particles);
  return particles;
}

// Of a word w the sign is that of the two ends of the signed numbers, a sixth of all at each.
int sign_of(std::uint32_t word) {
  const std::int64_t w = static_cast<std::int32_t>(word);
  return w >= num_words / 2 - sixth ? 1 : w < -num_words / 2 + sixth ? -1 : 0;
}

TEST(ThreePointNoise, HasTheMomentsOfANormalToTheFifth) {
  const double p = static_cast<double>(sixth) / static_cast<double>(num_words);
  EXPECT_NEAR(2 * p * 3, 1, 1e-9);
  EXPECT_NEAR(2 * p * 9, 3, 1e-8);
  std::int64_t above = 0;
  std::int64_t below = 0;
  for (std::int64_t word = 0; word < num_words; word += 4093) {  // a prime
    above += sign_of(static_cast<std::uint32_t>(word)) == 1 ? 1 : 0;
    below += sign_of(static_cast<std::uint32_t>(word)) == -1 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(above), static_cast<double>(num_words) / 4093 / 6, 1);
  EXPECT_NEAR(static_cast<double>(below), static_cast<double>(num_words) / 4093 / 6, 1);
}

TEST(ThreePointNoise, IsAFunctionOfTheWordsInEitherPrecision) {
  on_every_instruction_set([] {
    const StepOptions options = options_of(NoiseLaw::three_point);
    constexpr Index num_particles = 300;
    for (const Index num_columns : {1, 4, 6}) {
      const auto in_double = noise_of_step<double>(options, num_particles, num_columns);
      const auto in_single = noise_of_step<float>(options, num_particles, num_columns);
      const PhiloxKey key = stream_key(options.noise_seed, Purpose::noise);
      for (Index j = 0; j < num_particles; ++j) {
        for (Index column = 0; column < num_columns; ++column) {
          const PhiloxBlock words = philox4x32({static_cast<std::uint32_t>(column / 4), static_cast<std::uint32_t>(j),
                                                static_cast<std::uint32_t>(options.step), 0},
                                               key);
          const int sign = sign_of(words[static_cast<std::size_t>(column % 4)]);
          ASSERT_EQ(in_double(j, column), std::sqrt(3.0) * sign);
          ASSERT_EQ(in_single(j, column), static_cast<float>(std::sqrt(3.0)) * static_cast<float>(sign));
        }
      }
    }
  });
}

/// E theta^2, E theta^4, E theta^6 of theta <- a theta + s xi from 0: their recursions are exact, and the law of xi
/// enters that of the sixth alone, by E xi^6 = 9 or 15.
struct Moments {
  double second = 0, fourth = 0, sixth = 0;
  void step(double a, double s, double sixth_of_xi) {
    const double q = s * s;
    const double b = a * a;
    sixth = b * b * b * sixth + 15 * b * b * q * fourth + 15 * b * q * q * 3 * second + q * q * q * sixth_of_xi;
    fourth = b * b * fourth + 6 * b * q * second + 3 * q * q;
    second = b * second + q;
  }
};

// 300000 draws, five deviations of the mean: a false alarm in 3 million for each of six numbers.
TEST(ThreePointNoise, GivesALinearForceTheMomentsOfNormalsButTheSixth) {
  constexpr Index num_particles = 100000;
  constexpr Index num_columns = 3;
  const std::vector<unsigned char> trained(static_cast<std::size_t>(num_columns), 1);
  for (const NoiseLaw law : {NoiseLaw::gaussian, NoiseLaw::three_point}) {
    StepOptions options = options_of(law);
    options.penalty = 0.3;  // a = 1 - 2 eta lambda1
    Particles<double> theta = Particles<double>::Zero(num_particles, num_columns);
    Moments exact;
    Moments other;
    for (int k = 0; k < 2; ++k, ++options.step) {
      euler_maruyama_step<double>(options, Drift::Zero(num_particles, num_columns), trained, theta);
      exact.step(0.7, 1, law == NoiseLaw::gaussian ? 15 : 9);
      other.step(0.7, 1, law == NoiseLaw::gaussian ? 9 : 15);
    }
    const auto expect_mean = [&](int power, double expected) {
      const auto values = theta.array().pow(power);
      const auto count = static_cast<double>(theta.size());
      const double mean = values.mean();
      const double deviation = std::sqrt((values - mean).square().mean() / count);
      EXPECT_NEAR(mean, expected, 5 * deviation) << power;
      return deviation;
    };
    expect_mean(2, exact.second);
    expect_mean(4, exact.fourth);
    const double deviation = expect_mean(6, exact.sixth);
    EXPECT_GT(std::abs(exact.sixth - other.sixth), 10 * deviation) << "the sixth would not tell them apart";
  }
}

}  // namespace
}  // namespace mfld
