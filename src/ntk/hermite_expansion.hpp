#pragma once
#include <vector>

#include "kernels/dual_form.hpp"
#include "kernels/dual_kernels.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/model/activation.hpp"

namespace mfld::dual {

/// What the bounds of the error need to know of expansions: the largest over their roots s of these numbers, where
/// c_k and d_k are the coefficients of sigma(s z) and sigma'(s z), and M = E sigma(s z)^2 and S = E sigma'(s z)^2.
struct Extremes {
  double value_tail = 0;  // what the terms leave of M and S, by Parseval's identity; over M, and S
  double slope_tail = 0;
  double value_sum = 0;  // sum_k |c_k| / sqrt M, and of slopes
  double slope_sum = 0;
  double value_index = 0;  // sum_k k c_k^2 / M
  double slope_index = 0;  // sum_k k d_k^2 / S = s^2 E sigma''(s z)^2 / S
  double value_bend = 0;   // s^2 sqrt(E sigma''(s z)^2 / M)
  double slope_bend = 0;   // s^2 sqrt(E sigma'''(s z)^2 / S)
  // Bounds of errors: of M, relative to it; of every c_k, over sqrt M; of all of them in the square mean, over sqrt M.
  double moment_error = 0, value_each = 0, value_all = 0;
  double slope_moment_error = 0, slope_each = 0, slope_all = 0;
  // sup |sigma'|^2 / S, s^2 sup |sigma''|^2 / S, s^2 sup |sigma''| / sqrt M, s^2 sup |sigma'''| / sqrt S
  double first = 0, second = 0, value_second = 0, third = 0;

  void join(const Extremes& other);
};

/// E sigma(s z)^2 and E sigma'(s z)^2, and a d/da of the first at a = s^2.
struct Moments {
  double value = 0, slope = 0, change = 0;
};

/// c_k = E[sigma(s z) h_k(z)] and the same of sigma', k < num_terms, for every standard deviation s in `roots`; z ~
/// N(0, 1), h_k the orthonormal Hermite polynomials. E[sigma(u) sigma(v)] is then sum_k c_k(s) c_k(t) rho^k (Mehler).
struct HermiteExpansion {
  Index num_terms = 0;         // even
  std::vector<double> values;  // [tile of roots][num_terms][tile_rows]
  std::vector<double> slopes;
  std::vector<Moments> moments;  // one a root
  Extremes extremes;
  Index num_nodes = 0;     // of the rule of quadrature, or
  bool has_bound = false;  // nothing is known of its error

  /// Where the coefficients of root i start; they are tile_rows apart.
  std::size_t start(Index i) const {
    return static_cast<std::size_t>(i / tile_rows * tile_rows * num_terms + i % tile_rows);
  }
};

/// Terms (an even number) that bring the error for deviations up to `largest_root` to rounding, or the most there may
/// be.
Index terms_needed(Activation kind, double largest_root);

/// roots [count] <= largest_root, num_terms even. Parallel over roots.
HermiteExpansion expand(Activation kind, const double* roots, Index count, Index num_terms, double largest_root);

/// Upper bounds of the errors of sums over pairs of roots s, t at any |rho| <= 1: of values in units of
/// sqrt(M(s) M(t)), of slopes of sqrt(S(s) S(t)). Infinite where nothing is known of sigma's smoothness, or a root is
/// too large for what is known to help.
class ExpansionErrors {
 public:
  /// Of the expansions of one layer, whose extremes have been joined.
  ExpansionErrors(const HermiteExpansion& any, const Extremes& extremes);

  /// Of variances, relative to them, and of covariances, relative to the square root of the variances' product.
  struct Inputs {
    double variance, covariance;
  };
  struct Pair {
    double value, slope;
    double moved;  // to be added to the value, in units of s t sqrt(S(s) S(t))
  };
  /// By Price's theorem, with a = s^2 and b = t^2,
  ///   |dE sigma sigma|   <= sqrt(S S)                    |dc| + max a sqrt(E sigma''^2)  sqrt(M) |da / a|,
  ///   |dE sigma' sigma'| <= sqrt(E sigma''^2 E sigma''^2) |dc| + max a sqrt(E sigma'''^2) sqrt(S) |da / a|,
  /// where a covariance that is clipped to |rho| <= 1 may be as wrong as the variances. The moments on the right are
  /// those of the variances that were computed: a d/da E g(sqrt(a) z) = E (z^2 - 1) g / 2 <= sup |g| / 2 leads to
  /// others.
  Pair at(Inputs errors) const;
  double moment() const { return extremes_.moment_error; }  // relative

 private:
  Extremes extremes_;
  double value_ = 0;
  double slope_ = 0;
};

}  // namespace mfld::dual
