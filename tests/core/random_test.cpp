#include "mfld/core/random.hpp"

#include <Random123/philox.h>
#undef philox4x32  // a macro of that header

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "kernels/vector/noise-inl.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/steps/step.hpp"
#include "support/instruction_sets.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

PhiloxBlock published_philox(PhiloxBlock counter, PhiloxKey key) {
  const r123::Philox4x32::ctr_type c = {{counter[0], counter[1], counter[2], counter[3]}};
  const r123::Philox4x32::key_type k = {{key[0], key[1]}};
  const auto words = r123::Philox4x32()(c, k);
  return {words[0], words[1], words[2], words[3]};
}

// ---- The engine is Philox4x32-10

TEST(Philox, PublishedKnownAnswers) {
  // The three vectors of "philox4x32 10" in the file kat_vectors of Random123 (Salmon et al., SC 2011).
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EqualsRandom123OnRandomCountersAndKeys) {
  std::mt19937 engine(1);
  const auto word = [&] { return static_cast<std::uint32_t>(engine()); };
  for (int i = 0; i < 100000; ++i) {
    const PhiloxBlock counter = {word(), word(), word(), word()};
    const PhiloxKey key = {word(), word()};
    ASSERT_EQ(philox4x32(counter, key), published_philox(counter, key));
  }
}

// ---- Streams: the frozen map from (seed, purpose, index) to counters

TEST(RandomStream, ReadsTheDocumentedCountersOfPhilox) {
  // Key: the first two words at counter (seed, purpose, 0) under the fixed derivation key (the first 64 fractional bits
  // of sqrt 2). Words: blocks 0, 1, ... in counter words 0-1, the index in words 2-3. Changing any of it changes every
  // seed's results.
  for (const std::uint64_t seed : {0ULL, 1ULL, 0xFFFFFFFFFFFFFFFFULL, 0x123456789ABCDEF0ULL}) {
    for (const std::uint64_t index : {0ULL, 7ULL, 0x100000000ULL, 0xFEDCBA9876543210ULL}) {
      const PhiloxBlock derived =
          published_philox({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U), 9U, 0U},
                           {0x6A09E667U, 0xF3BCC908U});
      EXPECT_EQ(stream_key(seed, Purpose::batch), (PhiloxKey{derived[0], derived[1]}));
      RandomStream stream(seed, Purpose::batch, index);
      for (std::uint32_t block = 0; block < 5; ++block) {
        const PhiloxBlock words =
            published_philox({block, 0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U)},
                             {derived[0], derived[1]});
        for (const std::uint32_t word : words) {
          ASSERT_EQ(stream(), word);
        }
      }
    }
  }
}

TEST(RandomStream, PurposesKeepTheirNumbers) {
  // Frozen: changing one changes the results of every seed.
  EXPECT_EQ(static_cast<int>(Purpose::train_input), 1);
  EXPECT_EQ(static_cast<int>(Purpose::train_label), 2);
  EXPECT_EQ(static_cast<int>(Purpose::test_input), 3);
  EXPECT_EQ(static_cast<int>(Purpose::test_label), 4);
  EXPECT_EQ(static_cast<int>(Purpose::teacher), 5);
  EXPECT_EQ(static_cast<int>(Purpose::rotation), 6);
  EXPECT_EQ(static_cast<int>(Purpose::split), 7);
  EXPECT_EQ(static_cast<int>(Purpose::initialisation), 8);
  EXPECT_EQ(static_cast<int>(Purpose::batch), 9);
  EXPECT_EQ(static_cast<int>(Purpose::noise), 10);
}

TEST(RandomStream, IsAUniformRandomBitGeneratorOfAllThirtyTwoBits) {
  static_assert(std::uniform_random_bit_generator<RandomStream>);
  static_assert(RandomStream::min() == 0 && RandomStream::max() == 0xFFFFFFFFU);
  RandomStream stream(3, Purpose::split, 0);
  std::uint32_t ones = 0;
  std::uint32_t zeros = 0;
  for (int i = 0; i < 64; ++i) {
    const std::uint32_t word = stream();
    ones |= word;
    zeros |= ~word;
  }
  EXPECT_EQ(ones, 0xFFFFFFFFU);
  EXPECT_EQ(zeros, 0xFFFFFFFFU);
}

