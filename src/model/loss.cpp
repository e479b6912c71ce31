#include "mfld/model/loss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

namespace mfld {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// prefactor (u - y)^2, prefactor 1/2 (default) or 1.
struct Squared {
  static double value(const Loss& loss, double u, double y) { return loss.prefactor * (u - y) * (u - y); }
  static double derivative(const Loss& loss, double u, double y) { return 2 * loss.prefactor * (u - y); }
  static double second_derivative(const Loss& loss, double /*u*/, double /*y*/) { return 2 * loss.prefactor; }
  static double conjugate(const Loss& loss, double g, double y) { return g * g / (4 * loss.prefactor) + g * y; }
  static double best_dual(const Loss& loss, const DualCoordinate& at) {
    return (at.mean - at.label + at.curvature * at.dual) / (1 / (2 * loss.prefactor) + at.curvature);
  }
  static std::string formula(const Loss& loss) {
    return loss.prefactor == 1 ? "(u - y)^2" : fmt::format("{} (u - y)^2", loss.prefactor);
  }
};

/// 1 / (1 + exp(m)) without overflow and without cancellation for either sign of m.
double sigmoid_of_minus(double m) {
  if (m >= 0) {
    const double e = std::exp(-m);
    return e / (1 + e);
  }
  return 1 / (1 + std::exp(m));
}

/// s log s + (1 - s) log(1 - s), continued by 0 to s = 0 and s = 1: minus the entropy of a coin.
double negative_coin_entropy(double s) {
  const double head = s > 0 ? s * std::log(s) : 0;
  const double tail = s < 1 ? (1 - s) * std::log1p(-s) : 0;
  return head + tail;
}

/// The root m in [b, b + c] of m - c s(-m) = b, s the sigmoid: by Newton's steps, and by halves of what is left of the
/// interval where one would leave it or is not half of the step before, for they can go in a circle.
double logistic_margin(double b, double c) {
  constexpr int most_steps = 200;
  constexpr double rounding = 4 * std::numeric_limits<double>::epsilon();
  double low = b;
  double high = b + c;
  double m = b + c / 2;
  double step = c;
  for (int k = 0; k < most_steps && step > rounding * (1 + std::abs(m)); ++k) {
    const double s = sigmoid_of_minus(m);
    const double excess = m - c * s - b;
    (excess > 0 ? high : low) = m;
    const double newton = m - excess / (1 + c * s * (1 - s));
    const bool is_safe = newton >= low && newton <= high && std::abs(newton - m) <= step / 2;
    const double next = is_safe ? newton : low + (high - low) / 2;
    step = std::abs(next - m);
    m = next;
  }
  return m;
}

/// log(1 + exp(-y u)), y in {-1, +1}.
struct Logistic {
  static double value(const Loss& /*loss*/, double u, double y) {
    // log(1 + e^-m) = max(-m, 0) + log1p(e^-|m|): nothing overflows, and a loss of 1e-300 keeps all its digits.
    const double margin = y * u;
    return std::max(-margin, 0.0) + std::log1p(std::exp(-std::abs(margin)));
  }
  static double derivative(const Loss& /*loss*/, double u, double y) { return -y * sigmoid_of_minus(y * u); }
  static double second_derivative(const Loss& /*loss*/, double u, double y) {
    const double e = std::exp(-std::abs(y * u));
    return e / ((1 + e) * (1 + e));
  }
  static double conjugate(const Loss& /*loss*/, double g, double y) {
    const double s = -y * g;
    return s >= 0 && s <= 1 ? negative_coin_entropy(s) : infinity;
  }
  static double best_dual(const Loss& /*loss*/, const DualCoordinate& at) {
    const double b = at.label * (at.mean + at.curvature * at.dual);
    return -at.label * sigmoid_of_minus(logistic_margin(b, at.curvature));
  }
  static std::string formula(const Loss& /*loss*/) { return "log(1 + exp(-y u)), y in {-1, +1}"; }
};

/// (u - y)^2 / 2 where |u - y| <= delta, else delta (|u - y| - delta / 2).
struct Huber {
  static double value(const Loss& loss, double u, double y) {
    const double error = std::abs(u - y);
    return error <= loss.delta ? 0.5 * error * error : loss.delta * (error - 0.5 * loss.delta);
  }
  static double derivative(const Loss& loss, double u, double y) { return std::clamp(u - y, -loss.delta, loss.delta); }
  static double second_derivative(const Loss& loss, double u, double y) {
    return std::abs(u - y) <= loss.delta ? 1 : 0;
  }
  static double conjugate(const Loss& loss, double g, double y) {
    return std::abs(g) <= loss.delta ? 0.5 * g * g + g * y : infinity;
  }
  static double best_dual(const Loss& loss, const DualCoordinate& at) {
    return std::clamp((at.mean - at.label + at.curvature * at.dual) / (1 + at.curvature), -loss.delta, loss.delta);
  }
  static std::string formula(const Loss& loss) {
    return fmt::format("0.5 (u - y)^2 where |u - y| <= {0}, else {0} (|u - y| - {1})", loss.delta, 0.5 * loss.delta);
  }
};

template <class Functions>
void derivatives(const Loss& loss, std::span<const double> u, std::span<const double> y, std::span<double> slopes) {
  const Loss own = loss;  // which no slope can overwrite
  for (std::size_t i = 0; i < u.size(); ++i) {
    slopes[i] = Functions::derivative(own, u[i], y[i]);
  }
}

template <class Functions>
double sum(const Loss& loss, std::span<const double> u, std::span<const double> y) {
  double result = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    result += Functions::value(loss, u[i], y[i]);
  }
  return result;
}

