#include "mfld/task/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace mfld;

// Statistics below reject at z = 5: a false alarm in 1.7 million runs of each.
constexpr double z_score = 5;

TEST(Sampling, IsAFunctionOfSeedPurposeAndIndex) {
  const Vector x = gaussian_vector(3, Purpose::train_input, 7, 6);
  EXPECT_EQ(x, gaussian_vector(3, Purpose::train_input, 7, 6));
  EXPECT_NE(x, gaussian_vector(4, Purpose::train_input, 7, 6));
  EXPECT_NE(x, gaussian_vector(3, Purpose::test_input, 7, 6));
  EXPECT_NE(x, gaussian_vector(3, Purpose::train_input, 8, 6));
}

TEST(Sampling, SphereVectorsHaveTheRadius) {
  for (const Index dim : {1, 2, 3, 4, 17}) {
    for (Index i = 0; i < 50; ++i) {
      EXPECT_NEAR(sphere_vector(1, Purpose::train_input, i, dim, 2.5).norm(), 2.5, 1e-14) << dim;
    }
  }
}

TEST(Sampling, CubeCornersHaveUnitEntries) {
  const Vector corner = cube_corner(1, Purpose::train_input, 0, 1000);
  EXPECT_EQ(corner.cwiseAbs(), Vector::Ones(1000));
  EXPECT_LT(std::abs(corner.sum()), z_score * std::sqrt(1000.0));
}

// E x x^T = radius^2 / d on the sphere; each coordinate squared has variance at most its mean times radius^2.
TEST(Sampling, SphereIsIsotropic) {
  const Index n = 20000;
  const Index d = 4;
  Matrix second_moment = Matrix::Zero(d, d);
  Vector mean = Vector::Zero(d);
  for (Index i = 0; i < n; ++i) {
    const Vector x = sphere_vector(5, Purpose::train_input, i, d, 1);
    second_moment += x * x.transpose() / static_cast<double>(n);
    mean += x / static_cast<double>(n);
  }
  // Var x_1^2 = 3 / (d (d + 2)) - 1 / d^2 = 1/16, Var x_1 x_2 = 1 / (d (d + 2)) = 1/24, Var x_1 = 1/4.
  const double root_n = std::sqrt(static_cast<double>(n));
  for (Index k = 0; k < d; ++k) {
    EXPECT_NEAR(second_moment(k, k), 0.25, z_score * 0.25 / root_n);
    EXPECT_NEAR(mean[k], 0, z_score * 0.5 / root_n);
    EXPECT_NEAR(second_moment(k, (k + 1) % d), 0, z_score * std::sqrt(1.0 / 24) / root_n);
  }
}

TEST(Haar, ColumnsAreOrthonormal) {
  for (const Index dim : {1, 2, 5, 40, 150}) {
    const Matrix q = haar_columns(2, dim, dim);
    EXPECT_LT((q.transpose() * q - Matrix::Identity(dim, dim)).cwiseAbs().maxCoeff(), 1e-13) << dim;
  }
}

// Q^T G = R with a positive diagonal determines Q, and with it the invariance of its law.
TEST(Haar, IsTheQFactorWithPositiveDiagonal) {
  const Index dim = 12;
  const Matrix q = haar_columns(9, dim, dim);
  Matrix gaussian(dim, dim);
  for (Index c = 0; c < dim; ++c) {
    gaussian.col(c) = gaussian_vector(9, Purpose::rotation, c, dim);
  }
  const Matrix r = q.transpose() * gaussian;
  for (Index i = 0; i < dim; ++i) {
    EXPECT_GT(r(i, i), 0);
    for (Index j = 0; j < i; ++j) {
      EXPECT_NEAR(r(i, j), 0, 1e-13);
    }
  }
}

TEST(Haar, FirstColumnsDoNotDependOnHowManyAreAsked) {
  const Matrix all = haar_columns(4, 20, 20);
  EXPECT_LT((haar_columns(4, 20, 3) - all.leftCols(3)).cwiseAbs().maxCoeff(), 1e-13);
}

// On O(d): E tr Q = 0, E (tr Q)^2 = 1, E (tr Q)^4 = 3 for d >= 2 (Diaconis & Shahshahani, 1994). A missing sign
// condition makes every Q_11 negative.
TEST(Haar, TraceHasTheMomentsOfTheOrthogonalGroup) {
  const int n = 4000;
  double first = 0;
  double second = 0;
  double entry = 0;
  for (int seed = 0; seed < n; ++seed) {
    const Matrix q = haar_columns(static_cast<std::uint64_t>(seed), 5, 5);
    first += q.trace() / n;
    second += q.trace() * q.trace() / n;
    entry += q(0, 0) / n;
  }
  EXPECT_NEAR(first, 0, z_score / std::sqrt(n));
  EXPECT_NEAR(second, 1, z_score * std::sqrt(2.0 / n));
  EXPECT_NEAR(entry, 0, z_score * std::sqrt(0.2 / n));
}

TEST(LabelNoise, HasTheLawAndLevelAsked) {
  const Index n = 40000;
  double uniform_square = 0;
  double gaussian_square = 0;
  double uniform_sum = 0;
  double largest = 0;
  for (Index i = 0; i < n; ++i) {
    const double uniform = draw_label_noise(LabelNoise::uniform, 0.3, 1, Purpose::train_label, i);
    const double gaussian = draw_label_noise(LabelNoise::gaussian, 0.3, 1, Purpose::train_label, i);
    uniform_square += uniform * uniform / static_cast<double>(n);
    gaussian_square += gaussian * gaussian / static_cast<double>(n);
    uniform_sum += uniform / static_cast<double>(n);
    largest = std::max(largest, std::abs(uniform));
  }
  const double root_n = std::sqrt(static_cast<double>(n));
  // Unif(-a, a): E u^2 = a^2 / 3, Var u^2 = 4 a^4 / 45. N(0, a^2): Var g^2 = 2 a^4.
  EXPECT_NEAR(uniform_square, 0.03, z_score * 0.09 * std::sqrt(4.0 / 45) / root_n);
  EXPECT_NEAR(gaussian_square, 0.09, z_score * 0.09 * std::sqrt(2.0) / root_n);
  EXPECT_NEAR(uniform_sum, 0, z_score * std::sqrt(0.03) / root_n);
  EXPECT_LE(largest, 0.3);
  EXPECT_GT(largest, 0.299);  // missed with probability (1 - 1/300)^40000 < 1e-57
}

TEST(LabelNoise, OfLevelZeroIsZero) {
  for (const LabelNoise law : {LabelNoise::none, LabelNoise::uniform, LabelNoise::gaussian}) {
    EXPECT_EQ(draw_label_noise(law, 0, 1, Purpose::train_label, 0), 0);
  }
}

}  // namespace