TEST(RandomStream, DifferentPurposesSeedsAndIndicesShareNoPairOfWords) {
  // 10 purposes x 20 seeds x 20 indices x 64 words. If all are independent, two of these 2.6e5 neighbouring pairs
  // coincide with probability (2.6e5)^2 / 2 / 2^64 = 2e-9. A stream that is another one shifted shares dozens.
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::uint32_t purpose = 1; purpose <= 10; ++purpose) {
    for (std::uint64_t s = 0; s < 20; ++s) {
      const std::uint64_t seed = s < 10 ? s : (s << 32U);  // neighbours, and neighbours in the high word
      for (std::uint64_t i = 0; i < 20; ++i) {
        const std::uint64_t index = i < 10 ? i : (i << 32U);
        RandomStream stream(seed, static_cast<Purpose>(purpose), index);
        std::uint64_t pair = stream();
        for (int k = 0; k < 64; ++k) {
          pair = (pair << 32U) | stream();
          seen.insert(pair);
          ++count;
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), count);
}

TEST(RandomStream, NextSeedIsNotThisSeedShifted) {
  const auto words = [](std::uint64_t seed) {
    RandomStream stream(seed, Purpose::initialisation, 0);
    std::vector<std::uint32_t> result(4096);
    std::generate(result.begin(), result.end(), [&] { return stream(); });
    return result;
  };
  for (const std::uint64_t seed : {0ULL, 1ULL, 41ULL, 0xFFFFFFFFULL}) {
    const auto here = words(seed);
    const auto next = words(seed + 1);
    for (const auto& [a, b] : {std::pair(here, next), std::pair(next, here)}) {
      // Chance that a given run of four words occurs among 4093 places: 4093 / 2^128.
      for (std::size_t shift = 0; shift + 4 <= b.size(); ++shift) {
        ASSERT_FALSE(std::equal(a.begin(), a.begin() + 4, b.begin() + static_cast<std::ptrdiff_t>(shift)));
      }
    }
  }
}

TEST(RandomStream, WordsAreUniformAndIndependentAcrossStreams) {
  // Chi-square of the high byte of the first word of 2^18 streams that differ in the index alone, and of the joint law
  // of the high nibbles of neighbouring streams. A fair generator fails each with probability 1e-6 over the choice of
  // seed.
  constexpr std::size_t streams = std::size_t{1} << 18U;
  std::vector<double> bytes(256);
  std::vector<double> nibbles(256);
  std::uint32_t previous = 0;
  for (std::size_t i = 0; i < streams; ++i) {
    const std::uint32_t word = RandomStream(5, Purpose::train_input, i)();
    ++bytes[word >> 24U];
    ++nibbles[((previous >> 28U) << 4U) | (word >> 28U)];
    previous = word;
  }
  EXPECT_GT(chi_square_p_uniform(bytes), 1e-6);
  EXPECT_GT(chi_square_p_uniform(nibbles), 1e-6);
}

// ---- Langevin noise: Box-Muller of exactly those words

long double box_muller_reference(long double u, long double turns, bool cosine) {
  const long double angle = 2 * 3.141592653589793238462643383279502884L * turns;
  return std::sqrt(-2 * std::log(u)) * (cosine ? std::cos(angle) : std::sin(angle));
}

/// The documented maps from a Philox block to the normals of its columns, in long double.
long double normal_of_block(const PhiloxBlock& words, Index column, double /*precision*/) {
  const auto mantissa = [](std::uint32_t high, std::uint32_t low) {
    return static_cast<long double>((std::uint64_t{high & 0xFFFFFU} << 32U) | low);
  };
  return box_muller_reference((mantissa(words[0], words[1]) + 0.5L) * 0x1p-52L, mantissa(words[2], words[3]) * 0x1p-52L,
                              column % 2 == 0);
}
long double normal_of_block(const PhiloxBlock& words, Index column, float /*precision*/) {
  const std::size_t first = column % 4 < 2 ? 0 : 2;
  const float u = (static_cast<float>(words[first] >> 1U) + 0.5F) * 0x1p-31F;
  const auto turns = static_cast<float>(static_cast<std::int32_t>(words[first + 1])) * 0x1p-32F;
  return box_muller_reference(u, turns, column % 2 == 0);
}

template <class Scalar>
using Noise = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

template <class Scalar>
double worst_noise_error(std::uint64_t seed, std::int64_t step, Index first, Index rows, Index columns) {
  Noise<Scalar> xi = Noise<Scalar>::Constant(rows, columns, 1e9);
  langevin_noise(seed, step, first, xi);
  const PhiloxKey key = stream_key(seed, Purpose::noise);
  constexpr Index columns_per_block = sizeof(Scalar) == 8 ? 2 : 4;
  long double worst = 0;
  for (Index j = 0; j < rows; ++j) {
    for (Index column = 0; column < columns; ++column) {
      const PhiloxBlock words = published_philox(
          {static_cast<std::uint32_t>(column / columns_per_block), static_cast<std::uint32_t>(first + j),
           static_cast<std::uint32_t>(static_cast<std::uint64_t>(step)),
           static_cast<std::uint32_t>(static_cast<std::uint64_t>(step) >> 32U)},
          key);
      worst = std::max(worst, std::abs(xi(j, column) - normal_of_block(words, column, Scalar{})));
    }
  }
  return static_cast<double>(worst);
}

template <class Scalar>
void check_noise_words(double tolerance) {
  for (Index rows = 1; rows <= 70; ++rows) {
    ASSERT_LE(worst_noise_error<Scalar>(11, 5, rows % 7, rows, 1 + rows % 9), tolerance);
  }
  for (const std::int64_t step :
       {std::int64_t{0}, std::int64_t{0xFFFFFFFF}, std::int64_t{1} << 32U, std::int64_t{1} << 53U}) {
    for (const Index rows : {127, 128, 129, 300}) {
      ASSERT_LE(worst_noise_error<Scalar>(~std::uint64_t{0}, step, 1000, rows, 5), tolerance);
    }
  }
  ASSERT_LE(worst_noise_error<Scalar>(3, 1, 0, 100000, 4), tolerance);
  ASSERT_LE(worst_noise_error<Scalar>(3, 1, (Index{1} << 32U) - 40, 40, 3), tolerance);
}

TEST(LangevinNoise, IsBoxMullerOfTheDocumentedPhiloxWords) {
  // Every number of particles and of columns near the vector and strip lengths, steps beyond 32 bits. |xi| <= 8.6 (6.7
  // in single precision), so 1e-14 (3e-6) is five units in the last place of the largest.
  on_every_instruction_set([] {
    check_noise_words<double>(1e-14);
    check_noise_words<float>(3e-6);
  });
}

template <class Scalar>
void check_noise_by_parts() {
  Noise<Scalar> whole(300, 7);
  langevin_noise(1, 2, 0, whole);
  for (const Index first : {1, 3, 128, 255, 299}) {
    Noise<Scalar> part(300 - first, 7);
    langevin_noise(1, 2, first, part);
    EXPECT_EQ(part, whole.bottomRows(300 - first));
  }
  Noise<Scalar> narrow(300, 5);
  langevin_noise(1, 2, 0, narrow);
  EXPECT_EQ(narrow, whole.leftCols(5)) << "a column does not depend on how many there are";
}

TEST(LangevinNoise, DoesNotDependOnHowParticlesAreDealtOut) {
  on_every_instruction_set([] {
    check_noise_by_parts<double>();
    check_noise_by_parts<float>();
  });
}

/// Tests on a million samples per set: a fair generator fails one of them with the stated probability over the choice
/// of seed.
struct NoiseSample {
  static constexpr Index particles = 1000;
  static constexpr Index columns = 10;
  static constexpr std::int64_t steps = 200;
  std::vector<Matrix> xi;

  template <class Scalar>
  static NoiseSample draw() {
    NoiseSample sample;
    for (std::int64_t k = 0; k < steps; ++k) {
      Noise<Scalar> xi(particles, columns);
      langevin_noise(2024, k, 0, xi);
      sample.xi.push_back(xi.template cast<double>());
    }
    return sample;
  }
};

/// In double, and in single precision.
class NoiseLaw : public testing::TestWithParam<bool> {
 protected:
  static const NoiseSample& noise_sample() {
    static const std::array<NoiseSample, 2> samples = {NoiseSample::draw<double>(), NoiseSample::draw<float>()};
    return samples[GetParam() ? 1 : 0];
  }
};

INSTANTIATE_TEST_SUITE_P(Precisions, NoiseLaw, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "single" : "double"; });

