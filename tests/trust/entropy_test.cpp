#include "mfld/trust/entropy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/model/network.hpp"
#include "support/random_normals.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

double gaussian_entropy(Index dimension) {
  return 0.5 * static_cast<double>(dimension) * std::log(2 * std::numbers::pi * std::numbers::e);
}

// By the tree (600 particles in 1 dimension) and by pairs, with every remainder of a tile of 64.
TEST(Entropy, DistancesAreThoseOfADirectSearch) {
  std::vector<std::pair<Index, Index>> shapes = {{600, 1}, {300, 3}, {5, 2}, {100, 17}};
  for (Index num_particles = 65; num_particles <= 128; ++num_particles) {
    shapes.emplace_back(num_particles, 2);
  }
  for (const auto& [num_particles, dimension] : shapes) {
    for (const Index k : {1, 3}) {
      const Particles<double> particles = random_normals(num_particles, dimension, 1);
      const Vector found = neighbour_distances(particles, k);
      for (Index j = 0; j < particles.rows(); ++j) {
        Vector all = (particles.rowwise() - particles.row(j)).rowwise().norm();
        std::nth_element(all.begin(), all.begin() + k, all.end());  // itself comes first
        EXPECT_NEAR(found[j], all[k], 1e-14) << num_particles << ' ' << dimension;
      }
    }
  }
}

TEST(Entropy, OfFourPointsByHand) {
  // On a line at 0, 1, 3, 7: distances to the nearest other 1, 1, 2, 4, to the second 3, 2, 3, 6.
  const Particles<double> line = (Particles<double>(4, 1) << 0, 1, 3, 7).finished();
  // psi(4) - psi(1) = 1 + 1/2 + 1/3; psi(4) - psi(2) = 1/2 + 1/3; V_1 = 2.
  EXPECT_NEAR(entropy(line, 1).value, 11.0 / 6 + std::log(2.0) + std::log(8.0) / 4, 1e-14);
  EXPECT_NEAR(entropy(line, 2).value, 5.0 / 6 + std::log(2.0) + std::log(108.0) / 4, 1e-14);
}

TEST(Entropy, MovesWithScaleAndNotWithShiftOrOrder) {
  for (const Index dimension : {1, 2, 5, 10}) {
    const Particles<double> particles = random_normals(500, dimension, 2);
    const double value = entropy(particles).value;
    EXPECT_NEAR(entropy(7.3 * particles).value, value + static_cast<double>(dimension) * std::log(7.3), 1e-12);
    EXPECT_NEAR(entropy(Particles<double>(particles.array() + 11)).value, value, 1e-10);
    EXPECT_NEAR(entropy(Particles<double>(particles.colwise().reverse())).value, value, 1e-12);
  }
}

/// 60 estimates from 2000 particles each, and the mean of their stated variances.
struct Estimates {
  MeanTest mean;
  double stated_variance = 0;
};

Estimates estimates_of(Index dimension, int num_estimates = 60) {
  Estimates result;
  for (int seed = 0; seed < num_estimates; ++seed) {
    const EntropyEstimate estimate = entropy(random_normals(2000, dimension, 100 + static_cast<unsigned>(seed)));
    result.mean.add(estimate.value);
    result.stated_variance += estimate.standard_error * estimate.standard_error / num_estimates;
  }
  return result;
}

// Against the truth and the bias that the header states (k = 3, N = 2000; known to one half in the last digit, or
// 0.001): z = 4. The variance that is stated is the one seen, within 4 of the errors of a variance of 60. Chance of a
// false alarm in one of the eight checks: 5e-4; a formula that is off by psi(k) or log V_D is off by more than 20
// standard errors.
TEST(Entropy, OfGaussiansInFewDimensions) {
  struct Case {
    Index dimension;
    double bias, known_to;
  };
  for (const auto& [dimension, bias, known_to] :
       {Case{1, -0.002, 0.001}, Case{2, -0.009, 0.001}, Case{3, -0.03, 0.005}, Case{5, -0.07, 0.005}}) {
    const auto [mean, stated] = estimates_of(dimension);
    EXPECT_NEAR(mean.mean() - gaussian_entropy(dimension), bias, known_to + 4 * mean.standard_error()) << dimension;
    const double seen = 60 * mean.standard_error() * mean.standard_error();
    EXPECT_NEAR(seen / stated, 1, 4 * std::sqrt(2.0 / 60)) << dimension;
  }
}

TEST(Entropy, OfGaussiansInManyDimensionsIsBiased) {
  // Downward in 5, upward in 10 and 20: each beyond 4 standard errors.
  EXPECT_LT(estimates_of(5).mean.z(gaussian_entropy(5)), -4);
  EXPECT_GT(estimates_of(10, 60).mean.z(gaussian_entropy(10)), 4);
  const Estimates twenty = estimates_of(20, 4);
  EXPECT_NEAR(twenty.mean.mean() - gaussian_entropy(20), 1.0, 0.2);
}

TEST(Entropy, DistancesAreThoseOfEveryInstructionSet) {
  const Particles<double> particles = random_normals(150, 5, 4);
  const Vector expected = neighbour_distances(particles, 3);
  for (const std::string& name : available_instruction_sets()) {
    force_instruction_set(name);
    EXPECT_LT((neighbour_distances(particles, 3) - expected).cwiseAbs().maxCoeff(), 1e-14) << name;
    force_instruction_set("best");
  }
}

TEST(Entropy, DistancesDoNotDependOnThreads) {
  for (const Index dimension : {1, 6}) {  // by the tree, by pairs
    const Particles<double> particles = random_normals(700, dimension, 3);
    const auto run = [&] { return neighbour_distances(particles, 3); };
    EXPECT_EQ(with_threads(1, run), with_threads(3, run));
  }
}

TEST(Entropy, OfTiesIsAReason) {
  Particles<double> particles = random_normals(50, 2, 6);
  particles.row(1) = particles.row(0);
  EXPECT_TRUE(entropy(particles, 3).exists());
  const EntropyEstimate tied = entropy(particles, 1);
  EXPECT_EQ(tied.reason, "2 of 50 particles have 1 others in the same point: their law has no density");
  EXPECT_TRUE(std::isnan(tied.value));
  EXPECT_FALSE(entropy(Particles<double>::Zero(50, 2)).exists());
}

TEST(Entropy, OfTooFewOrBrokenParticlesIsAReason) {
  EXPECT_EQ(entropy(random_normals(3, 2, 7), 3).reason, "3 particles: more than k = 3 are needed");
  Particles<double> broken = random_normals(50, 2, 8);
  broken(7, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(entropy(broken).reason, "a particle is not finite");
}

}  // namespace
}  // namespace mfld
