#include "mfld/ntk/kernel_regression.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/ntk/infinite_width.hpp"

namespace mfld {
namespace {

struct Problem {
  Inputs inputs, test_inputs;
  Vector targets;
  Matrix kernel, test_kernel, test_test_kernel;

  explicit Problem(Index n) : inputs(n, 3), test_inputs(4, 3), targets(n) {
    std::mt19937_64 engine(1);
    std::normal_distribution<double> normal;
    for (Inputs* x : {&inputs, &test_inputs}) {
      for (double& value : x->reshaped()) {
        value = normal(engine);
      }
    }
    for (double& value : targets) {
      value = normal(engine);
    }
    const auto convention = KernelConvention::lee(3, 1.5, 0.1, 3);
    kernel = infinite_width_kernel(convention, Activation::relu, inputs).ntk;
    test_kernel = infinite_width_kernel(convention, Activation::relu, test_inputs, inputs).ntk;
    test_test_kernel = infinite_width_kernel(convention, Activation::relu, test_inputs).ntk;
  }
};

TEST(KernelRegression, RidgeAndProcessAreTheFormulaByDirectSolution) {
  const Problem p(20);
  for (const double ridge : {0.0, 1e-3, 0.5}) {
    const double diagonal = 20 * ridge;
    const Matrix inverse = (p.kernel + diagonal * Matrix::Identity(20, 20)).inverse();
    const KernelRegression regression = KernelRegression::ridge(p.kernel, p.targets, ridge);
    const KernelRegression process = KernelRegression::gaussian_process(p.kernel, p.targets, diagonal);
    const Vector mean = p.test_kernel * inverse * p.targets;
    const Posterior posterior = process.posterior(p.test_kernel, p.test_test_kernel.diagonal());
    EXPECT_LT((regression.predict(p.test_kernel) - mean).norm(), 1e-9 * mean.norm());
    EXPECT_LT((posterior.mean - mean).norm(), 1e-9 * mean.norm());
    const Matrix response = p.test_kernel * inverse;
    EXPECT_LT((regression.response(p.test_kernel) - response).norm(), 1e-9 * response.norm());
    const Vector variance =
        p.test_test_kernel.diagonal() - (p.test_kernel * inverse * p.test_kernel.transpose()).diagonal();
    EXPECT_LT((posterior.variance - variance).norm(), 1e-9 * variance.norm());
    const double log_determinant = std::log((p.kernel + diagonal * Matrix::Identity(20, 20)).determinant());
    EXPECT_NEAR(process.negative_log_likelihood(),
                (p.targets.dot(inverse * p.targets) + log_determinant + 20 * std::log(2 * std::numbers::pi)) / 2, 1e-7);
  }
}

TEST(KernelRegression, RidgelessInterpolatesWithNoVarianceLeft) {
  const Problem p(15);
  const KernelRegression regression = KernelRegression::ridge(p.kernel, p.targets, 0);
  const Posterior at_data = regression.posterior(p.kernel, p.kernel.diagonal());
  EXPECT_LT((at_data.mean - p.targets).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_LT(at_data.variance.maxCoeff(), 1e-10);
  EXPECT_EQ(KernelSpectrum(p.kernel).rank(), 15);
}

TEST(KernelRegression, OnePointByHand) {
  const KernelRegression r =
      KernelRegression::gaussian_process(Matrix::Constant(1, 1, 2.0), Vector::Constant(1, 3.0), 1.0);
  const Posterior p = r.posterior(Matrix::Constant(1, 1, 0.5), Vector::Constant(1, 0.7));
  EXPECT_DOUBLE_EQ(p.mean(0), 0.5);
  EXPECT_DOUBLE_EQ(p.variance(0), 0.7 - 0.25 / 3);
}

TEST(KernelRegression, DirectionsBelowRoundingAreDropped) {
  const Vector v = Vector::LinSpaced(6, 1, 2);
  const Matrix rank_one = v * v.transpose();
  const KernelSpectrum spectrum(rank_one);
  EXPECT_EQ(spectrum.rank(), 1);
  EXPECT_NEAR(spectrum.eigenvalues()(0), v.squaredNorm(), 1e-12);
  EXPECT_EQ(KernelSpectrum(Matrix::Zero(3, 3)).rank(), 0);
}

std::string refusal(const Matrix& kernel, double ridge) {
  try {
    KernelRegression::ridge(kernel, Vector::Ones(kernel.rows()), ridge);
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

TEST(KernelRegression, DuplicateInputsAreNamedUnlessThereIsARidge) {
  Problem p(10);
  p.inputs.row(7) = p.inputs.row(2);
  const Matrix duplicate = infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, p.inputs).ntk;
  const std::string text = refusal(duplicate, 0);
  EXPECT_NE(text.find("inputs 2 and 7"), std::string::npos) << text;
  EXPECT_NE(text.find("positive ridge"), std::string::npos) << text;
  EXPECT_EQ(refusal(duplicate, 1e-6), "");
  p.inputs.row(7) *= 3;  // parallel: as singular under a homogeneous kernel
  EXPECT_NE(refusal(infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, p.inputs).ntk, 0), "");
  p.inputs.row(7).setZero();
  EXPECT_NE(
      refusal(infinite_width_kernel(KernelConvention::two_layer(), Activation::relu, p.inputs).ntk, 0).find("input 7"),
      std::string::npos);
}

TEST(KernelRegression, RefusesWhatIsNoKernel) {
  EXPECT_NE(refusal(Matrix::Ones(3, 2), 1).find("3 x 2"), std::string::npos);
  EXPECT_NE(refusal(Matrix(0, 0), 1), "");
  Matrix k = Matrix::Identity(3, 3);
  k(1, 2) = 0.5;
  EXPECT_NE(refusal(k, 1).find("not symmetric"), std::string::npos);
  k(2, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(refusal(k, 1).find("(2, 1)"), std::string::npos);
  EXPECT_NE(refusal(-Matrix::Identity(3, 3), 0.1), "");
  EXPECT_NE(refusal(Matrix::Identity(3, 3), -1), "");
  EXPECT_NE(refusal(Matrix::Identity(3, 3), std::numeric_limits<double>::infinity()), "");
  EXPECT_THROW(KernelSpectrum(-Matrix::Identity(3, 3)), InvalidInput);
  EXPECT_THROW(KernelRegression::ridge(Matrix::Identity(3, 3), Vector::Ones(2), 1), InvalidInput);
  const KernelRegression r = KernelRegression::ridge(Matrix::Identity(3, 3), Vector::Ones(3), 1);
  EXPECT_THROW(r.predict(Matrix::Ones(2, 4)), InvalidInput);
  EXPECT_THROW(r.posterior(Matrix::Ones(2, 3), Vector::Ones(3)), InvalidInput);
}

}  // namespace
}  // namespace mfld
