#include "mfld/ntk/kernel_regression.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/linear/cholesky.hpp"
#include "mfld/linear/eigenvalues.hpp"

namespace mfld {
namespace {

constexpr double rounding = 1e-12;  // relative to the largest eigenvalue, or of a squared cosine to 1
constexpr const char* not_converged = "the eigendecomposition of the kernel did not converge";

/// Of tiles of a matrix and their mirror images.
struct Entries {
  double sum = 0;        // of absolute values
  double largest = 0;    // absolute value
  double asymmetry = 0;  // max |a_ij - a_ji|
  Index row = 0;         // where that is
  Index column = 0;

  void add(const Entries& other) {
    sum += other.sum;
    largest = std::max(largest, other.largest);
    if (other.asymmetry > asymmetry) {
      asymmetry = other.asymmetry;
      row = other.row;
      column = other.column;
    }
  }
};

constexpr Index tile_size = 64;  // fits into the cache with its mirror image

Entries entries_of_tile(const Matrix& kernel, Index row, Index column) {
  const Index rows = std::min(tile_size, kernel.rows() - row);
  const Index columns = std::min(tile_size, kernel.cols() - column);
  const auto tile = kernel.block(row, column, rows, columns);
  const auto image = kernel.block(column, row, columns, rows);
  Entries entries;
  entries.sum = tile.cwiseAbs().sum() + image.cwiseAbs().sum();
  entries.largest = std::max(tile.cwiseAbs().maxCoeff(), image.cwiseAbs().maxCoeff());
  entries.asymmetry = (tile - image.transpose()).cwiseAbs().maxCoeff(&entries.row, &entries.column);
  entries.row += row;
  entries.column += column;
  return entries;
}

/// In one pass over the memory.
Entries entries_of(const Matrix& kernel) {
  std::vector<Entries> parts(static_cast<std::size_t>((kernel.cols() + tile_size - 1) / tile_size));
  for_each_task(std::ssize(parts), [&](Index task) {
    for (Index row = task * tile_size; row < kernel.rows(); row += tile_size) {
      parts[static_cast<std::size_t>(task)].add(entries_of_tile(kernel, row, task * tile_size));
    }
  });
  Entries entries;
  for (const Entries& part : parts) {
    entries.add(part);
  }
  return entries;
}

void check_finite(const Matrix& kernel) {
  for (Index j = 0; j < kernel.cols(); ++j) {
    for (Index i = 0; i < kernel.rows(); ++i) {
      if (!std::isfinite(kernel(i, j))) {
        throw InvalidInput(
            fmt::format("entry ({}, {}) of the kernel is {}: every entry must be finite", i, j, kernel(i, j)));
      }
    }
  }
}

void check_kernel(const Matrix& kernel) {
  if (kernel.rows() != kernel.cols() || kernel.rows() == 0) {
    throw InvalidInput(
        fmt::format("the kernel is {} x {}: it must be square and not empty", kernel.rows(), kernel.cols()));
  }
  const Entries entries = entries_of(kernel);
  if (!std::isfinite(entries.sum)) {  // or large numbers overflow in it
    check_finite(kernel);
  }
  if (entries.asymmetry > 1e-10 * entries.largest) {
    const Index i = entries.row;
    const Index j = entries.column;
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

/// How many eigenvalues are larger than rounding. InvalidInput where they are not those of a kernel.
Index rank_of(const Vector& ascending) {
  const double largest = std::max(std::abs(ascending(0)), ascending(ascending.size() - 1));
  if (ascending(0) < -1e-10 * largest) {
    throw InvalidInput(fmt::format("the kernel has the eigenvalue {}: it must be positive semidefinite", ascending(0)));
  }
  return (ascending.array() > rounding * largest).count();
}

}  // namespace

KernelSpectrum::KernelSpectrum(const Matrix& kernel) {
  check_kernel(kernel);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(kernel);
  if (solver.info() != Eigen::Success) {
    throw InvalidInput(not_converged);
  }
  rank_ = rank_of(solver.eigenvalues());
  values_ = solver.eigenvalues().tail(rank_).reverse();
  vectors_ = solver.eigenvectors().rightCols(rank_).rowwise().reverse();
}

Vector kernel_eigenvalues(const Matrix& kernel) {
  check_kernel(kernel);
  const Vector ascending = symmetric_eigenvalues(kernel);
  if (!ascending.allFinite()) {
    throw InvalidInput(not_converged);
  }
  return ascending.tail(rank_of(ascending)).reverse();
}

Vector leading_kernel_eigenvalues(const Matrix& kernel, Index count, const Watch& watch) {
  check_kernel(kernel);
  Vector values = leading_eigenvalues(kernel, count, watch);
  if (!values.allFinite()) {
    throw InvalidInput(not_converged);
  }
  const double largest = count > 0 ? values(0) : 0;
  return values.unaryExpr([largest](double value) { return value > rounding * largest ? value : 0.0; });
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

KernelRegression KernelRegression::ridge(const Matrix& kernel, const Vector& targets, double ridge,
                                         const Watch& watch) {
  if (!(ridge >= 0) || !std::isfinite(ridge)) {
    throw InvalidInput(fmt::format("ridge = {} of the kernel regression must be at least 0 and finite", ridge));
  }
  return {kernel, targets, static_cast<double>(targets.size()) * ridge, watch};
}

KernelRegression KernelRegression::gaussian_process(const Matrix& kernel, const Vector& targets,
                                                    double noise_variance) {
  if (!(noise_variance >= 0) || !std::isfinite(noise_variance)) {
    throw InvalidInput(fmt::format("noise_variance = {} of the process must be at least 0 and finite", noise_variance));
  }
  return {kernel, targets, noise_variance, {}};
}

KernelRegression::KernelRegression(const Matrix& kernel, const Vector& targets, double diagonal, const Watch& watch)
    : diagonal_(diagonal) {
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
    factor_ = kernel;
    factor_.diagonal().array() += diagonal;
    if (!cholesky_in_place(factor_, watch)) {
      throw InvalidInput(
          fmt::format("the kernel plus {} on its diagonal is not positive definite: the kernel must be "
                      "positive semidefinite, or the ridge larger",
                      diagonal));
    }
    log_determinant = 2 * factor_.diagonal().array().log().sum();
  }
  const Matrix white = whiten(targets);
  coefficients_ = unwhiten(white);
  negative_log_likelihood_ =
      (white.squaredNorm() + log_determinant + static_cast<double>(rank) * std::log(2 * std::numbers::pi)) / 2;
}

Matrix KernelRegression::whiten(Matrix columns) const {
  if (factor_.size() == 0) {
    return whitening_.transpose() * columns;
  }
  solve_lower(factor_, columns);
  return columns;
}

Matrix KernelRegression::unwhiten(Matrix columns) const {
  if (factor_.size() == 0) {
    return whitening_ * columns;
  }
  solve_lower_transposed(factor_, columns);
  return columns;
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
  return unwhiten(whiten(test_kernel.transpose())).transpose();
}

Posterior KernelRegression::posterior(const Matrix& test_kernel, const Vector& test_diagonal) const {
  Posterior result;
  result.mean = predict(test_kernel);
  if (test_diagonal.size() != test_kernel.rows()) {
    throw InvalidInput(fmt::format("the test kernel has {} rows and its diagonal {} entries: they must agree",
                                   test_kernel.rows(), test_diagonal.size()));
  }
  // Rounding may take a variance of 0 below it.
  result.variance = (test_diagonal - whiten(test_kernel.transpose()).colwise().squaredNorm().transpose()).cwiseMax(0.0);
  return result;
}

}  // namespace mfld
