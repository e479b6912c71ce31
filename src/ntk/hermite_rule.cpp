#include "ntk/hermite_rule.hpp"

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <numbers>

namespace mfld::dual {
namespace {

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
/// A multiple of 2^-34, so that every node is an exact number.
double trapezoid_step(double height, double root, Index num_terms) {
  double y = std::min(4.0, root > 0 ? height / root : 4.0);
  double step = 0;
  for (int trial = 0; trial < 8; ++trial, y *= std::numbers::sqrt2 / 2) {
    const double log_bound = std::log(2 / aliasing) + y * y / 2 + log_laguerre(num_terms - 1, y) / 2;
    step = std::max(step, 2 * std::numbers::pi * y / (log_bound + 1e-6));
  }
  return std::ldexp(std::floor(std::ldexp(std::min(step, 0.5), 34)), -34);
}

Rule trapezoid_rule(double step) {
  Rule rule;
  rule.has_bound = true;
  const auto count = static_cast<std::size_t>(Rule::end / step) + 1;
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
  constexpr double half_width = Rule::end / num_panels / 2;
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

template <class Real>
void fill_table(const double* z, Index count, Index num_terms, double* table) {
  std::vector<Real> current(static_cast<std::size_t>(count)), previous(current);
  const Real norm = std::pow(2 * std::numbers::pi_v<Real>, Real(-0.25));
  for (std::size_t i = 0; i < current.size(); ++i) {
    current[i] = norm * std::exp(-Real(z[i]) * Real(z[i]) / 4);
  }
  for (Index k = 0; k < num_terms; ++k) {
    const Real from_previous = std::sqrt(static_cast<Real>(k));
    const Real to_next = 1 / std::sqrt(static_cast<Real>(k + 1));
    for (std::size_t i = 0; i < current.size(); ++i) {
      const Real psi = current[i];
      table[i] = static_cast<double>(psi);
      current[i] = (z[i] * psi - from_previous * previous[i]) * to_next;
      previous[i] = psi;
    }
    table += count;
  }
}

}  // namespace

Rule rule_for(const Smoothness& known, double root, Index num_terms) {
  const double step = known.height > 0 ? trapezoid_step(known.height, root, num_terms) : 0;
  return step * most_nodes > Rule::end ? trapezoid_rule(step) : panel_rule();
}

void hermite_functions(const double* z, Index count, Index num_terms, bool in_long_double, double* table) {
  return in_long_double ? fill_table<long double>(z, count, num_terms, table)
                        : fill_table<double>(z, count, num_terms, table);
}

}  // namespace mfld::dual
