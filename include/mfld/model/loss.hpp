#pragma once
#include <string>

namespace mfld {

enum class LossKind { squared, logistic, huber };

/// A convex loss l(u, y) of the prediction u and the label y.
///
///   squared   prefactor (u - y)^2, prefactor 1/2 (default) or 1
///   logistic  log(1 + exp(-y u)), y in {-1, +1}
///   huber     (u - y)^2 / 2 where |u - y| <= delta, else delta (|u - y| - delta / 2)
struct Loss {
  LossKind kind = LossKind::squared;
  double prefactor = 0.5;  // squared only
  double delta = 1;        // huber only, > 0

  double value(double u, double y) const;

  /// l'(u, y), derivative in the prediction.
  double derivative(double u, double y) const;

  /// l''(u, y).
  double second_derivative(double u, double y) const;

  /// Conjugate l*(g, y) = sup_u (u g - l(u, y)); +infinity outside its domain.
  /// Fenchel-Young: l(u) + l*(g) = u g exactly when g = l'(u).
  double conjugate(double g, double y) const;

  /// True where labels are classes -1 and +1 and accuracy is defined by sign(u) = y (a tie counts as wrong).
  bool is_classification() const { return kind == LossKind::logistic; }

  std::string describe() const;
};

}  // namespace mfld
