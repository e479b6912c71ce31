#include "mfld/trust/wasserstein.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "mfld/core/error.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

double cost_of(const Matrix& costs, const std::vector<Index>& columns) {
  double sum = 0;
  for (Index i = 0; i < costs.rows(); ++i) {
    sum += costs(i, columns[static_cast<std::size_t>(i)]);
  }
  return sum;
}

std::vector<Index> identity(Index count) {
  std::vector<Index> columns(static_cast<std::size_t>(count));
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

double by_brute_force(const Matrix& costs) {
  std::vector<Index> columns = identity(costs.rows());
  double least = std::numeric_limits<double>::infinity();
  do {
    least = std::min(least, cost_of(costs, columns));
  } while (std::next_permutation(columns.begin(), columns.end()));
  return least;
}

TEST(Wasserstein, TheAssignmentIsAPermutationOfLeastCost) {
  for (Index count = 1; count <= 7; ++count) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      Matrix costs = random_normals(count, count, 100 * seed + static_cast<unsigned>(count));
      if (seed % 2 == 0) {
        costs = costs.array().round();  // many ties
      }
      const std::vector<Index> columns = least_assignment(costs);
      std::vector<Index> in_order = columns;
      std::sort(in_order.begin(), in_order.end());
      EXPECT_EQ(in_order, identity(count));
      EXPECT_NEAR(cost_of(costs, columns), by_brute_force(costs), 1e-13) << count << ", seed " << seed;
    }
  }
}

TEST(Wasserstein, IsZeroForTheSameParticlesInAnotherOrderAndTheLengthOfAShift) {
  for (const Index dimension : {1, 3}) {
    const Particles<double> a = random_normals(200, dimension, 1);
    const Particles<double> turned = a.colwise().reverse();
    EXPECT_NEAR(wasserstein2(a, turned), 0, 1e-15);
    EXPECT_GT(coupled_distance(a, turned), 1);
    Particles<double> moved = turned;
    moved.col(0).array() += 3;
    EXPECT_NEAR(wasserstein2(a, moved), 3, 1e-12);
  }
}

TEST(Wasserstein, OneDimensionIsSolvedAlikeByBoth) {
  const Particles<double> a = random_normals(300, 1, 2);
  const Particles<double> b = 2 * random_normals(300, 1, 3);
  Particles<double> flat_a = Particles<double>::Zero(300, 2), flat_b = flat_a;
  flat_a.col(1) = a;
  flat_b.col(1) = b;
  EXPECT_NEAR(wasserstein2(a, b), wasserstein2(flat_a, flat_b), 1e-12);
}

/// Between N(0, I) and N(m, s^2 I): |m|^2 + D (s - 1)^2, above which samples are by a little of their own.
TEST(Wasserstein, IsThatOfNormalLawsButForWhatSamplesAddOfTheirOwn) {
  const Index count = 500;
  const Particles<double> a = random_normals(count, 2, 4);
  const Particles<double> own = random_normals(count, 2, 5);
  Particles<double> b = 3 * own;
  b.col(0).array() += 1;
  const double exact = std::sqrt(1.0 + 2 * 4);
  EXPECT_NEAR(wasserstein2(a, b), exact, 0.25);
  EXPECT_LT(wasserstein2(a, own), 0.3);
  EXPECT_LE(wasserstein2(a, b), coupled_distance(a, b));
}

TEST(Wasserstein, RefusesWhatHasNoDistance) {
  EXPECT_THROW(wasserstein2(Particles<double>::Zero(3, 2), Particles<double>::Zero(4, 2)), InvalidInput);
  EXPECT_THROW(wasserstein2(Particles<double>(0, 2), Particles<double>(0, 2)), InvalidInput);
  Particles<double> bad = Particles<double>::Zero(3, 2);
  bad(1, 1) = std::nan("");
  EXPECT_THROW(wasserstein2(bad, Particles<double>::Zero(3, 2)), InvalidInput);
  EXPECT_THROW(least_assignment(Matrix::Zero(2, 3)), InvalidInput);
}

}  // namespace
}  // namespace mfld
