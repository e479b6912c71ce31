#include "mfld/ntk/closed_forms.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld {
namespace {

constexpr double pi = std::numbers::pi;

void expect_relative(double got, double expected, double tolerance = 1e-12) {
  EXPECT_NEAR(got, expected, tolerance * std::abs(expected));
}

// ---- Three points of the unit circle under H^inf; numbers computed independently with 40-digit arithmetic

struct ThreePoints {
  Matrix kernel, test_kernel;
  Vector targets{{1, -0.5, 0.25}};

  ThreePoints() {
    Inputs x(3, 2);
    Inputs z(1, 2);
    const double angles[] = {0, pi / 3, 5 * pi / 6};
    for (Index i = 0; i < 3; ++i) {
      x.row(i) << std::cos(angles[i]), std::sin(angles[i]);
    }
    z << std::cos(pi / 8), std::sin(pi / 8);
    const auto convention = KernelConvention::two_layer_hidden();
    kernel = infinite_width_kernel(convention, Activation::relu, x).ntk;
    test_kernel = infinite_width_kernel(convention, Activation::relu, z, x).ntk;
  }
  Vector residual() const { return -targets; }
};

double half_mean_square(const Vector& r) { return r.squaredNorm() / (2 * static_cast<double>(r.size())); }

TEST(ClosedForms, ThreePointsOfTheCircle) {
  const ThreePoints p;
  const LinearisedTraining training(p.kernel);
  const auto check = [&](const SpectralFilter& filter, double loss, double output) {
    expect_relative(half_mean_square(training.residual(filter, p.residual())), loss);
    expect_relative((p.test_kernel * training.coefficients(filter, p.residual()))(0), output);
    expect_relative(-(training.response(filter, p.test_kernel) * p.residual())(0), output);
  };
  expect_relative(training.largest_stable_step(), 8.80254841704114407);
  check(training.descent(2, 1), 0.1304640908165151661957544, 0.1499900131834031485584139);
  check(training.descent(2, 10), 0.001713251089346911370914607, 0.4172962239216799654876902);
  check(training.descent(2, 100), 3.831969624211127371742644e-22, 0.4360740608665812830252673);
  check(training.flow(1), 0.1740721652468065567917525, 0.06823445812176368048913856);
  check(training.flow(20), 0.002902350547461133273006106, 0.4098166007497556324603227);
  expect_relative((p.test_kernel * training.coefficients(training.limit(), p.residual()))(0),
                  0.4360740608751798246593616);
  expect_relative(training.distance(training.limit(), p.residual()), std::sqrt(3.957989690447714256875074));
  const LinearisedTraining ridge(p.kernel, 0.01);
  expect_relative((p.test_kernel * ridge.coefficients(ridge.limit(), p.residual()))(0), 0.4089672047813877955641782);
}

// ---- Against explicit iteration in the parameters

struct LinearModel {
  Matrix jacobian, test_jacobian;  // [n x p], [m x p]
  Vector start_residual;

  LinearModel(Index n, Index m, Index p, unsigned seed) : jacobian(n, p), test_jacobian(m, p), start_residual(n) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (double& value : jacobian.reshaped()) {
      value = normal(engine);
    }
    for (double& value : test_jacobian.reshaped()) {
      value = normal(engine);
    }
    for (double& value : start_residual) {
      value = normal(engine);
    }
  }
  Matrix kernel() const { return jacobian * jacobian.transpose(); }
  Matrix test_kernel() const { return test_jacobian * jacobian.transpose(); }
  Matrix test_test_kernel() const { return test_jacobian * test_jacobian.transpose(); }
};

/// p > n: full rank; p < n: a kernel with a null space.
class ClosedFormsIteration : public testing::TestWithParam<std::pair<Index, double>> {};
INSTANTIATE_TEST_SUITE_P(Shapes, ClosedFormsIteration,
                         testing::Values(std::pair<Index, double>{12, 0.0}, std::pair<Index, double>{12, 0.3},
                                         std::pair<Index, double>{4, 0.0}, std::pair<Index, double>{4, 0.3}));

TEST_P(ClosedFormsIteration, DescentIsTheIterationOfTheParameters) {
  const auto [num_parameters, ridge] = GetParam();
  const LinearModel model(7, 3, num_parameters, 1);
  const LinearisedTraining training(model.kernel(), ridge);
  for (const double fraction : {0.1, 0.7, 0.95}) {  // the last one overshoots in the stiff directions
    const double step = fraction * training.largest_stable_step();
    Vector delta = Vector::Zero(num_parameters);
    Index done = 0;
    for (const Index num_steps : {0, 1, 2, 17, 1000}) {
      for (; done < num_steps; ++done) {
        const Vector residual = model.start_residual + model.jacobian * delta;
        delta -= step * (model.jacobian.transpose() * residual / 7 + ridge * delta);
      }
      const SpectralFilter filter = training.descent(step, num_steps);
      const Vector a = training.coefficients(filter, model.start_residual);
      EXPECT_LT((model.jacobian.transpose() * a - delta).norm(), 1e-11);
      EXPECT_LT(
          (training.residual(filter, model.start_residual) - model.start_residual - model.jacobian * delta).norm(),
          1e-11);
      EXPECT_LT((model.test_kernel() * a - model.test_jacobian * delta).norm(), 1e-10);
      EXPECT_NEAR(training.distance(filter, model.start_residual), delta.norm(), 1e-11);
    }
  }
}

