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

}  // namespace
}  // namespace mfld
