#include "ntk/hermite_expansion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "mfld/core/parallel.hpp"

namespace mfld::dual {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double end = 13;          // the trapezoid sums run over |z| <= end
constexpr double aliasing = 1e-17;  // of the trapezoid rule, relative to the bounds below
constexpr Index most_terms = 4096;

/// sigma is analytic for |Im| < height and there, for z ~ N(0, 1), E|sigma(s z + i q)|^2 <= value^2, |sigma'| <= slope.
struct Strip {
  double height;
  double value;
  double slope;
};

Strip strip(Activation kind, double root) {
  const double half_pi = std::numbers::pi / 2;
  switch (kind) {
    // |tanh(p + iq)| <= max(1, |tan q|) and |cosh(p + iq)|^-2 <= cos^-2 q.
    case Activation::tanh:
      return {1.2, std::tan(1.2), 1 / (std::cos(1.2) * std::cos(1.2))};
    // |1 + exp(-p - iq)| >= 1 for |q| <= pi/2; the slope is 1 / (4 cosh^2(z/2)).
    case Activation::sigmoid:
      return {half_pi, 1, 0.5};
    // The slope is the sigmoid, and the value at p + iq differs from that at p by at most |q|; softplus(p) <= |p| +
    // log 2.
    case Activation::softplus:
      return {half_pi, root + std::numbers::ln2 + half_pi, 1};
    default:
      return {};
  }
}

/// log E|h_k(z + iy)|^2 = log L_k(-y^2), the Laguerre polynomial: a sum of positive terms, largest at the largest k.
double log_laguerre(Index k, double y) {
  double previous = 1;
  double current = k == 0 ? 1 : 1 + y * y;
  double scale = 0;
  for (Index i = 1; i < k; ++i) {
    const double x = static_cast<double>(i);
    const double next = ((2 * x + 1 + y * y) * current - x * previous) / (x + 1);
    previous = current;
    current = next;
    if (current > 1e200) {
      previous *= 1e-200;
      current *= 1e-200;
      scale += 200 * std::numbers::ln10;
    }
  }
  return std::log(current) + scale;
}

/// The largest step for which the trapezoid rule errs by at most `aliasing` times the bounds of the strip: with
/// M = exp(y^2/2) bound sqrt(L_k(-y^2)) the error is at most 2 M / (exp(2 pi y / h) - 1)   (Trefethen & Weideman 2014).
double trapezoid_step(Activation kind, double root, Index num_terms) {
  double y = std::min(4.0, root > 0 ? strip(kind, root).height / root : 4.0);
  double step = 0;
  for (int trial = 0; trial < 8; ++trial, y *= std::numbers::sqrt2 / 2) {
    const double log_bound = std::log(2 / aliasing) + y * y / 2 + log_laguerre(num_terms - 1, y) / 2;
    step = std::max(step, 2 * std::numbers::pi * y / (log_bound + 1e-6));
  }
  return std::min(step, 0.5);
}

/// Every |psi_k| = |h_k| phi^(1/2) is at most 0.64 (Indritz 1961), so that what lies beyond `end` = 13 contributes less
/// than 5e-19 times the bound of |sigma| there.
double truncation(Activation kind, double root) {
  return 5e-19 * (kind == Activation::softplus ? 1 + end * root : 1.0);
}

/// sigma and sigma' at +-z: even and odd parts, times step phi^(1/2).
struct Nodes {
  std::vector<double> z, even_value, odd_value, even_slope, odd_slope, weight;
};

Nodes make_nodes(Activation kind, double root, double step) {
  const auto count = static_cast<std::size_t>(end / step) + 1;
  std::vector<double> points(2 * count), values(2 * count), slopes(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    points[i] = root * (static_cast<double>(i) * step);
    points[count + i] = -points[i];
  }
  evaluate(kind, points, values, slopes);
  Nodes nodes;
  for (std::vector<double>* v :
       {&nodes.z, &nodes.even_value, &nodes.odd_value, &nodes.even_slope, &nodes.odd_slope, &nodes.weight}) {
    v->resize(count);
  }
  const double norm = std::pow(2 * std::numbers::pi, -0.25);
  for (std::size_t i = 0; i < count; ++i) {
    const double z = static_cast<double>(i) * step;
    nodes.z[i] = z;
    nodes.weight[i] = norm * std::exp(-z * z / 4);
    const double weight = (i == 0 ? 0.5 : 1.0) * step * nodes.weight[i];
    nodes.even_value[i] = weight * (values[i] + values[count + i]);
    nodes.odd_value[i] = weight * (values[i] - values[count + i]);
    nodes.even_slope[i] = weight * (slopes[i] + slopes[count + i]);
    nodes.odd_slope[i] = weight * (slopes[i] - slopes[count + i]);
  }
  return nodes;
}

struct Moments {
  double value, slope;            // E sigma^2, E sigma'^2
  double value_tail, slope_tail;  // what the terms leave of them, by Parseval's identity
};

/// One deviation's coefficients, `stride` apart.
Moments expand_one(Activation kind, double root, Index num_terms, Index stride, double* values, double* slopes) {
  const double step = trapezoid_step(kind, root, num_terms);
  const Nodes nodes = make_nodes(kind, root, step);
  const std::size_t count = nodes.z.size();
  std::vector<double> current = nodes.weight;  // psi_k, by the three-term recurrence, stable upwards
  std::vector<double> previous(count, 0.0);
  Moments moments{};
  for (std::size_t i = 0; i < count; ++i) {
    const double scale = (i == 0 ? 1.0 : 0.5) / step;  // even and odd parts are orthogonal: sum of squares at +-z
    moments.value += scale * (nodes.even_value[i] * nodes.even_value[i] + nodes.odd_value[i] * nodes.odd_value[i]);
    moments.slope += scale * (nodes.even_slope[i] * nodes.even_slope[i] + nodes.odd_slope[i] * nodes.odd_slope[i]);
  }
  double value_sum = 0;
  double slope_sum = 0;
  for (Index k = 0; k < num_terms; ++k) {
    const double* value_part = k % 2 == 0 ? nodes.even_value.data() : nodes.odd_value.data();
    const double* slope_part = k % 2 == 0 ? nodes.even_slope.data() : nodes.odd_slope.data();
    double value = 0;
    double slope = 0;
    const double from_previous = std::sqrt(static_cast<double>(k));
    const double to_next = 1 / std::sqrt(static_cast<double>(k + 1));
    for (std::size_t i = 0; i < count; ++i) {
      const double psi = current[i];
      value += value_part[i] * psi;
      slope += slope_part[i] * psi;
      const double next = (nodes.z[i] * psi - from_previous * previous[i]) * to_next;
      previous[i] = psi;
      current[i] = next;
    }
    values[k * stride] = value;
    slopes[k * stride] = slope;
    value_sum += value * value;
    slope_sum += slope * slope;
  }
  moments.value_tail = std::max(0.0, moments.value - value_sum);
  moments.slope_tail = std::max(0.0, moments.slope - slope_sum);
  return moments;
}

double rounding(Index num_terms) { return epsilon * (32 + static_cast<double>(num_terms) / 4); }

}  // namespace

