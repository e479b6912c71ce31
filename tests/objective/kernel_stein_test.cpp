#include "mfld/objective/kernel_stein.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/oracles/reference_values.hpp"
#include "support/pair_objective.hpp"

namespace mfld {
namespace {

template <std::size_t rows>
Matrix matrix_of(const double (&numbers)[rows][2]) {
  Matrix matrix(rows, 2);
  for (std::size_t i = 0; i < rows; ++i) {
    matrix.row(static_cast<Index>(i)) << numbers[i][0], numbers[i][1];
  }
  return matrix;
}

std::shared_ptr<const ScoreTarget> standard_normal(Index dimension) {
  return gaussian_mixture(Matrix::Zero(1, dimension), 1);
}

std::shared_ptr<const ScoreTarget> posterior(bool intercept = true) {
  const Matrix inputs = random_normals(20, 3, 21);
  const Vector labels = random_normals(20, 1, 22).unaryExpr([](double y) { return y > 0 ? 1.0 : -1.0; });
  return logistic_posterior(inputs, labels, 1.5, intercept);
}

struct Case {
  std::string name;
  std::shared_ptr<const ScoreTarget> target;
};

std::vector<Case> targets() {
  return {{"normal", standard_normal(3)},
          {"mixture", gaussian_mixture(random_normals(4, 2, 23), 0.8)},
          {"banana", banana(1.7, 0.3)},
          {"posterior", posterior()},
          {"posterior without intercept", posterior(false)}};
}

TEST(ScoreTarget, HasTheJacobianOfItsScore) {
  constexpr double h = 1e-5;
  for (const auto& [name, target] : targets()) {
    SCOPED_TRACE(name);
    const Index d = target->dimension();
    const Matrix points = random_normals(d, 6, 24);
    const Matrix vectors = random_normals(d, 6, 25);
    Matrix products(d, 6), ahead(d, 6), behind(d, 6);
    target->jacobian_products(points, vectors, products);
    target->scores(points + h * vectors, ahead);
    target->scores(points - h * vectors, behind);
    EXPECT_LE(largest(products - (ahead - behind) / (2 * h)), 1e-8 * (1 + largest(products)));
  }
}

TEST(ScoreTarget, HasTheScoreOfItsDensity) {
  const Matrix centres = random_normals(4, 2, 23);
  const auto log_density = [&](const std::string& name, const Vector& x) {
    if (name == "mixture") {
      double sum = 0;
      for (Index l = 0; l < 4; ++l) {
        sum += std::exp(-(centres.row(l).transpose() - x).squaredNorm() / (2 * 0.64));
      }
      return std::log(sum);
    }
    const double height = x[1] + 0.3 * (x[0] * x[0] - 1.7 * 1.7);
    return -x[0] * x[0] / (2 * 1.7 * 1.7) - height * height / 2;
  };
  constexpr double h = 1e-5;
  for (const Case& each : {Case{"mixture", gaussian_mixture(centres, 0.8)}, Case{"banana", banana(1.7, 0.3)}}) {
    const Matrix points = random_normals(2, 5, 26);
    Matrix scores(2, 5);
    each.target->scores(points, scores);
    for (Index j = 0; j < 5; ++j) {
      for (Index c = 0; c < 2; ++c) {
        const Vector step = h * Vector::Unit(2, c);
        const double slope =
            (log_density(each.name, points.col(j) + step) - log_density(each.name, points.col(j) - step)) / (2 * h);
        EXPECT_NEAR(scores(c, j), slope, 1e-8) << each.name;
      }
    }
  }
}

TEST(ScoreTarget, SumsOverTheSamplesOfThePosterior) {
  const Matrix inputs = (Matrix(2, 1) << 0.5, -2).finished();
  const Vector labels = (Vector(2) << 1, -1).finished();
  Matrix scores(2, 1);
  const Vector w = (Vector(2) << 0.3, -0.7).finished();  // slope, intercept
  logistic_posterior(inputs, labels, 2, true)->scores(w, scores);
  const double first = 1 / (1 + std::exp(0.3 * 0.5 - 0.7));
  const double second = 1 / (1 + std::exp(-(0.3 * -2 - 0.7)));
  EXPECT_NEAR(scores(0, 0), 0.5 * first + 2 * second - 0.3 / 4, 1e-15);
  EXPECT_NEAR(scores(1, 0), first - second + 0.7 / 4, 1e-15);
}

TEST(KernelStein, IsTheReferenceAndSoIsItsDrift) {
  const Particles<double> particles = matrix_of(reference::pair_particles);
  on_every_instruction_set([&] {
    KernelStein<double> stein(standard_normal(2), 1, 3);
    EXPECT_NEAR(stein.value(particles), reference::pair_ksd, 1e-14);
    EXPECT_LE(largest(drift_at(stein, particles) - matrix_of(reference::pair_ksd_gradient)), 1e-14);
    KernelStein<float> single(standard_normal(2), 1, 3);
    EXPECT_NEAR(single.value(particles.cast<float>()), reference::pair_ksd, 1e-6);
    EXPECT_LE(largest(drift_at(single, particles) - matrix_of(reference::pair_ksd_gradient)), 3e-6);
  });
}

/// W without the vector code.
double plain_value(const ScoreTarget& target, double width, const Particles<double>& particles) {
  const auto d = static_cast<double>(particles.cols());
  const double square = width * width;
  Matrix scores(particles.cols(), particles.rows());
  target.scores(particles.transpose(), scores);
  double sum = 0;
  for (Index j = 0; j < particles.rows(); ++j) {
    for (Index l = 0; l < particles.rows(); ++l) {
      const Vector difference = (particles.row(j) - particles.row(l)).transpose();
      const double k = std::exp(-difference.squaredNorm() / (2 * square));
      const Vector slope = -difference / square * k;  // in z_j
      sum += scores.col(j).dot(scores.col(l)) * k - scores.col(j).dot(slope) + scores.col(l).dot(slope) +
             (d / square - difference.squaredNorm() / (square * square)) * k;
    }
  }
  return sum / static_cast<double>(particles.rows() * particles.rows());
}

TEST(KernelStein, IsItsFormulaWhateverTheSizes) {
  on_every_instruction_set([&] {
    for (const Index n : {1, 2, 31, 33, 70}) {
      for (const auto& [name, target] : targets()) {
        const Particles<double> particles = random_normals(n, target->dimension(), 27);
        KernelStein<double> stein(target, 0.9, n);
        const double value = plain_value(*target, 0.9, particles);
        EXPECT_NEAR(stein.value(particles), value, 1e-13 * (1 + std::abs(value))) << name << ' ' << n;
      }
    }
  });
}

TEST(KernelStein, HasTheGradientOfItsValueAsItsDrift) {
  for (const auto& [name, target] : targets()) {
    SCOPED_TRACE(name);
    for (const Index n : {1, 35}) {
      KernelStein<double> stein(target, 1.1, n);
      expect_gradient_of_value(stein, random_normals(n, target->dimension(), 28), 1e-8);
    }
  }
}

TEST(KernelStein, IsUnbiasedOverBatchesOfSources) {
  KernelStein<double> stein(banana(1.5, 0.2), 1, 6);
  const Particles<double> particles = random_normals(6, 2, 29);
  expect_unbiased_batches(stein, particles, 2);
  expect_subtraction(stein, particles);
}

TEST(KernelStein, HasTheSameBitsOnAnyNumberOfThreads) {
  const Particles<double> particles = random_normals(301, 4, 30);
  KernelStein<double> stein(posterior(), 1, 301);
  expect_same_on_all_threads(stein, particles);
  KernelStein<float> single(posterior(), 1, 301);
  expect_same_on_all_threads(single, particles);
}

TEST(KernelStein, AgreesInBothPrecisions) {
  const Particles<double> particles = random_normals(150, 2, 31);
  KernelStein<double> wide(banana(1.5, 0.2), 1, 150);
  KernelStein<float> narrow(banana(1.5, 0.2), 1, 150);
  const Drift drift = drift_at(wide, particles);
  EXPECT_LE(largest(drift_at(narrow, particles) - drift), 1e-5 * (1 + largest(drift)));
  EXPECT_NEAR(narrow.value(particles.cast<float>()), wide.value(particles), 1e-5);
}

// E over independent draws of the target: W vanishes off the diagonal, so that R = E W(z, z) / N; z = 5 standard errors
// of 40 clouds.
TEST(KernelStein, OfDrawsOfTheTargetIsTheDiagonalAlone) {
  constexpr Index n = 200;
  constexpr int num_clouds = 40;
  KernelStein<double> stein(standard_normal(2), 1, n);
  Vector values(num_clouds);
  for (int cloud = 0; cloud < num_clouds; ++cloud) {
    values[cloud] = stein.value(random_normals(n, 2, 100 + static_cast<unsigned>(cloud)));
  }
  const double expected = (2.0 + 2.0) / n;  // E |s|^2 + d / width^2
  const double error = std::sqrt((values.array() - values.mean()).square().sum() / (num_clouds * (num_clouds - 1)));
  EXPECT_NEAR(values.mean(), expected, 5 * error);
  EXPECT_LT(error, 0.2 * expected);
}

}  // namespace
}  // namespace mfld
