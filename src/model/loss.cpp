#include "mfld/model/loss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mfld {

namespace {

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

}  // namespace

double Loss::value(double u, double y) const {
  switch (kind) {
    case LossKind::squared:
      return prefactor * (u - y) * (u - y);
    case LossKind::logistic: {
      // log(1 + e^-m) = max(-m, 0) + log1p(e^-|m|): nothing overflows, and a loss of 1e-300 keeps all its digits.
      const double margin = y * u;
      return std::max(-margin, 0.0) + std::log1p(std::exp(-std::abs(margin)));
    }
    case LossKind::huber: {
      const double error = std::abs(u - y);
      return error <= delta ? 0.5 * error * error : delta * (error - 0.5 * delta);
    }
  }
  return 0;
}

double Loss::derivative(double u, double y) const {
  switch (kind) {
    case LossKind::squared:
      return 2 * prefactor * (u - y);
    case LossKind::logistic:
      return -y * sigmoid_of_minus(y * u);
    case LossKind::huber:
      return std::clamp(u - y, -delta, delta);
  }
  return 0;
}

double Loss::second_derivative(double u, double y) const {
  switch (kind) {
    case LossKind::squared:
      return 2 * prefactor;
    case LossKind::logistic: {
      const double e = std::exp(-std::abs(y * u));
      return e / ((1 + e) * (1 + e));
    }
    case LossKind::huber:
      return std::abs(u - y) <= delta ? 1 : 0;
  }
  return 0;
}

double Loss::conjugate(double g, double y) const {
  switch (kind) {
    case LossKind::squared:
      return g * g / (4 * prefactor) + g * y;
    case LossKind::logistic: {
      const double s = -y * g;
      return s >= 0 && s <= 1 ? negative_coin_entropy(s) : std::numeric_limits<double>::infinity();
    }
    case LossKind::huber:
      return std::abs(g) <= delta ? 0.5 * g * g + g * y : std::numeric_limits<double>::infinity();
  }
  return 0;
}

std::string Loss::describe() const {
  switch (kind) {
    case LossKind::squared:
      return prefactor == 1 ? "squared, l(u, y) = (u - y)^2"
                            : fmt::format("squared, l(u, y) = {} (u - y)^2", prefactor);
    case LossKind::logistic:
      return "logistic, l(u, y) = log(1 + exp(-y u)), y in {-1, +1}";
    case LossKind::huber:
      return fmt::format("huber, l(u, y) = 0.5 (u - y)^2 where |u - y| <= {0}, else {0} (|u - y| - {1})", delta,
                         0.5 * delta);
  }
  return {};
}

}  // namespace mfld
