#include "mfld/objective/mmd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/oracles/reference_values.hpp"
#include "support/pair_objective.hpp"

namespace mfld {
namespace {

using reference::pair_particles;
using reference::pair_points;

template <std::size_t rows>
Matrix matrix_of(const double (&numbers)[rows][2]) {
  Matrix matrix(rows, 2);
  for (std::size_t i = 0; i < rows; ++i) {
    matrix.row(static_cast<Index>(i)) << numbers[i][0], numbers[i][1];
  }
  return matrix;
}

const MmdOptions torus = {.kernel = MmdKernel::torus};

/// k smoothed by N(0, variance I), without the vector code.
double plain_kernel(const MmdOptions& options, double variance, const Eigen::VectorXd& difference) {
  if (options.kernel == MmdKernel::gaussian) {
    const double square = options.width * options.width;
    return std::pow(square / (square + variance), static_cast<double>(difference.size()) / 2) *
           std::exp(-difference.squaredNorm() / (2 * (square + variance)));
  }
  double product = 1;
  for (const double t : difference) {
    double factor = 1;
    for (int m = 1; m <= 5; ++m) {
      factor += 2 * std::exp(-variance * m * m / 2) * std::cos(m * t) / (1 + m);
    }
    product *= factor;
  }
  return product;
}

double plain_mean(const MmdOptions& options, double variance, const Matrix& left, const Matrix& right) {
  double sum = 0;
  for (Index j = 0; j < left.rows(); ++j) {
    for (Index l = 0; l < right.rows(); ++l) {
      sum += plain_kernel(options, variance, left.row(j) - right.row(l));
    }
  }
  return sum / static_cast<double>(left.rows() * right.rows());
}

double plain_value(const MmdOptions& options, const Matrix& particles, const Matrix& points) {
  const double variance = options.smoothing * options.smoothing;
  return plain_mean(options, 2 * variance, particles, particles) -
         2 * plain_mean(options, variance, particles, points) + plain_mean(options, 0, points, points);
}

TEST(Mmd, IsTheReferenceAndSoIsItsDrift) {
  const Inputs points = matrix_of(pair_points);
  const Particles<double> particles = matrix_of(pair_particles);
  on_every_instruction_set([&] {
    Mmd<double> mmd({.width = 1, .smoothing = reference::pair_smoothing}, points);
    EXPECT_NEAR(mmd.value(particles), reference::pair_mmd, 1e-14);
    EXPECT_LE(largest(drift_at(mmd, particles) - matrix_of(reference::pair_mmd_gradient)), 1e-14);
    Mmd<float> single({.width = 1, .smoothing = reference::pair_smoothing}, points);
    EXPECT_NEAR(single.value(particles.cast<float>()), reference::pair_mmd, 1e-6);
    EXPECT_LE(largest(drift_at(single, particles) - matrix_of(reference::pair_mmd_gradient)), 1e-6);
  });
}

// Numbers of particles and points around the sizes of vectors, strips and tiles, in one dimension and in many.
TEST(Mmd, IsItsFormulaWhateverTheSizes) {
  on_every_instruction_set([&] {
    for (const auto& [num_particles, num_points, dimension] :
         std::vector<std::array<Index, 3>>{{1, 1, 1}, {1, 3, 2}, {5, 31, 3}, {32, 32, 1}, {33, 65, 10}, {70, 4, 2}}) {
      const Particles<double> particles = random_normals(num_particles, dimension, 1);
      const Inputs points = random_normals(num_points, dimension, 2);
      for (const MmdOptions& options : {MmdOptions{.width = 1.3, .smoothing = 0.4}, MmdOptions{.width = 0.7}, torus,
                                        MmdOptions{.kernel = MmdKernel::torus, .smoothing = 0.3}}) {
        Mmd<double> mmd(options, points);
        const double value = plain_value(options, particles, points);
        const double scale = plain_kernel(options, 0, Eigen::VectorXd::Zero(dimension));
        EXPECT_NEAR(mmd.value(particles), value, 1e-13 * scale) << num_particles << ' ' << num_points;
      }
    }
  });
}

TEST(Mmd, HasTheGradientOfItsValueAsItsDrift) {
  const Inputs points = random_normals(9, 3, 3);
  Mmd<double> gaussian({.width = 1.1, .smoothing = 0.2}, points);
  expect_gradient_of_value(gaussian, random_normals(35, 3, 4), 1e-9);
  Mmd<double> periodic(torus, points);
  expect_gradient_of_value(periodic, random_normals(35, 3, 4), 1e-8);
  expect_gradient_of_value(periodic, random_normals(1, 3, 4), 1e-8);
}

TEST(Mmd, IsUnbiasedOverBatchesOfPoints) {
  const Inputs points = random_normals(6, 2, 5);
  for (const MmdOptions& options : {MmdOptions{.smoothing = 0.3}, torus}) {
    Mmd<double> mmd(options, points);
    expect_unbiased_batches(mmd, random_normals(7, 2, 6), 2);
    expect_subtraction(mmd, random_normals(7, 2, 6));
  }
}

TEST(Mmd, HasTheSameBitsOnAnyNumberOfThreads) {
  const Inputs points = random_normals(100, 2, 7);
  Mmd<double> mmd(torus, points);
  expect_same_on_all_threads(mmd, random_normals(301, 2, 8));
  Mmd<float> single({.width = 2}, points);
  expect_same_on_all_threads(single, random_normals(301, 2, 8));
}

TEST(Mmd, IsZeroAtThePointsThemselves) {
  const Inputs points = random_normals(40, 2, 9);
  for (const MmdOptions& options : {MmdOptions{}, torus}) {
    Mmd<double> mmd(options, points);
    EXPECT_NEAR(mmd.value(points), 0, 1e-13);
    EXPECT_LE(largest(drift_at(mmd, points)), 1e-13);
  }
}

TEST(Mmd, OfATorusDoesNotSeeWholeTurns) {
  const Inputs points = random_normals(5, 2, 10);
  const Particles<double> particles = random_normals(4, 2, 11);
  Mmd<double> mmd(torus, points);
  Particles<double> turned = particles;
  turned.col(0).array() += 2 * std::numbers::pi;
  EXPECT_NEAR(mmd.value(turned), mmd.value(particles), 1e-12);
  EXPECT_LE(largest(drift_at(mmd, turned) - drift_at(mmd, particles)), 1e-11);
}

TEST(Mmd, FarParticlesFeelNothingAndLostOnesAreSeen) {
  const Inputs points = random_normals(5, 2, 12);
  Mmd<double> mmd({.width = 1}, points);
  Particles<double> particles = random_normals(3, 2, 13);
  particles.row(1).setConstant(1e200);
  EXPECT_TRUE(drift_at(mmd, particles).allFinite());
  particles(1, 0) = std::nan("");
  EXPECT_TRUE(std::isnan(mmd.value(particles)));
  EXPECT_TRUE(std::isnan(drift_at(mmd, particles)(1, 0)));
}

TEST(Mmd, AgreesInBothPrecisions) {
  const Inputs points = random_normals(200, 2, 14);
  const Particles<double> particles = random_normals(150, 2, 15);
  for (const MmdOptions& options : {MmdOptions{.smoothing = 0.1}, torus}) {
    Mmd<double> wide(options, points);
    Mmd<float> narrow(options, points);
    const Drift drift = drift_at(wide, particles);
    EXPECT_LE(largest(drift_at(narrow, particles) - drift), 3e-6 * (1 + 100 * largest(drift)));
    EXPECT_NEAR(narrow.value(particles.cast<float>()), wide.value(particles), 1e-5);
  }
}

TEST(Mmd, SaysWhatItIs) {
  const Inputs points = random_normals(5, 2, 16);
  const std::string words = Mmd<double>({.width = 0.5, .smoothing = 0.25}, points).describe(7);
  EXPECT_NE(words.find("N(0, 0.25^2 I) * mu"), std::string::npos) << words;
  EXPECT_NE(words.find("exp(-|x - z|^2 / (2 0.5^2))"), std::string::npos) << words;
}

}  // namespace
}  // namespace mfld
