#pragma once
#include <span>
#include <string>
#include <string_view>

#include "mfld/core/number_rule.hpp"

namespace mfld {

enum class LossKind { squared, logistic, huber };

struct LossInfo;

/// What one dual variable of the risk is moved by, given all others (dynamics/dual_ascent.hpp).
struct DualCoordinate {
  double dual = 0;       // g, in the domain of the conjugate
  double label = 0;      // y
  double mean = 0;       // E h(.; x) under the law of the dual variables
  double curvature = 0;  // c >= 0
};

/// A convex loss l(u, y) of the prediction u and the label y: a row of `losses` and its numbers; or one's own, of which
/// nothing is known but its row.
struct Loss {
  LossKind kind = LossKind::squared;
  double prefactor = 0.5;         // squared only
  double delta = 1;               // huber only, > 0
  const LossInfo* own = nullptr;  // a row of the caller's that lives as long; null: that of `kind`

  const LossInfo& info() const;

  bool is_squared() const { return own == nullptr && kind == LossKind::squared; }

  double value(double u, double y) const;

  /// sum_i l(u[i], y[i]), in order. One length.
  double sum(std::span<const double> u, std::span<const double> y) const;

  /// l'(u, y), derivative in the prediction.
  double derivative(double u, double y) const;

  /// slopes[i] <- l'(u[i], y[i]), all of one length; u and slopes may be the same memory.
  void derivatives(std::span<const double> u, std::span<const double> y, std::span<double> slopes) const;

  /// l''(u, y). Not of one's own.
  double second_derivative(double u, double y) const;

  /// Conjugate l*(g, y) = sup_u (u g - l(u, y)); +infinity outside its domain.
  /// Fenchel-Young: l(u) + l*(g) = u g exactly when g = l'(u). Not of one's own.
  double conjugate(double g, double y) const;

  /// The v with the least l*(v, y) - v mean + (c / 2) (v - g)^2. There u = mean - c (v - g) has v = l'(u), so that v is
  /// in the domain of l* whatever the numbers. Where ascends_in_dual().
  double best_dual(const DualCoordinate& at) const;
  bool ascends_in_dual() const;

  /// True where labels are classes -1 and +1 and accuracy is defined by sign(u) = y (a tie counts as wrong).
  bool is_classification() const;

  std::string describe() const;
};

/// The number of a loss that [loss] sets, by a key of its own: as a number, or by a flag that chooses between two.
struct LossParameter {
  struct Flag {
    double number_if_true = 0;
    double number_if_false = 0;
  };

  std::string_view key = {};  // empty: the loss has none
  std::string_view doc = {};
  double Loss::*number = nullptr;  // where it stands; without the key it is that of Loss()
  NumberRule rule = NumberRule::any;
  Flag flag = {};

  bool is_flag() const { return flag.number_if_true != flag.number_if_false; }
};

/// A loss is a row of this table, made of a struct with its functions (src/model/loss.cpp).
struct LossInfo {
  LossKind kind;
  std::string_view name;
  bool is_classification = false;
  LossParameter parameter = {};

  // One's own has no functions but `formula`, `sum` and `derivatives`.
  double (*value)(const Loss& loss, double u, double y) = nullptr;
  double (*derivative)(const Loss& loss, double u, double y) = nullptr;
  double (*second_derivative)(const Loss& loss, double u, double y) = nullptr;
  double (*conjugate)(const Loss& loss, double g, double y) = nullptr;
  std::string (*formula)(const Loss& loss) = nullptr;  // of l(u, y), with its numbers
  /// Of many: one call for all of them.
  double (*sum)(const Loss& loss, std::span<const double> u, std::span<const double> y) = nullptr;
  void (*derivatives)(const Loss& loss, std::span<const double> u, std::span<const double> y,
                      std::span<double> slopes) = nullptr;
  double (*best_dual)(const Loss& loss, const DualCoordinate& at) = nullptr;  // or none: no p-sdca
};

/// The table behind `mfld list losses`, in the order of LossKind.
std::span<const LossInfo> losses();

}  // namespace mfld