TEST_P(NoiseLaw, HasTheMomentsOfAStandardNormal) {
  // z = 5, two-sided: a false alarm has probability 6e-7 in each of the six moments (4e-6 in all). An error of 1 % in
  // the standard deviation is z = 20 in the second moment with these 2e6 samples.
  const std::array<double, 6> moments = {0, 1, 0, 3, 0, 15};
  const std::array<double, 6> variances = {1, 2, 15, 96, 945, 10395 - 225};  // E xi^2m - (E xi^m)^2
  const double count = static_cast<double>(NoiseSample::particles * NoiseSample::columns * NoiseSample::steps);
  for (int m = 1; m <= 6; ++m) {
    double sum = 0;
    for (const Matrix& xi : noise_sample().xi) {
      sum += xi.array().pow(m).sum();
    }
    const auto k = static_cast<std::size_t>(m - 1);
    EXPECT_LE(std::abs(sum / count - moments[k]) / std::sqrt(variances[k] / count), 5) << "moment " << m;
  }
}

TEST_P(NoiseLaw, HasTheLawAndTheTailsOfAStandardNormal) {
  // Chi-square over 1000 cells of equal probability (p > 1e-6), and counts beyond 1, 2, 3, 4 standard deviations at z
  // = 5.
  std::vector<double> cells(1000);
  std::array<double, 4> beyond{};
  for (const Matrix& xi : noise_sample().xi) {
    for (const double x : xi.reshaped()) {
      const double probability = 0.5 * std::erfc(-x / std::sqrt(2.0));
      ++cells[std::min<std::size_t>(999, static_cast<std::size_t>(1000 * probability))];
      for (std::size_t k = 0; k < 4; ++k) {
        beyond[k] += std::abs(x) > static_cast<double>(k + 1) ? 1 : 0;
      }
      ASSERT_LE(std::abs(x), 8.6);
    }
  }
  EXPECT_GT(chi_square_p_uniform(cells), 1e-6);
  const double count = static_cast<double>(NoiseSample::particles * NoiseSample::columns * NoiseSample::steps);
  for (std::size_t k = 0; k < 4; ++k) {
    const double p = std::erfc(static_cast<double>(k + 1) / std::sqrt(2.0));
    EXPECT_LE(std::abs(beyond[k] - count * p) / std::sqrt(count * p * (1 - p)), 5) << "beyond " << k + 1;
  }
}

