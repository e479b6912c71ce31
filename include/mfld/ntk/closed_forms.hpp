#pragma once
#include "mfld/ntk/kernel_regression.hpp"

namespace mfld {

/// How far training has come in each eigendirection of the kernel that counts.                    [rank] each
struct SpectralFilter {
  Vector gain;  // g below
  Vector left;  // 1 - lambda g, the share of the residual that is left, without cancellation
};

/// The linearised network f = f_0 + J (theta - theta_0) under the squared loss 1/(2n) sum_i (u_i - y_i)^2 with
/// ridge/2 |theta - theta_0|^2, solved by the eigendecomposition of its kernel matrix K = J J' = V diag(lambda) V'.
/// Every solution has the form theta - theta_0 = -J' V diag(g) V' rho_0 with rho_0 = u_0 - y, that is
///   f(x) = f_0(x) - k_x' V diag(g) V' rho_0,
/// and only the filter g differs. With mu_i = lambda_i / n + ridge and step size eta,
///   flow to time t     g = (1 - exp(-mu t)) / (n mu)         k steps of descent   g = (1 - (1 - eta mu)^k) / (n mu)
///   limit              g = 1 / (n mu) = 1 / (lambda_i + n ridge)
/// (Lee et al. 2019, eqs. 8-11; Jacot et al. 2018).
/// The kernel is in the units in which the network trains (output factor times drift factor).
class LinearisedTraining {
 public:
  /// kernel [n x n] as KernelSpectrum asks; ridge >= 0 and finite.
  explicit LinearisedTraining(const Matrix& kernel, double ridge = 0);

  const KernelSpectrum& spectrum() const { return spectrum_; }
  /// Descent does not diverge for 0 < step_size < 2 / (lambda_max / n + ridge).
  double largest_stable_step() const;
  /// The step that contracts slowest and fastest direction alike: 2 / (mu_min + mu_max) over the rank.
  double fastest_step() const;

  SpectralFilter flow(double time) const;
  /// InvalidInput names the stable range where step_size is outside.
  SpectralFilter descent(double step_size, Index num_steps) const;
  SpectralFilter limit() const;

  /// a with f(x) = f_0(x) + k_x . a and u = u_0 + K a.                                             [n]
  Vector coefficients(const SpectralFilter& filter, const Vector& start_residual) const;
  /// u - y after training; its rounding is relative in each eigendirection, so that losses of 1e-20 are right.    [n]
  Vector residual(const SpectralFilter& filter, const Vector& start_residual) const;
  /// |theta - theta_0|.
  double distance(const SpectralFilter& filter, const Vector& start_residual) const;
  /// B [m x n] with f(x) = f_0(x) - B rho_0, for test rows k_x [m x n].
  Matrix response(const SpectralFilter& filter, const Matrix& test_kernel) const;

 private:
  Index n() const { return spectrum_.size(); }
  void check_step(double step_size) const;
  template <class Contraction>
  SpectralFilter filter(const Contraction& contraction) const;
  friend class LinearisedLangevin;

  KernelSpectrum spectrum_;
  double ridge_;
};

/// Outputs of the linearised network under Langevin steps
///   theta <- theta - eta grad + sqrt(2 T eta) xi:
/// an autoregressive Gaussian process whose mean is gradient descent's and whose covariance after k steps is, in the
/// training points,   2 T eta sum_{s<k} A^s K A^s,   A = (1 - eta ridge) I - eta K / n.
/// temperature is in the units of the kernel: T times output factor over drift factor (T / N in the mean-field
/// scaling).
class LinearisedLangevin {
 public:
  /// `training` outlives this. InvalidInput where step_size is not stable or temperature negative.
  LinearisedLangevin(const LinearisedTraining& training, double step_size, double temperature);

  /// [n x n] of the training outputs.
  Matrix train_covariance(Index num_steps) const;
  /// [m x n] of test with training outputs, test_kernel [m x n].
  Matrix cross_covariance(Index num_steps, const Matrix& test_kernel) const;
  /// [m x m] of the test outputs; test_test_kernel [m x m]. The part that no training point sees diffuses without limit
  /// (with ridge = 0), like a random walk.
  Matrix test_covariance(Index num_steps, const Matrix& test_kernel, const Matrix& test_test_kernel) const;

 private:
  double amplitude() const { return 2 * temperature_ * step_size_; }
  Vector power_sums(Index num_steps) const;

  const LinearisedTraining& training_;
  double step_size_;
  double temperature_;
};

/// Covariance over random starts of the test outputs of an infinitely wide network trained with filter g on the tangent
/// kernel, whose outputs at the start are a Gaussian process with kernel nngp (Lee et al. 2019, eq. 16):
///   C = K_xx - B K_Xx - K_xX B' + B K_XX B',   B = response(filter, test_ntk).                    [m x m]
/// nngp of test with test [m x m], of test with training [m x n], of training inputs [n x n].
Matrix ensemble_covariance(const Matrix& response, const Matrix& test_test_nngp, const Matrix& test_nngp,
                           const Matrix& train_nngp);
/// Its diagonal, the variances alone, in memory O(m n).                                           [m]
Vector ensemble_variance(const Matrix& response, const Vector& test_nngp_diagonal, const Matrix& test_nngp,
                         const Matrix& train_nngp);

}  // namespace mfld
