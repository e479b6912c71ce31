// Eigenvalues of matrices whose spectra are known, and those of another algorithm.
#include "mfld/linear/eigenvalues.hpp"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_normals.hpp"

namespace mfld {
namespace {

// Around every panel, strip and number of tasks.
const std::vector<Index> sizes = {1, 2, 3, 4, 5, 9, 31, 32, 33, 34, 56, 57, 64, 65, 97, 150, 256, 520, 777};

/// Rounding of the reduction, in units of the largest absolute eigenvalue.
double tolerance(Index n) { return static_cast<double>(n + 10) * std::numeric_limits<double>::epsilon(); }

void expect_spectrum(const Matrix& matrix, Vector expected) {
  std::sort(expected.begin(), expected.end());
  Matrix below = matrix;
  below.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  const Vector values = symmetric_eigenvalues(below);
  ASSERT_EQ(values.size(), matrix.rows());
  EXPECT_LE((values - expected).cwiseAbs().maxCoeff(), tolerance(matrix.rows()) * expected.cwiseAbs().maxCoeff())
      << matrix.rows();
}

/// 2 - 2 cos(k pi / (n + 1)) of second differences.
TEST(SymmetricEigenvalues, OfSecondDifferences) {
  for (const Index n : sizes) {
    Matrix a = 2 * Matrix::Identity(n, n);
    a.diagonal(-1).setConstant(-1);
    a.diagonal(1).setConstant(-1);
    expect_spectrum(a, Vector::NullaryExpr(n, [n](Index k) {
                      return 2 -
                             2 * std::cos(static_cast<double>(k + 1) * std::numbers::pi / static_cast<double>(n + 1));
                    }));
  }
}

/// 1 / (4 sin((2k - 1) pi / (2 (2n + 1)))^2) of min(i, j): a dense matrix, the inverse of second differences.
TEST(SymmetricEigenvalues, OfTheCovarianceOfBrownianMotion) {
  on_every_instruction_set([] {
    for (const Index n : sizes) {
      const Matrix a =
          Matrix::NullaryExpr(n, n, [](Index i, Index j) { return static_cast<double>(std::min(i, j) + 1); });
      expect_spectrum(a, Vector::NullaryExpr(n, [n](Index k) {
                        const double sine = std::sin(static_cast<double>(2 * k + 1) * std::numbers::pi /
                                                     (2 * static_cast<double>(2 * n + 1)));
                        return 1 / (4 * sine * sine);
                      }));
    }
  });
}

/// Many equal eigenvalues, of both signs, in a basis at random.
TEST(SymmetricEigenvalues, OfRotatedDiagonals) {
  for (const Index n : sizes) {
    const Matrix q = Eigen::HouseholderQR<Matrix>(random_normals(n, n, 4)).householderQ();
    const Vector values = Vector::NullaryExpr(n, [](Index k) { return static_cast<double>(k % 5) - 2; });
    expect_spectrum(q * values.asDiagonal() * q.transpose(), values);
  }
}

TEST(SymmetricEigenvalues, AreThoseOfAnotherAlgorithm) {
  on_every_instruction_set([] {
    for (const Index n : sizes) {
      const Matrix x = random_normals(n, n, 5);
      const Matrix a = x + x.transpose();
      expect_spectrum(a, Eigen::SelfAdjointEigenSolver<Matrix>(a, Eigen::EigenvaluesOnly).eigenvalues());
    }
  });
}

TEST(SymmetricEigenvalues, OfNothingAndOfZero) {
  EXPECT_EQ(symmetric_eigenvalues(Matrix(0, 0)).size(), 0);
  EXPECT_EQ(symmetric_eigenvalues(Matrix::Zero(40, 40)), Vector::Zero(40));
  EXPECT_EQ(symmetric_eigenvalues(Matrix::Identity(300, 300)), Vector::Ones(300));
}

TEST(SymmetricEigenvalues, OfVeryLargeAndVerySmallMatrices) {
  const Matrix x = random_normals(50, 50, 6);
  const Matrix a = x * x.transpose();
  const Vector values = symmetric_eigenvalues(a);
  for (const double scale : {1e-300, 1e-200, 1e200, 1e300}) {
    const Vector scaled = symmetric_eigenvalues(scale * a) / scale;
    EXPECT_LE((scaled - values).cwiseAbs().maxCoeff(), tolerance(50) * values(49)) << scale;
  }
}

/// A power of 2 changes no digit of a matrix, and none of its eigenvalues.
TEST(SymmetricEigenvalues, ScaleWithTheMatrix) {
  for (const Index n : {2, 50, 150}) {
    const Matrix x = random_normals(n, n, 6);
    const Matrix a = x + x.transpose();
    const Vector values = symmetric_eigenvalues(a);
    for (const int exponent : {-900, -130, -60, -20, 20, 60, 130, 900}) {
      const double scale = std::ldexp(1.0, exponent);
      EXPECT_EQ(symmetric_eigenvalues(scale * a), scale * values) << n << " 2^" << exponent;
    }
  }
}

TEST(SymmetricEigenvalues, AreNotNumbersWhereTheMatrixIsNot) {
  for (const double wrong : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix a = Matrix::Identity(70, 70);
    a(40, 20) = wrong;
    EXPECT_TRUE(symmetric_eigenvalues(a).array().isNaN().all());
  }
}

TEST(SymmetricEigenvalues, AreTheSameOnAnyNumberOfThreads) {
  const Matrix x = random_normals(900, 900, 7);
  const Matrix a = x + x.transpose();
  std::vector<Vector> values;
  for (const int threads : {1, 2, 3}) {
    values.push_back(with_threads(threads, [&] { return symmetric_eigenvalues(a); }));
  }
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(values[0], values[2]);
}

/// A rotated diagonal matrix, whose eigenvalues are known.
Matrix rotated(const Vector& values) {
  const Index n = values.size();
  const Matrix q = Eigen::HouseholderQR<Matrix>(random_normals(n, n, 8)).householderQ();
  return q * values.asDiagonal() * q.transpose();
}

/// What the leading ones are allowed to err by, in units of the norm of Frobenius.
double leading_tolerance(Index n) { return 4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon(); }

void expect_leading(const Matrix& matrix, Index count) {
  Matrix below = matrix;
  below.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  const Vector values = leading_eigenvalues(below, count);
  ASSERT_EQ(values.size(), count);
  if (count == 0) {
    return;
  }
  const Vector all = symmetric_eigenvalues(matrix).reverse();
  EXPECT_LE((values - all.head(count)).cwiseAbs().maxCoeff(), leading_tolerance(matrix.rows()) * matrix.norm())
      << matrix.rows() << ' ' << count;
}

/// Around the size from which they are sought by themselves, and the share of all that they may be.
TEST(LeadingEigenvalues, AreTheLargestOfAll) {
  on_every_instruction_set([] {
    for (const Index n : {1, 7, 399, 400, 610}) {
      const Matrix x = random_normals(n, n, 9);
      const Matrix kernel = x * x.transpose();
      for (const Index count : {Index{0}, Index{1}, std::min<Index>(n, 5), n / 25, std::min(n, n / 25 + 1), n}) {
        expect_leading(kernel, count);
        expect_leading(x + x.transpose(), count);  // of both signs
      }
    }
  });
}

/// 1 / (4 sin((2k - 1) pi / (2 (2n + 1)))^2) of min(i, j), which fall as 1 / k^2.
TEST(LeadingEigenvalues, OfTheCovarianceOfBrownianMotion) {
  const Index n = 700;
  const Matrix a = Matrix::NullaryExpr(n, n, [](Index i, Index j) { return static_cast<double>(std::min(i, j) + 1); });
  const Vector values = leading_eigenvalues(a, 25);
  for (Index k = 0; k < 25; ++k) {
    const double sine =
        std::sin(static_cast<double>(2 * k + 1) * std::numbers::pi / (2 * static_cast<double>(2 * n + 1)));
    EXPECT_NEAR(values(k), 1 / (4 * sine * sine), leading_tolerance(n) * a.norm()) << k;
  }
}

/// Where eigenvalues are equal an iteration from one vector sees one of them, and the factor shows that others are
/// missing.
TEST(LeadingEigenvalues, AreNotMissedWhereTheyAreEqual) {
  const Index n = 500;
  Vector values = Vector::Constant(n, 1);
  expect_leading(Matrix(values.asDiagonal()), 20);
  expect_leading(rotated(values), 20);
  values.head(3).setConstant(5);
  values.segment(3, 12).setConstant(3);
  expect_leading(rotated(values), 3);
  expect_leading(rotated(values), 10);
  expect_leading(rotated(values), 20);
  values = Vector::NullaryExpr(n, [](Index k) { return std::pow(0.9, static_cast<double>(k / 4)); });
  expect_leading(rotated(values), 20);
}

TEST(LeadingEigenvalues, OfMatricesOfLowRankAndOfZero) {
  const Index n = 600;
  const Matrix x = random_normals(n, 12, 10);
  for (const Index count : {5, 12, 24}) {
    expect_leading(x * x.transpose(), count);
  }
  EXPECT_EQ(leading_eigenvalues(Matrix::Zero(n, n), 10), Vector::Zero(10));
}

/// A power of 2 changes no digit; not numbers stay such.
TEST(LeadingEigenvalues, OfVeryLargeAndVerySmallMatrices) {
  const Index n = 420;
  const Matrix a = rotated(Vector::NullaryExpr(n, [](Index k) { return 1 / static_cast<double>((k + 1) * (k + 1)); }));
  const Vector values = leading_eigenvalues(a, 16);
  for (const int exponent : {-900, -60, 60, 900}) {
    EXPECT_EQ(leading_eigenvalues(std::ldexp(1.0, exponent) * a, 16), std::ldexp(1.0, exponent) * values) << exponent;
  }
  Matrix wrong = a;
  wrong(400, 20) = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(leading_eigenvalues(wrong, 16).array().isNaN().all());
}

/// And not to the last bit those of the reduction of the whole matrix, which would be no test of the iteration.
TEST(LeadingEigenvalues, AreTheSameOnAnyNumberOfThreads) {
  const Index n = 900;
  const Matrix a = rotated(Vector::NullaryExpr(n, [](Index k) { return std::exp(-0.05 * static_cast<double>(k)); }));
  std::vector<Vector> values;
  for (const int threads : {1, 2, 3}) {
    values.push_back(with_threads(threads, [&] { return leading_eigenvalues(a, 30); }));
  }
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(values[0], values[2]);
  EXPECT_NE(values[0], symmetric_eigenvalues(a).tail(30).reverse());
}

}  // namespace
}  // namespace mfld