TEST_P(ClosedFormsIteration, FlowIsTheLimitOfSmallStepsAndBothEndInTheLimit) {
  const auto [num_parameters, ridge] = GetParam();
  const LinearModel model(7, 3, num_parameters, 2);
  const LinearisedTraining training(model.kernel(), ridge);
  const double time = 0.5;
  const auto error = [&](Index steps) {
    return (training.descent(time / static_cast<double>(steps), steps).gain - training.flow(time).gain).norm();
  };
  EXPECT_NEAR(error(2000) / error(1000), 0.5, 0.01);  // first order
  EXPECT_LT((training.flow(1e9).gain - training.limit().gain).norm(), 1e-9 * training.limit().gain.norm());
  EXPECT_LT((training.descent(training.fastest_step(), 1000000000).gain - training.limit().gain).norm(),
            1e-9 * training.limit().gain.norm());
  if (ridge > 0) {
    const KernelRegression regression = KernelRegression::ridge(model.kernel(), -model.start_residual, ridge);
    EXPECT_LT((regression.predict(model.test_kernel()) -
               model.test_kernel() * training.coefficients(training.limit(), model.start_residual))
                  .norm(),
              1e-10);
  }
}

/// Cov(delta_{k+1}) = A Cov(delta_k) A + 2 T eta I in the parameters, A = (1 - eta ridge) I - eta J'J / n.
TEST_P(ClosedFormsIteration, NoisyCovarianceIsTheRecursionOfTheParameters) {
  const auto [num_parameters, ridge] = GetParam();
  const LinearModel model(7, 3, num_parameters, 3);
  const LinearisedTraining training(model.kernel(), ridge);
  const double temperature = 0.3;
  for (const double fraction : {0.05, 0.5, 0.95}) {
    const double step = fraction * training.largest_stable_step();
    const LinearisedLangevin langevin(training, step, temperature);
    const Matrix identity = Matrix::Identity(num_parameters, num_parameters);
    const Matrix a = (1 - step * ridge) * identity - step / 7 * model.jacobian.transpose() * model.jacobian;
    Matrix covariance = Matrix::Zero(num_parameters, num_parameters);
    Index done = 0;
    for (const Index num_steps : {0, 1, 2, 30, 400}) {
      for (; done < num_steps; ++done) {
        covariance = (a * covariance * a + 2 * temperature * step * identity).eval();
      }
      const auto close = [&](const Matrix& got, const Matrix& want) {
        EXPECT_LT((got - want).norm(), 1e-11 * (1 + want.norm())) << num_steps;
      };
      close(langevin.train_covariance(num_steps), model.jacobian * covariance * model.jacobian.transpose());
      close(langevin.cross_covariance(num_steps, model.test_kernel()),
            model.test_jacobian * covariance * model.jacobian.transpose());
      close(langevin.test_covariance(num_steps, model.test_kernel(), model.test_test_kernel()),
            model.test_jacobian * covariance * model.test_jacobian.transpose());
    }
  }
}

TEST(ClosedForms, NoisyStationaryVarianceOfOneDirection) {
  // u <- (1 - eta lambda) u + sqrt(2 T eta lambda) xi: T / (1 - eta lambda / 2).
  const LinearisedTraining training(Matrix::Constant(1, 1, 2.0));
  const LinearisedLangevin langevin(training, 0.4, 0.7);
  EXPECT_NEAR(langevin.train_covariance(100000)(0, 0), 0.7 / (1 - 0.4), 1e-12);
}

TEST(ClosedForms, EnsembleCovarianceIsThatOfTheLinearMapOfTheStart) {
  // f_t(x) = f_0(x) - B f_0(X) + B y with (f_0(X), f_0(x)) ~ N(0, nngp).
  const LinearModel model(5, 2, 9, 4);
  const LinearModel prior(5, 2, 11, 5);
  const LinearisedTraining training(model.kernel());
  const Matrix b = training.response(training.flow(0.7), model.test_kernel());
  Matrix map(2, 7);
  map << Matrix::Identity(2, 2), -b;
  Matrix stacked(7, 11);
  stacked << prior.test_jacobian, prior.jacobian;
  const Matrix want = map * stacked * stacked.transpose() * map.transpose();
  const Matrix got = ensemble_covariance(b, prior.test_test_kernel(), prior.test_kernel(), prior.kernel());
  const Vector variances =
      ensemble_variance(b, prior.test_test_kernel().diagonal(), prior.test_kernel(), prior.kernel());
  EXPECT_LT((variances - got.diagonal()).cwiseAbs().maxCoeff(), 1e-12 * got.diagonal().maxCoeff());
  EXPECT_LT((got - want).norm(), 1e-11 * want.norm());
}

TEST(ClosedForms, SaysWhatIsWrong) {
  const LinearisedTraining training(Matrix::Identity(2, 2) * 4);
  const auto refusal = [](const auto& body) -> std::string {
    try {
      body();
    } catch (const InvalidInput& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal([&] { training.descent(1.5, 3); }).find("below 2 / (lambda_max / n + ridge) = 1"),
            std::string::npos);
  EXPECT_NE(refusal([&] { training.descent(0, 3); }), "");
  EXPECT_NE(refusal([&] { training.descent(0.5, -1); }), "");
  EXPECT_NE(refusal([&] { training.flow(-1); }), "");
  EXPECT_NE(refusal([&] { LinearisedTraining(Matrix::Identity(2, 2), -1); }), "");
  EXPECT_NE(refusal([&] { LinearisedLangevin(training, 1.0, 0.1); }), "");
  EXPECT_NE(refusal([&] { LinearisedLangevin(training, 0.5, -0.1); }), "");
}

}  // namespace
}  // namespace mfld