TEST_P(NoiseLaw, IsIndependentAcrossColumnsParticlesStepsAndSeeds) {
  // Products of neighbours and of their squares have mean 0 and variances 1 and 4: z = 5 in each of the 12 tests, 7e-6
  // in all. The two halves of one Box-Muller pair (columns 0 and 1) are among the neighbours.
  const auto& all = noise_sample().xi;
  const auto check = [](const char* what, const Matrix& a, const Matrix& b) {
    const double count = static_cast<double>(a.size());
    EXPECT_LE(std::abs(a.cwiseProduct(b).sum()) / std::sqrt(count), 5) << what;
    const auto square = [](const Matrix& m) { return (m.array().square() - 1).matrix().eval(); };
    EXPECT_LE(std::abs(square(a).cwiseProduct(square(b)).sum()) / std::sqrt(4 * count), 5) << what << ", squares";
  };
  const Index steps = NoiseSample::steps;
  const Index rows = NoiseSample::particles;
  const Index columns = NoiseSample::columns;
  Matrix stacked(rows * steps, columns);
  for (Index k = 0; k < steps; ++k) {
    stacked.middleRows(k * rows, rows) = all[static_cast<std::size_t>(k)];
  }
  check("columns of a pair", stacked.col(0), stacked.col(1));
  check("columns of two pairs", stacked.col(1), stacked.col(2));
  check("columns of two blocks", stacked.col(3), stacked.col(4));
  check("particles", stacked.topRows(rows * steps - 1), stacked.bottomRows(rows * steps - 1));
  check("steps", stacked.topRows(rows * (steps - 1)), stacked.bottomRows(rows * (steps - 1)));
  Matrix other(rows, columns);
  langevin_noise(2025, 0, 0, other);
  check("seeds", all.front(), other);
}