template <class Functions>
constexpr LossInfo row(LossInfo info) {
  info.value = &Functions::value;
  info.derivative = &Functions::derivative;
  info.second_derivative = &Functions::second_derivative;
  info.conjugate = &Functions::conjugate;
  if constexpr (requires { &Functions::best_dual; }) {
    info.best_dual = &Functions::best_dual;
  }
  info.formula = &Functions::formula;
  info.sum = &sum<Functions>;
  info.derivatives = &derivatives<Functions>;
  return info;
}

constexpr auto table = std::to_array<LossInfo>({
    row<Squared>({.kind = LossKind::squared,
                  .name = "squared",
                  .parameter = {.key = "half",
                                .doc = "(u - y)^2 / 2 rather than (u - y)^2",
                                .number = &Loss::prefactor,
                                .flag = {.number_if_true = 0.5, .number_if_false = 1}}}),
    row<Logistic>({.kind = LossKind::logistic, .name = "logistic", .is_classification = true}),
    row<Huber>({.kind = LossKind::huber,
                .name = "huber",
                .parameter = {.key = "delta",
                              .doc = "where the Huber loss turns linear",
                              .number = &Loss::delta,
                              .rule = NumberRule::positive}}),
});

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].kind) != i) {
      return false;
    }
  }
  return true;
}
static_assert(is_in_order(), "the rows stand in the order of LossKind");

}  // namespace

std::span<const LossInfo> losses() { return table; }

const LossInfo& Loss::info() const {
  if (own != nullptr) {
    return *own;
  }
  assert(static_cast<std::size_t>(kind) < table.size());
  return table[static_cast<std::size_t>(kind)];
}

double Loss::value(double u, double y) const { return info().value(*this, u, y); }

double Loss::sum(std::span<const double> u, std::span<const double> y) const {
  assert(u.size() == y.size());
  return info().sum(*this, u, y);
}

double Loss::derivative(double u, double y) const { return info().derivative(*this, u, y); }

void Loss::derivatives(std::span<const double> u, std::span<const double> y, std::span<double> slopes) const {
  assert(u.size() == y.size() && u.size() == slopes.size());
  info().derivatives(*this, u, y, slopes);
}

double Loss::second_derivative(double u, double y) const { return info().second_derivative(*this, u, y); }

double Loss::conjugate(double g, double y) const { return info().conjugate(*this, g, y); }

double Loss::best_dual(const DualCoordinate& at) const { return info().best_dual(*this, at); }

bool Loss::ascends_in_dual() const { return info().best_dual != nullptr; }

bool Loss::is_classification() const { return info().is_classification; }

std::string Loss::describe() const { return fmt::format("{}, l(u, y) = {}", info().name, info().formula(*this)); }

}  // namespace mfld
