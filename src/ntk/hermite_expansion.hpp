#pragma once
#include <vector>

#include "kernels/dual_form.hpp"
#include "kernels/dual_kernels.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld::dual {

/// c_k = E[sigma(s z) h_k(z)] and the same of sigma', k < num_terms, for every standard deviation s in `roots`; z ~
/// N(0, 1), h_k the orthonormal Hermite polynomials. E[sigma(u) sigma(v)] is then sum_k c_k(s) c_k(t) rho^k (Mehler).
struct HermiteExpansion {
  Index num_terms = 0;         // even
  std::vector<double> values;  // [tile of roots][num_terms][tile_rows]
  std::vector<double> slopes;
  std::vector<double> moments;  // E sigma(s z)^2, one a root
  // Of the sums above at any |rho| <= 1, for any pair of the roots: upper bounds of the error, infinite where nothing
  // is known of sigma's smoothness, or a root is too large for what is known to help.
  double value_error = 0;
  double slope_error = 0;
  double moment_error = 0;
  double largest_moment = 0;        // E sigma(s z)^2
  double largest_slope_moment = 0;  // E sigma'(s z)^2

  /// Where the coefficients of root i start; they are tile_rows apart.
  std::size_t start(Index i) const {
    return static_cast<std::size_t>(i / tile_rows * tile_rows * num_terms + i % tile_rows);
  }
};

/// Terms (an even number) that bring the error for deviations up to `largest_root` to rounding, or the most there may
/// be.
Index terms_needed(Activation kind, double largest_root);

/// roots [count], num_terms even. Parallel over roots.
HermiteExpansion expand(Activation kind, const double* roots, Index count, Index num_terms);

}  // namespace mfld::dual
