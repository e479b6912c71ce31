#include "ntk/hermite_expansion.hpp"

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <numbers>

#include "mfld/core/parallel.hpp"

namespace mfld::dual {
namespace {

constexpr double end = 13;          // the trapezoid sums run over |z| <= end
constexpr double aliasing = 1e-17;  // of the trapezoid rule, relative to the bounds below
constexpr Index most_terms = 4096;
constexpr double most_nodes = 1 << 18;  // of the trapezoid rule, which needs as many as the deviation is large

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
double trapezoid_step(double height, double root, Index num_terms) {
  double y = std::min(4.0, root > 0 ? height / root : 4.0);
  double step = 0;
  for (int trial = 0; trial < 8; ++trial, y *= std::numbers::sqrt2 / 2) {
    const double log_bound = std::log(2 / aliasing) + y * y / 2 + log_laguerre(num_terms - 1, y) / 2;
    step = std::max(step, 2 * std::numbers::pi * y / (log_bound + 1e-6));
  }
  return std::min(step, 0.5);
}

/// Half of a rule of quadrature on [-end, end] that is symmetric about 0.
struct Rule {
  std::vector<double> z, weight;
};

Rule trapezoid_rule(double step) {
  Rule rule;
  const auto count = static_cast<std::size_t>(end / step) + 1;
  for (std::size_t i = 0; i < count; ++i) {
    rule.z.push_back(static_cast<double>(i) * step);
    rule.weight.push_back((i == 0 ? 0.5 : 1.0) * step);
  }
  return rule;
}

/// Gauss-Legendre with 20 nodes on panels from 0 on, where a function that is not analytic most often has its corner.
/// A panel holds at most one and a half waves of h_k, k < most_terms, whose wave number is sqrt(k).
Rule panel_rule() {
  using Gauss = boost::math::quadrature::gauss<double, 20>;
  constexpr int num_panels = 96;
  constexpr double half_width = end / num_panels / 2;
  Rule rule;
  for (int panel = 0; panel < num_panels; ++panel) {
    for (std::size_t k = 0; k < Gauss::abscissa().size(); ++k) {
      for (const double side : {-1.0, 1.0}) {
        rule.z.push_back(half_width * (2 * panel + 1 + side * Gauss::abscissa()[k]));
        rule.weight.push_back(half_width * Gauss::weights()[k]);
      }
    }
  }
  return rule;
}

/// Step of the trapezoid rule; 0 where nothing is known that would bound its error at a step one can take.
double step_for(const Smoothness& known, double root, Index num_terms) {
  const double step = known.height > 0 ? trapezoid_step(known.height, root, num_terms) : 0;
  return step * most_nodes > end ? step : 0;
}

Rule rule_for(const Smoothness& known, double root, Index num_terms) {
  const double step = step_for(known, root, num_terms);
  return step > 0 ? trapezoid_rule(step) : panel_rule();
}

/// Every |psi_k| = |h_k| phi^(1/2) is at most 0.64 (Indritz 1961), so that what lies beyond `end` = 13 contributes less
/// than 5e-19 times a bound of |sigma| there.
double truncation(double bound) { return 5e-19 * bound; }

/// sigma and sigma' at +-z: even and odd parts, times weight phi^(1/2).
struct Nodes {
  Rule rule;
  std::vector<double> even_value, odd_value, even_slope, odd_slope, root_phi;
};

Nodes make_nodes(Activation kind, double root, Rule rule) {
  const std::size_t count = rule.z.size();
  std::vector<double> points(2 * count), values(2 * count), slopes(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    points[i] = root * rule.z[i];
    points[count + i] = -points[i];
  }
  evaluate(kind, points, values, slopes);
  Nodes nodes;
  nodes.rule = std::move(rule);
  for (std::vector<double>* v :
       {&nodes.even_value, &nodes.odd_value, &nodes.even_slope, &nodes.odd_slope, &nodes.root_phi}) {
    v->resize(count);
  }
  const double norm = std::pow(2 * std::numbers::pi, -0.25);
  for (std::size_t i = 0; i < count; ++i) {
    const double z = nodes.rule.z[i];
    nodes.root_phi[i] = norm * std::exp(-z * z / 4);
    const double weight = nodes.rule.weight[i] * nodes.root_phi[i];
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
  const Nodes nodes = make_nodes(kind, root, rule_for(dual_form(kind).smoothness, root, num_terms));
  const std::size_t count = nodes.root_phi.size();
  std::vector<double> current = nodes.root_phi;  // psi_k, by the three-term recurrence, stable upwards
  std::vector<double> previous(count, 0.0);
  Moments moments{};
  for (std::size_t i = 0; i < count; ++i) {
    const double scale = 0.5 / nodes.rule.weight[i];  // even and odd parts are orthogonal: sum of squares at +-z
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
      const double next = (nodes.rule.z[i] * psi - from_previous * previous[i]) * to_next;
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

/// Truncated terms (Parseval, Cauchy-Schwarz), errors of the coefficients, rounding of sums and of rho, from the
/// largest moments and tails of the roots.
void bound_errors(const Smoothness& known, const Moments& worst, double root, HermiteExpansion& e) {
  if (step_for(known, root, e.num_terms) == 0) {
    e.moment_error = e.value_error = e.slope_error = Smoothness::infinity;
    return;
  }
  const double terms_root = std::sqrt(static_cast<double>(e.num_terms));
  const double variance = root * root;
  const double value_bound = known.value + known.growth * root;
  const double value_delta =
      terms_root * (aliasing * value_bound + truncation(known.value + known.growth * end * root));
  const double slope_delta = terms_root * (aliasing * known.slope + truncation(known.slope));
  e.moment_error = aliasing * value_bound * value_bound + rounding(e.num_terms) * worst.value;
  e.value_error = worst.value_tail + 4 * value_delta * std::sqrt(worst.value) +
                  2 * rounding(e.num_terms) * worst.value + 8 * epsilon * variance * known.first * known.first;
  e.slope_error = worst.slope_tail + 4 * slope_delta * std::sqrt(worst.slope) +
                  2 * rounding(e.num_terms) * worst.slope + 8 * epsilon * variance * known.second * known.second;
}

}  // namespace

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
  e.largest_moment = worst.value;
  e.largest_slope_moment = worst.slope;
  bound_errors(dual_form(kind).smoothness, worst, root, e);
  return e;
}

}  // namespace mfld::dual