TEST(LangevinNoise, NextSeedIsNotThisSeedShiftedInStepOrParticle) {
  Matrix here(64, 2);
  langevin_noise(7, 10, 0, here);
  for (const std::uint64_t seed : {6ULL, 8ULL}) {
    for (std::int64_t step = 0; step < 20; ++step) {
      Matrix there(128, 2);
      langevin_noise(seed, step, 0, there);
      for (Index shift = 0; shift <= 64; ++shift) {
        ASSERT_NE(here(0, 0), there(shift, 0));
      }
    }
  }
}

// ---- The logarithm under the square root

TEST(LangevinNoise, LogarithmOfUniformIsAccurateAtBothEndsAndAtTheSeams) {
  // u = (k + 1/2) 2^-52. Seams: the powers of two and sqrt(1/2) times them, where the mantissa is folded. The relative
  // error matters near u = 1 too: there the radius is small.
  std::vector<std::uint64_t> numerators;
  const std::uint64_t last = (std::uint64_t{1} << 52U) - 1;
  for (std::uint64_t k = 0; k < 2000; ++k) {
    numerators.push_back(k);
    numerators.push_back(last - k);
  }
  for (int exponent = 2; exponent <= 52; ++exponent) {
    for (const double seam : {std::ldexp(1.0, exponent), std::ldexp(std::sqrt(0.5), exponent)}) {
      for (std::int64_t offset = -50; offset <= 50; ++offset) {
        const std::int64_t k = static_cast<std::int64_t>(seam) + offset;
        if (k >= 0 && k <= static_cast<std::int64_t>(last)) {
          numerators.push_back(static_cast<std::uint64_t>(k));
        }
      }
    }
  }
  std::mt19937_64 engine(1);
  for (int i = 0; i < 200000; ++i) {
    numerators.push_back(engine() & last);
  }
  const hwy::HWY_NAMESPACE::CappedTag<double, 1> d;
  long double worst = 0;
  for (const std::uint64_t k : numerators) {
    const double u = (static_cast<double>(k) + 0.5) * 0x1p-52;
    const double value = hwy::HWY_NAMESPACE::GetLane(HWY_NAMESPACE::log_of_uniform(d, hwy::HWY_NAMESPACE::Set(d, u)));
    const long double expected = std::log(static_cast<long double>(u));
    worst = std::max(worst, std::abs(value - expected) / std::abs(expected));
  }
  EXPECT_LE(static_cast<double>(worst), 4e-16);
  RecordProperty("worst_relative_error_1e18", static_cast<int>(worst * 1e18L));
}

}  // namespace
}  // namespace mfld
