#include "mfld/dynamics/importance_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "support/sample_problem.hpp"

namespace mfld {
namespace {

ImportanceWeights tilted(const std::vector<double>& slopes, const Matrix& values) {
  ImportanceWeights weights;
  weights.reset(values.rows());
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    const Vector column = values.col(static_cast<Index>(k));
    weights.tilt(slopes[k], span_of(column));
  }
  return weights;
}

TEST(ImportanceWeights, AreTheRatioOfTheLaws) {
  const Matrix values = random_normals(50, 3, 1);
  const std::vector<double> slopes = {0.7, -1.3, 0.2};
  const Vector weights = tilted(slopes, values).weights();
  const Vector expected = (values * Vector::Map(slopes.data(), 3)).array().exp();
  EXPECT_LE((weights - expected / expected.sum()).cwiseAbs().maxCoeff(), 1e-15);
  const Vector other = random_normals(50, 1, 2);
  EXPECT_NEAR(tilted(slopes, values).mean(span_of(other)), expected.dot(other) / expected.sum(), 1e-14);
}

TEST(ImportanceWeights, TheEffectiveSizeIsBetweenOneAndAll) {
  const Matrix values = random_normals(50, 1, 1);
  EXPECT_DOUBLE_EQ(tilted({0}, values).effective_size(), 50);
  EXPECT_DOUBLE_EQ(tilted({1e5}, values).effective_size(), 1) << "all weight on one";
  Vector two = Vector::Constant(50, -1);
  two.head(2).setOnes();
  EXPECT_DOUBLE_EQ(tilted({400}, two).effective_size(), 2);
  EXPECT_DOUBLE_EQ(tilted({1}, Matrix::Ones(1, 1)).effective_size(), 1) << "one particle";
}

TEST(ImportanceWeights, NothingOverflowsAndNothingIsLostOnTheWayBack) {
  const Matrix values = random_normals(50, 1, 1);
  const std::vector<double> there_and_back = {1e300, 1, -1e300};
  Matrix all(50, 3);
  all << values, values, values;
  EXPECT_TRUE(tilted({1e300, 1e300}, all).weights().allFinite());
  EXPECT_LE((tilted({600, 1, -600}, all).weights() - tilted({1}, all).weights()).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_TRUE(tilted(there_and_back, all).weights().allFinite());
  EXPECT_TRUE(std::isnan(tilted({std::nan("")}, values).effective_size()));
}

std::vector<Index> counts_of(const Vector& weights, double offset) {
  std::vector<Index> counts;
  systematic_counts(weights, offset, counts);
  return counts;
}

TEST(SystematicCounts, AreTheExpectedNumbersRoundedUpOrDown) {
  for (const double slope : {0.0, 0.3, 2.0, 50.0}) {
    const Vector weights = tilted({slope}, random_normals(50, 1, 3)).weights();
    for (int k = 0; k < 97; ++k) {
      const auto counts = counts_of(weights, (k + 0.5) / 97);
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), Index{0}), 50);
      for (Index j = 0; j < 50; ++j) {
        EXPECT_LT(std::abs(static_cast<double>(counts[static_cast<std::size_t>(j)]) - 50 * weights[j]), 1 + 1e-12);
      }
    }
  }
}

TEST(SystematicCounts, AreUnbiased) {
  // The mean over K offsets in the middle of their cells is within 1/K of the integral, N w_j.
  constexpr int num_offsets = 20000;
  const Vector weights = tilted({0.8}, random_normals(30, 1, 4)).weights();
  Vector mean = Vector::Zero(30);
  for (int k = 0; k < num_offsets; ++k) {
    const auto counts = counts_of(weights, (k + 0.5) / num_offsets);
    for (Index j = 0; j < 30; ++j) {
      mean[j] += static_cast<double>(counts[static_cast<std::size_t>(j)]) / num_offsets;
    }
  }
  EXPECT_LE((mean - 30 * weights).cwiseAbs().maxCoeff(), 1.0 / num_offsets);
}

TEST(SystematicCounts, OfAllTheWeightOnOneAreAllOfIt) {
  for (const Index heavy : {0, 7, 29}) {
    Vector weights = Vector::Zero(30);
    weights[heavy] = 1;
    for (const double offset : {0.0, 0.4, 1 - 1e-16}) {
      EXPECT_EQ(counts_of(weights, offset)[static_cast<std::size_t>(heavy)], 30);
    }
  }
  EXPECT_EQ(counts_of(Vector::Ones(1), 0.99), std::vector<Index>{1}) << "one particle";
}

TEST(Resample, WhoStaysKeepsItsPlace) {
  std::vector<Index> counts = {0, 2, 1, 0, 3, 0, 1};
  Particles<double> particles(7, 2);
  particles.col(0) = Vector::LinSpaced(7, 0, 6);
  particles.col(1) = 10 * particles.col(0);
  resample(counts, particles);
  Vector expected(7);
  expected << 1, 1, 2, 4, 4, 4, 6;
  EXPECT_EQ(particles.col(0), expected);
  EXPECT_EQ(particles.col(1), Vector(10 * expected));
}

TEST(Resample, OfEqualWeightsMovesNothing) {
  const Particles<float> before = random_normals(1001, 3, 5).cast<float>();
  for (const double offset : {0.01, 0.5, 0.99}) {
    Particles<float> particles = before;
    std::vector<Index> counts = counts_of(Vector::Constant(1001, 1.0 / 1001), offset);
    resample(counts, particles);
    EXPECT_EQ(particles, before);
  }
}

}  // namespace
}  // namespace mfld