bool needs_expansion(Activation kind) {
  return kind == Activation::tanh || kind == Activation::sigmoid || kind == Activation::softplus;
}

DerivativeBounds derivative_bounds(Activation kind) {
  switch (kind) {
    case Activation::tanh:
      return {1, 0.7699, 2};
    case Activation::sigmoid:
      return {0.25, 0.09623, 0.125};
    case Activation::softplus:
      return {1, 0.25, 0.09623};
    default:
      return {};
  }
}

Index terms_needed(Activation kind, double largest_root) {
  std::vector<double> values;
  std::vector<double> slopes;
  for (Index terms = 32;; terms *= 2) {
    values.resize(static_cast<std::size_t>(terms));
    slopes.resize(static_cast<std::size_t>(terms));
    const Moments m = expand_one(kind, largest_root, terms, 1, values.data(), slopes.data());
    const bool enough = m.value_tail <= 16 * epsilon * m.value && m.slope_tail <= 16 * epsilon * m.slope;
    if (!enough && terms < most_terms) {
      continue;
    }
    double value_rest = 0;
    double slope_rest = 0;
    while (terms > 1) {  // drop what does not count
      const auto last = static_cast<std::size_t>(terms - 1);
      value_rest += values[last] * values[last];
      slope_rest += slopes[last] * slopes[last];
      if (value_rest > epsilon / 4 * m.value || slope_rest > epsilon / 4 * m.slope) {
        break;
      }
      --terms;
    }
    return terms + terms % 2;
  }
}

HermiteExpansion expand(Activation kind, const double* roots, Index count, Index num_terms) {
  HermiteExpansion e;
  e.num_terms = num_terms;
  const Index padded = (count + tile_rows - 1) / tile_rows * tile_rows;
  e.values.assign(static_cast<std::size_t>(num_terms * padded), 0.0);
  e.slopes.assign(static_cast<std::size_t>(num_terms * padded), 0.0);
  e.moments.assign(static_cast<std::size_t>(count), 0.0);
  std::vector<Moments> moments(static_cast<std::size_t>(count));
  constexpr Index chunk = 16;
  for_each_task((count + chunk - 1) / chunk, [&](Index task) {
    for (Index i = task * chunk; i < std::min(count, (task + 1) * chunk); ++i) {
      moments[static_cast<std::size_t>(i)] =
          expand_one(kind, roots[i], num_terms, tile_rows, e.values.data() + e.start(i), e.slopes.data() + e.start(i));
      e.moments[static_cast<std::size_t>(i)] = moments[static_cast<std::size_t>(i)].value;
    }
  });
  Moments worst{};
  double root = 0;
  for (Index i = 0; i < count; ++i) {
    const Moments& m = moments[static_cast<std::size_t>(i)];
    worst.value = std::max(worst.value, m.value);
    worst.slope = std::max(worst.slope, m.slope);
    worst.value_tail = std::max(worst.value_tail, m.value_tail);
    worst.slope_tail = std::max(worst.slope_tail, m.slope_tail);
    root = std::max(root, roots[i]);
  }
  const Strip bound = strip(kind, root);
  const DerivativeBounds sup = derivative_bounds(kind);
  const double terms_root = std::sqrt(static_cast<double>(num_terms));
  const double variance = root * root;
  // Truncated terms (Parseval, Cauchy-Schwarz), errors of the coefficients, rounding of sums and of rho.
  const double value_delta = terms_root * (aliasing * bound.value + truncation(kind, root));
  const double slope_delta = terms_root * (aliasing * bound.slope + truncation(Activation::tanh, root));
  e.moment_error = aliasing * bound.value * bound.value + rounding(num_terms) * worst.value;
  e.value_error = worst.value_tail + 4 * value_delta * std::sqrt(worst.value) + 2 * rounding(num_terms) * worst.value +
                  8 * epsilon * variance * sup.first * sup.first;
  e.slope_error = worst.slope_tail + 4 * slope_delta * std::sqrt(worst.slope) + 2 * rounding(num_terms) * worst.slope +
                  8 * epsilon * variance * sup.second * sup.second;
  e.largest_moment = worst.value;
  return e;
}

}  // namespace mfld::dual
