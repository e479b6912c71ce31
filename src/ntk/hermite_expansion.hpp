#pragma once
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld::dual {

/// Whether the dual activation of `kind` is a sum over Hermite coefficients rather than a closed form.
bool needs_expansion(Activation kind);

/// c_k = E[sigma(s z) h_k(z)] and the same of sigma', k < num_terms, for every standard deviation s in `roots`; z ~
/// N(0, 1), h_k the orthonormal Hermite polynomials. E[sigma(u) sigma(v)] is then sum_k c_k(s) c_k(t) rho^k (Mehler).
struct HermiteExpansion {
  Index num_terms = 0;
  Index stride = 0;            // roots.size() rounded up by the caller
  std::vector<double> values;  // [num_terms][stride]
  std::vector<double> slopes;
  std::vector<double> moments;  // E sigma(s z)^2 [stride]
  // Of the sums above at any |rho| <= 1, for any pair of the roots: upper bounds of the error.
  double value_error = 0;
  double slope_error = 0;
  double moment_error = 0;
  double largest_moment = 0;
};

/// Terms that bring the error for deviations up to `largest_root` to rounding, or the most there may be.
Index terms_needed(Activation kind, double largest_root);

/// roots [stride], of which entries beyond `count` are not read. Parallel over roots.
HermiteExpansion expand(Activation kind, const double* roots, Index count, Index stride, Index num_terms);

/// sup |sigma'|, |sigma''|, |sigma'''| over the real line.
struct DerivativeBounds {
  double first;
  double second;
  double third;
};
DerivativeBounds derivative_bounds(Activation kind);

}  // namespace mfld::dual
