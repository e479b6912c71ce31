#pragma once
#include "mfld/trust/neuron_values.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld::trust {

/// -psi / lambda2, psi the first variation of dual variables, as a function of u = theta / std(nu): what the logarithm
/// of the Gibbs law adds to that of the prior nu. Where the neuron is linear in r, h = h_0 + r h_1, it is integrated
/// over r,
///   log E_{r ~ N(0, s^2)} exp(-(psi_0 + r psi_1) / lambda2) = -psi_0 / lambda2 + (s psi_1 / lambda2)^2 / 2,
/// s^2 = lambda2 / (2 lambda1), and u = (w, b) / s alone. Given (w, b), r is then normal, mean -psi_1 / (2 lambda1) and
/// variance s^2.
class LogRatio {
 public:
  LogRatio(const MeanFieldProblem& problem, const Vector& dual);

  Index dimension() const { return integrates_output_ ? layout_.size - 1 : layout_.size; }
  Vector operator()(const Particles<double>& u) { return values(u, sums_); }
  /// In single precision, at half the cost.
  Vector rounded(const Particles<double>& u) { return values(u, rounded_sums_); }

  /// log Z_nu over all p parameters, the integral for psi = 0.
  double log_prior_integral() const { return log_prior_integral_; }

  /// theta [S x p] at u [S x dimension()]; r is its mean given (w, b) where it is integrated over.
  Particles<double> nodes(const Particles<double>& u);
  /// u at theta.
  Particles<double> positions(const Particles<double>& theta) const { return theta.rightCols(dimension()) / scale_; }
  /// Where r is integrated over, its standard deviation given (w, b); else 0.
  double output_deviation() const { return integrates_output_ ? scale_ : 0; }

 private:
  /// r is 0 where it is integrated over.
  Particles<double> thetas(const Particles<double>& u) const;
  template <class Scalar>
  Vector values(const Particles<double>& u, HiddenSums<Scalar>& hidden_sums) const;
  /// psi_0 or psi_1 (over -lambda2), from the sums over hidden units.
  Vector at_zero(const Vector& sums) const;
  Vector slope(const Vector& sums) const;

  MeanFieldProblem problem_;
  Neuron neuron_;
  ParameterLayout layout_;
  bool integrates_output_;
  double scale_;  // s
  double log_prior_integral_;
  double coefficient_sum_;
  HeadValues ends_;  // at r = 0 and r = 1
  HiddenSums<double> sums_;
  HiddenSums<float> rounded_sums_;
};

}  // namespace mfld::trust
