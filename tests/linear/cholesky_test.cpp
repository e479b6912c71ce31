// Factors against their products, known factors, and each other.
#include "mfld/linear/cholesky.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

// Around every strip, panel and group of tiles.
const std::vector<Index> sizes = {1, 2, 3, 7, 23, 24, 25, 47, 48, 49, 143, 144, 145, 168, 200, 287, 288, 290, 337, 480};

constexpr double epsilon = std::numeric_limits<double>::epsilon();

Matrix lower(const Matrix& matrix) { return matrix.triangularView<Eigen::Lower>(); }

Matrix positive_definite(Index n, unsigned seed) {
  const Matrix x = random_normals(n, n + 3, seed);
  return x * x.transpose();
}

/// The backward error |A - L L'| is at most about n epsilon times |L| |L'| (Higham 2002, theorem 10.3).
TEST(Cholesky, TheProductOfTheFactorsIsTheMatrix) {
  on_every_instruction_set([] {
    for (const Index n : sizes) {
      const Matrix a = positive_definite(n, 3);
      Matrix factor = a;
      factor.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
      ASSERT_TRUE(cholesky_in_place(factor)) << n;
      const Matrix l = lower(factor);
      const Matrix bound = static_cast<double>(n + 1) * epsilon * (l.cwiseAbs() * l.cwiseAbs().transpose());
      EXPECT_TRUE(((a - l * l.transpose()).array().abs() <= bound.array()).all()) << n;
    }
  });
}

/// min(i, j) = sum_k 1(k <= i) 1(k <= j): the factor is a triangle of ones, and every number on the way is whole.
TEST(Cholesky, OfTheCovarianceOfBrownianMotionIsExact) {
  on_every_instruction_set([] {
    for (const Index n : sizes) {
      Matrix a = Matrix::NullaryExpr(n, n, [](Index i, Index j) { return static_cast<double>(std::min(i, j) + 1); });
      ASSERT_TRUE(cholesky_in_place(a));
      EXPECT_EQ(lower(a), lower(Matrix::Ones(n, n))) << n;
    }
  });
}

TEST(Cholesky, SolutionsHaveSmallResiduals) {
  for (const Index n : {1, 40, 145, 300}) {
    const Matrix a = positive_definite(n, 5) + Matrix::Identity(n, n);
    Matrix factor = a;
    ASSERT_TRUE(cholesky_in_place(factor));
    const Matrix right = random_normals(n, 70, 6);
    Matrix x = right;
    solve_lower(factor, x);
    EXPECT_LT((lower(factor) * x - right).norm(), 1e-12 * right.norm()) << n;
    solve_lower_transposed(factor, x);
    EXPECT_LT((a * x - right).norm(), 1e-14 * a.norm() * x.norm()) << n;
    Vector one = right.col(3);
    solve_cholesky(factor, one);
    EXPECT_LT((one - x.col(3)).norm(), 1e-11 * one.norm()) << n;
  }
}

/// One direction of the square of length -1e-3, which only the last pivots see, or the first.
TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  for (const Index n : sizes) {
    for (const Index where : {Index{0}, n / 2, n - 1}) {
      Matrix a = Matrix::Identity(n, n);
      a(where, where) = -1e-3;
      EXPECT_FALSE(cholesky_in_place(a)) << n << ' ' << where;
      a = Matrix::Identity(n, n);
      a(where, where) = 0;
      EXPECT_FALSE(cholesky_in_place(a)) << n << ' ' << where;
    }
    if (n > 1) {
      Matrix a = Matrix::Constant(n, n, 2) - Matrix::Identity(n, n);  // eigenvalue -1
      EXPECT_FALSE(cholesky_in_place(a)) << n;
    }
  }
}

TEST(Cholesky, WhatIsNotANumberIsInTheFactor) {
  for (const Index n : {1, 30, 200}) {
    Matrix a = 4 * Matrix::Identity(n, n);
    a(n - 1, 0) = std::numeric_limits<double>::quiet_NaN();
    ASSERT_TRUE(cholesky_in_place(a));
    EXPECT_TRUE(std::isnan(a(n - 1, n - 1)));
  }
}

TEST(Cholesky, IsTheSameOnAnyNumberOfThreads) {
  const Matrix a = positive_definite(700, 7);
  std::vector<Matrix> factors;
  for (const int threads : {1, 2, 3}) {
    factors.push_back(a);
    Matrix x = random_normals(700, 90, 8);
    with_threads(threads, [&] {
      EXPECT_TRUE(cholesky_in_place(factors.back()));
      solve_lower(factors.back(), x);
    });
    factors.back() = lower(factors.back());
    factors.back().rightCols(90) += x;
  }
  EXPECT_EQ(factors[0], factors[1]);
  EXPECT_EQ(factors[0], factors[2]);
}

}  // namespace
}  // namespace mfld
