#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/core/watch.hpp"

namespace mfld {

/// K = V diag(lambda) V' of a symmetric positive semidefinite kernel matrix, eigenvalues descending. Eigenvalues below
/// 1e-12 of the largest are rounding and count as zero: `rank` are left, and everything below works in their span.
class KernelSpectrum {
 public:
  /// InvalidInput unless the matrix is square, not empty, finite, symmetric to 1e-10 of its largest entry and has no
  /// eigenvalue below -1e-10 of its largest one.
  explicit KernelSpectrum(const Matrix& kernel);

  Index size() const { return vectors_.rows(); }
  Index rank() const { return rank_; }
  /// [rank], all positive, descending.
  const Vector& eigenvalues() const { return values_; }
  /// [n x rank]
  const Matrix& eigenvectors() const { return vectors_; }

 private:
  Vector values_;
  Matrix vectors_;
  Index rank_ = 0;
};

/// The eigenvalues of KernelSpectrum without its eigenvectors, at a fraction of its cost: symmetric_eigenvalues, with
/// the same refusals.                                                                                [rank]
Vector kernel_eigenvalues(const Matrix& kernel);
/// The `count` <= n largest eigenvalues, of which those below 1e-12 of the largest are 0, by leading_eigenvalues. The
/// same refusals, but for negative eigenvalues that are not among them.                             [count]
Vector leading_kernel_eigenvalues(const Matrix& kernel, Index count, const Watch& watch = {});

/// InvalidInput unless the kernel could be that of different inputs: names a pair of rows whose features are parallel
/// (the inputs are equal, or multiples of each other under a homogeneous kernel), or a row that is zero, and suggests a
/// ridge.
void check_interpolates(const Matrix& kernel);

struct Posterior {
  Vector mean;      // [m]
  Vector variance;  // [m] of the function, without the noise of an observation
};

/// Kernel ridge regression and the Gaussian process of the same formula,
///   f(x) = k_x' (K + D I)^-1 y,   Var f(x) = k(x, x) - k_x' (K + D I)^-1 k_x      (Rasmussen & Williams 2006, ch. 2),
/// D = n ridge for the minimum of 1/(2n) sum (f(x_i) - y_i)^2 + ridge/2 |f|_K^2, or the noise variance of a process.
class KernelRegression {
 public:
  /// ridge >= 0; 0 interpolates, and InvalidInput names the pair of rows that makes that impossible.
  /// The watch interrupts and hears of the factor, not of the eigenvectors that ridge = 0 needs.
  static KernelRegression ridge(const Matrix& kernel, const Vector& targets, double ridge, const Watch& watch = {});
  /// noise_variance >= 0.
  static KernelRegression gaussian_process(const Matrix& kernel, const Vector& targets, double noise_variance);

  /// (K + D I)^-1 y: f(x) = k_x . coefficients.                                               [n]
  const Vector& coefficients() const { return coefficients_; }
  double diagonal() const { return diagonal_; }

  /// Kernel of test with training inputs [m x n].
  Vector predict(const Matrix& test_kernel) const;
  /// B = test_kernel (K + D I)^-1 [m x n]: predict() is B y.
  Matrix response(const Matrix& test_kernel) const;
  /// And k(x, x) of the test inputs [m].
  Posterior posterior(const Matrix& test_kernel, const Vector& test_diagonal) const;
  /// -log p(y) of the process: y' (K + D)^-1 y / 2 + log det(K + D) / 2 + n log(2 pi) / 2.
  double negative_log_likelihood() const { return negative_log_likelihood_; }

 private:
  KernelRegression(const Matrix& kernel, const Vector& targets, double diagonal, const Watch& watch);
  void check_test_kernel(const Matrix& test_kernel) const;
  /// W' columns and W columns of a W [n x rank] with W W' = (K + D)^-1.
  Matrix whiten(Matrix columns) const;
  Matrix unwhiten(Matrix columns) const;

  Vector coefficients_;
  Matrix factor_;     // [n x n] where D > 0: L L' = K + D in its lower triangle, W = L'^-1
  Matrix whitening_;  // [n x rank] where D = 0: W, from the spectrum
  double diagonal_ = 0;
  double negative_log_likelihood_ = 0;
};

}  // namespace mfld
