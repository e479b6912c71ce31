#include "mfld/ntk/kernel_regression.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <numbers>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

constexpr double rounding = 1e-12;  // relative to the largest eigenvalue, or of a squared cosine to 1

void check_kernel(const Matrix& kernel) {
  if (kernel.rows() != kernel.cols() || kernel.rows() == 0) {
    throw InvalidInput(
        fmt::format("the kernel is {} x {}: it must be square and not empty", kernel.rows(), kernel.cols()));
  }
  if (!kernel.allFinite()) {
    for (Index j = 0; j < kernel.cols(); ++j) {
      for (Index i = 0; i < kernel.rows(); ++i) {
        if (!std::isfinite(kernel(i, j))) {
          throw InvalidInput(
              fmt::format("entry ({}, {}) of the kernel is {}: every entry must be finite", i, j, kernel(i, j)));
        }
      }
    }
  }
  const double largest = kernel.cwiseAbs().maxCoeff();
  Index i = 0;
  Index j = 0;
  if ((kernel - kernel.transpose()).cwiseAbs().maxCoeff(&i, &j) > 1e-10 * largest) {
    throw InvalidInput(fmt::format("the kernel is not symmetric: entry ({}, {}) is {} and entry ({}, {}) is {}", i, j,
                                   kernel(i, j), j, i, kernel(j, i)));
  }
}

void check_size(const Matrix& kernel, const Vector& targets) {
  if (targets.size() != kernel.rows()) {
    throw InvalidInput(
        fmt::format("the kernel has {} rows and there are {} targets: they must agree", kernel.rows(), targets.size()));
  }
  if (!targets.allFinite()) {
    throw InvalidInput("the targets of the kernel regression are not all finite");
  }
}

}  // namespace

KernelSpectrum::KernelSpectrum(const Matrix& kernel) {
  check_kernel(kernel);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(kernel);
  if (solver.info() != Eigen::Success) {
    throw InvalidInput("the eigendecomposition of the kernel did not converge");
  }
  const Vector& ascending = solver.eigenvalues();
  const double largest = std::max(std::abs(ascending(0)), ascending(ascending.size() - 1));
  if (ascending(0) < -1e-10 * largest) {
    throw InvalidInput(fmt::format("the kernel has the eigenvalue {}: it must be positive semidefinite", ascending(0)));
  }
  rank_ = (ascending.array() > rounding * largest).count();
  values_ = ascending.tail(rank_).reverse();
  vectors_ = solver.eigenvectors().rightCols(rank_).rowwise().reverse();
}

void check_interpolates(const Matrix& kernel) {
  check_kernel(kernel);
  for (Index j = 0; j < kernel.cols(); ++j) {
    if (kernel(j, j) <= 0) {
      throw InvalidInput(
          fmt::format("ridge = 0 of the kernel regression has no solution: k(x, x) of input {} is {}; use a "
                      "positive ridge",
                      j, kernel(j, j)));
    }
    for (Index i = 0; i < j; ++i) {
      if (kernel(i, j) * kernel(i, j) >= (1 - rounding) * kernel(i, i) * kernel(j, j)) {
        throw InvalidInput(
            fmt::format("ridge = 0 of the kernel regression has no solution: inputs {} and {} are equal or "
                        "parallel, which makes the kernel singular; drop one or use a positive ridge",
                        i, j));
      }
    }
  }
}

KernelRegression KernelRegression::ridge(const Matrix& kernel, const Vector& targets, double ridge) {
  if (!(ridge >= 0) || !std::isfinite(ridge)) {
    throw InvalidInput(fmt::format("ridge = {} of the kernel regression must be at least 0 and finite", ridge));
  }
  return {kernel, targets, static_cast<double>(targets.size()) * ridge};
}

KernelRegression KernelRegression::gaussian_process(const Matrix& kernel, const Vector& targets,
                                                    double noise_variance) {
  if (!(noise_variance >= 0) || !std::isfinite(noise_variance)) {
    throw InvalidInput(fmt::format("noise_variance = {} of the process must be at least 0 and finite", noise_variance));
  }
  return {kernel, targets, noise_variance};
}

KernelRegression::KernelRegression(const Matrix& kernel, const Vector& targets, double diagonal) : diagonal_(diagonal) {
  check_kernel(kernel);
  check_size(kernel, targets);
  double log_determinant = 0;
  Index rank = kernel.rows();
  if (diagonal == 0) {
    check_interpolates(kernel);
    const KernelSpectrum spectrum(kernel);
    rank = spectrum.rank();
    whitening_ = spectrum.eigenvectors() * spectrum.eigenvalues().cwiseSqrt().cwiseInverse().asDiagonal();
    log_determinant = spectrum.eigenvalues().array().log().sum();
  } else {
    Matrix shifted = kernel;
    shifted.diagonal().array() += diagonal;
    const Eigen::LLT<Eigen::Ref<Matrix>> factor(shifted);
    if (factor.info() != Eigen::Success) {
      throw InvalidInput(
          fmt::format("the kernel plus {} on its diagonal is not positive definite: the kernel must be "
                      "positive semidefinite, or the ridge larger",
                      diagonal));
    }
    log_determinant = 2 * shifted.diagonal().array().log().sum();
    whitening_ = Matrix::Identity(rank, rank);
    factor.matrixU().solveInPlace(whitening_);
  }
  const Vector white = whitening_.transpose() * targets;
  coefficients_ = whitening_ * white;
  negative_log_likelihood_ =
      (white.squaredNorm() + log_determinant + static_cast<double>(rank) * std::log(2 * std::numbers::pi)) / 2;
}

void KernelRegression::check_test_kernel(const Matrix& test_kernel) const {
  if (test_kernel.cols() != coefficients_.size()) {
    throw InvalidInput(fmt::format("the test kernel has {} columns and there are {} training inputs: they must agree",
                                   test_kernel.cols(), coefficients_.size()));
  }
}

Vector KernelRegression::predict(const Matrix& test_kernel) const {
  check_test_kernel(test_kernel);
  return test_kernel * coefficients_;
}

Matrix KernelRegression::response(const Matrix& test_kernel) const {
  check_test_kernel(test_kernel);
  return (test_kernel * whitening_) * whitening_.transpose();
}

Posterior KernelRegression::posterior(const Matrix& test_kernel, const Vector& test_diagonal) const {
  Posterior result;
  result.mean = predict(test_kernel);
  if (test_diagonal.size() != test_kernel.rows()) {
    throw InvalidInput(fmt::format("the test kernel has {} rows and its diagonal {} entries: they must agree",
                                   test_kernel.rows(), test_diagonal.size()));
  }
  // Rounding may take a variance of 0 below it.
  result.variance = (test_diagonal - (test_kernel * whitening_).rowwise().squaredNorm()).cwiseMax(0.0);
  return result;
}

}  // namespace mfld
