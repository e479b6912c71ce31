#pragma once
#include <limits>

#include "mfld/model/activation.hpp"

namespace mfld::dual {

inline constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// The formulas in src/kernels/vector/dual_activation-inl.hpp; `none`: a series over Hermite coefficients.
enum class ClosedForm { none, relu, relu_right, squared_relu, erf, linear };

/// What bounds the error of that series. Of a function of which nothing is known every bound is infinite, and so is
/// that of its kernels.
struct Smoothness {
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  double height = 0;  // sigma is analytic for |Im| < height, and there
  double value = infinity;
  double growth = infinity;  // |sigma(p + iq)| <= value + growth |p|,
  double slope = infinity;   // |sigma'(p + iq)| <= slope
  double first = infinity;   // sup |sigma'|, |sigma''|, |sigma'''| over the real line
  double second = infinity;
  double third = infinity;
};

/// How E[sigma(u) sigma(v)] is found.
struct DualForm {
  ClosedForm closed_form = ClosedForm::none;
  Smoothness smoothness = {};  // only read where there is no closed form

  bool is_series() const { return closed_form == ClosedForm::none; }
};

/// An activation that has no row there has no closed form, and kernels without a bound of their error.
DualForm dual_form(Activation kind);

}  // namespace mfld::dual
