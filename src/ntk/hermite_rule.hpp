#pragma once
#include <limits>
#include <vector>

#include "kernels/dual_form.hpp"
#include "mfld/core/particles.hpp"

namespace mfld::dual {

inline constexpr double unit_roundoff = epsilon / 2;
inline constexpr double aliasing = 1e-19;  // of the trapezoid rule, relative to the bounds of the strip
inline constexpr Index most_terms = 4096;

/// Half of a rule of quadrature on [-end, end] that is symmetric about 0. Of functions psi_k = h_k phi^(1/2), h_k the
/// orthonormal Hermite polynomials, k < most_terms.
struct Rule {
  static constexpr double end = 13;
  std::vector<double> z, weight;
  bool has_bound = false;  // see integration_bound
};

/// The trapezoid rule where its error is known for sigma(root z) psi_k, k < num_terms, and panels where it is not.
Rule rule_for(const Smoothness& known, double root, Index num_terms);

/// Of E sigma(root z) h_k(z) by a rule that has a bound, where |sigma(root z)| is at most `size` over the strip in the
/// mean and `size_at_end` at |z| = end. Every |psi_k| is at most 0.64 (Indritz 1961), so that what lies beyond the end
/// contributes less than 5e-19 times the latter.
constexpr double integration_bound(double size, double size_at_end) { return aliasing * size + 5e-19 * size_at_end; }

/// psi_k at the nodes z [count] for k < num_terms, [num_terms][count]: the three-term recurrence, stable upwards. With
/// the digits of long double, so that what is left is the rounding of each number by itself, where the recurrence takes
/// milliseconds; in double where there are so many nodes that the expansion ends far from its limit.
void hermite_functions(const double* z, Index count, Index num_terms, bool in_long_double, double* table);

constexpr bool worth_long_double(Index num_nodes, Index num_terms) { return num_nodes * num_terms <= Index{1} << 22; }

/// Of psi_k, k < num_terms: what its recurrence and its own rounding bring.
constexpr double recurrence_error(Index num_nodes, Index num_terms) {
  constexpr double long_roundoff = static_cast<double>(std::numeric_limits<long double>::epsilon() / 2);
  const double step = worth_long_double(num_nodes, num_terms) ? long_roundoff : unit_roundoff;
  return unit_roundoff + 4 * static_cast<double>(num_terms) * step;
}

}  // namespace mfld::dual
