// Dual activations on vectors of kernel entries, one struct an activation with a closed form. Included once per
// instruction set.
#if defined(MFLD_KERNELS_DUAL_ACTIVATION_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_DUAL_ACTIVATION_INL_HPP
#undef MFLD_KERNELS_DUAL_ACTIVATION_INL_HPP
#else
#define MFLD_KERNELS_DUAL_ACTIVATION_INL_HPP
#endif

#include "kernels/dual_kernels.hpp"
#include "kernels/vector/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

using Wide = hn::ScalableTag<double>;
using WideVector = hn::Vec<Wide>;

/// Two preactivations of variances a, b and covariance c, by what keeps its relative accuracy at any angle.
struct Covariance {
  WideVector root_a;
  WideVector root_b;
  WideVector c;
  WideVector det;  // a b - c^2
};

struct Expectation {
  WideVector value;  // E sigma sigma
  WideVector slope;  // E sigma' sigma'
};

/// What the next layer multiplies and adds: w E + b.
struct NextLayer {
  WideVector weight;
  WideVector bias;
  WideVector root_a;
  WideVector root_b;
};

/// P(t^2) in atan t = t - t^3 P(t^2), |t| <= 1; minimax, relative error 8e-17. Estrin's scheme: the chain of dependent
/// operations is what limits these kernels.
HWY_INLINE WideVector atan_remainder(Wide d, WideVector y) {
  constexpr double c[20] = {
      0.33333333333333330558,  -0.19999999999997747097,  0.14285714285409332579,    -0.11111111094666485228,
      0.090909086199252634687, -0.076922994090709828827, 0.066665690944304897367,   -0.058815378553486671893,
      0.052581324618832633086, -0.047383604758124063928, 0.042621386415925312528,   -0.03753475355950535898,
      0.03134594236539138191,  -0.023787789244615384268, 0.015626946571342301826,   -0.0084380691627283725649,
      0.003533545854799803049, -0.001063611952351153004, 0.00020314484391496839813, -0.000018395130475734991159};
  const WideVector y2 = hn::Mul(y, y);
  const WideVector y4 = hn::Mul(y2, y2);
  const WideVector y8 = hn::Mul(y4, y4);
  const auto four = [&](int k) HWY_ATTR {
    const WideVector low = hn::MulAdd(hn::Set(d, c[k + 1]), y, hn::Set(d, c[k]));
    const WideVector high = hn::MulAdd(hn::Set(d, c[k + 3]), y, hn::Set(d, c[k + 2]));
    return hn::MulAdd(high, y2, low);
  };
  const WideVector low = hn::MulAdd(four(4), y4, four(0));
  const WideVector high = hn::MulAdd(four(12), y4, four(8));
  return hn::MulAdd(hn::MulAdd(four(16), y8, high), y8, low);
}

/// The acute angle phi between u and +-v, and R = |u||v| (sin phi - phi cos phi), both with small relative error
/// however small the angle: with s = sqrt(det), m = |u||v| + |c| and t = tan(phi/2) = s/m,
///   phi = 2 (t - t^3 P),   R = t^3 (m + 2 |c| P),   |u||v| - |c| = s t.
struct AcuteAngle {
  WideVector norms;  // |u||v|
  WideVector angle;
  WideVector remainder;  // R
  WideVector gap;        // |u||v| - |c|
};

HWY_INLINE AcuteAngle acute_angle(Wide d, const Covariance& k) {
  const WideVector norms = hn::Mul(k.root_a, k.root_b);
  const WideVector s = hn::Sqrt(k.det);
  const WideVector cosine = hn::Abs(k.c);
  const WideVector m = hn::Add(norms, cosine);
  const WideVector t = hn::Div(s, hn::Max(m, hn::Set(d, 1e-300)));  // a zero vector: angle 0
  const WideVector y = hn::Mul(t, t);
  const WideVector p = atan_remainder(d, y);
  const WideVector t3 = hn::Mul(t, y);
  const WideVector half = hn::NegMulAdd(t3, p, t);
  return {norms, hn::Add(half, half), hn::Mul(t3, hn::MulAdd(hn::Add(cosine, cosine), p, m)), hn::Mul(s, t)};
}

/// a b - c^2 by itself: enough where the dual activation is smooth at parallel inputs.
HWY_INLINE WideVector plain_determinant(Wide d, const NextLayer& next, WideVector c) {
  const WideVector norms = hn::Mul(next.root_a, next.root_b);
  const WideVector cosine = hn::Abs(c);
  return hn::Max(hn::Zero(d), hn::Mul(hn::Sub(norms, cosine), hn::Add(norms, cosine)));
}

/// Cho & Saul 2009, degrees 0 and 1: 2 pi E sigma sigma = |u||v| (sin theta + (pi - theta) cos theta),
/// 2 pi E sigma' sigma' = pi - theta.
template <bool right_slope>
struct DualRelu {
  static HWY_INLINE Expectation expect(Wide d, const Covariance& k, WideVector* determinant, const NextLayer& next) {
    const WideVector zero = hn::Zero(d);
    const WideVector pi = hn::Set(d, 3.14159265358979323846);
    const WideVector half_turn = hn::Set(d, 0.15915494309189533577);  // 1 / (2 pi)
    const AcuteAngle acute = acute_angle(d, k);
    const auto obtuse = hn::Lt(k.c, zero);
    const WideVector forward = hn::MulAdd(pi, hn::Max(k.c, zero), acute.remainder);
    Expectation e;
    e.value = hn::Mul(forward, half_turn);
    e.slope = hn::Mul(hn::IfThenElse(obtuse, acute.angle, hn::Sub(pi, acute.angle)), half_turn);
    const auto none = hn::Eq(acute.norms, zero);
    WideVector slope_at_zero = zero;
    if constexpr (right_slope) {
      const auto both = hn::Eq(hn::Add(k.root_a, k.root_b), zero);
      slope_at_zero = hn::IfThenElse(both, hn::Set(d, 1), hn::Set(d, 0.5));
    }
    e.slope = hn::IfThenElse(none, slope_at_zero, e.slope);
    *determinant = next_determinant(d, k, acute, obtuse, e.value, next);
    return e;
  }

  /// With A = w a / 2 and so on, and D = |u||v| - 2 E (no cancellation: D = s t - R / pi for acute angles),
  ///   (A + b)(B + b) - (w E + b)^2 = (w/2)^2 D (|u||v| + 2 E) + b (w/2) [(|u| - |v|)^2 + 2 D].
  template <class Mask>
  static HWY_INLINE WideVector next_determinant(Wide d, const Covariance& k, const AcuteAngle& acute, Mask obtuse,
                                                WideVector value, const NextLayer& next) {
    const WideVector start = hn::IfThenElse(obtuse, acute.norms, acute.gap);
    const WideVector difference =
        hn::Max(hn::Zero(d), hn::NegMulAdd(acute.remainder, hn::Set(d, 0.31830988618379067154), start));
    const WideVector sum = hn::MulAdd(hn::Set(d, 2), value, acute.norms);
    const WideVector half = hn::Mul(hn::Set(d, 0.5), next.weight);
    const WideVector norms = hn::Sub(k.root_a, k.root_b);
    const WideVector spread = hn::MulAdd(norms, norms, hn::Add(difference, difference));
    return hn::Mul(half, hn::MulAdd(hn::Mul(half, difference), sum, hn::Mul(next.bias, spread)));
  }
};

/// Cho & Saul 2009, degree 2: 2 pi E sigma sigma = a b [3 sin cos + (pi - theta)(1 + 2 cos^2)]; the slope 2 relu gives
/// four times the value of degree 1.
struct DualSquaredRelu {
  static HWY_INLINE Expectation expect(Wide d, const Covariance& k, WideVector* determinant, const NextLayer& next) {
    const WideVector zero = hn::Zero(d);
    const WideVector pi = hn::Set(d, 3.14159265358979323846);
    const WideVector half_turn = hn::Set(d, 0.15915494309189533577);
    const AcuteAngle acute = acute_angle(d, k);
    const auto obtuse = hn::Lt(k.c, zero);
    const WideVector both = hn::MulAdd(hn::Set(d, 2), hn::Mul(k.c, k.c), hn::Mul(acute.norms, acute.norms));
    const WideVector three = hn::Mul(hn::Set(d, 3), hn::Mul(hn::Sqrt(k.det), hn::Abs(k.c)));
    // phi (1 + 2 cos^2) - 3 sin cos, by its series 4/15 phi^5 + ... where the difference cancels.
    const WideVector y = hn::Mul(acute.angle, acute.angle);
    // Coefficients (-4)^m (2m - 2) / (2m + 1)!, m = 2, 3, ...
    constexpr double c[] = {0.26666666666666666667,     -0.050793650793650793651,   0.0042328042328042328042,
                            -0.00020522687189353856021, 6.5777843555621333399e-6,   -1.5034935669856304777e-7,
                            2.5795232766910326823e-9,   -3.4479843297457412629e-11, 3.6942689247275799246e-13};
    const WideVector series =
        hn::Mul(hn::Mul(hn::Mul(acute.norms, acute.norms), hn::Mul(acute.angle, hn::Mul(y, y))), polynomial(d, y, c));
    const WideVector direct = hn::MulSub(acute.angle, both, three);
    const WideVector rest = hn::IfThenElse(hn::Lt(acute.angle, hn::Set(d, 0.5)), series, direct);
    Expectation e;
    e.value = hn::Mul(hn::IfThenElse(obtuse, rest, hn::MulSub(pi, both, rest)), half_turn);
    e.slope = hn::Mul(hn::MulAdd(pi, hn::Max(k.c, zero), acute.remainder), hn::Mul(hn::Set(d, 4), half_turn));
    *determinant = plain_determinant(d, next, hn::MulAdd(next.weight, e.value, next.bias));
    return e;
  }
};

/// Williams 1997: E erf erf = 2/pi atan(2c / sqrt D) and E erf' erf' = 4/(pi sqrt D) with
/// D = (1 + 2a)(1 + 2b) - 4c^2 = 1 + 2a + 2b + 4 det, a sum of positive terms.
struct DualErf {
  static HWY_INLINE Expectation expect(Wide d, const Covariance& k, WideVector* determinant, const NextLayer& next) {
    const WideVector one = hn::Set(d, 1);
    const WideVector two = hn::Set(d, 2);
    const WideVector a = hn::Mul(k.root_a, k.root_a);
    const WideVector b = hn::Mul(k.root_b, k.root_b);
    const WideVector q = hn::MulAdd(hn::Set(d, 4), k.det, hn::MulAdd(two, hn::Add(a, b), one));
    const WideVector root = hn::Sqrt(q);
    const WideVector hypotenuse = hn::Sqrt(hn::Mul(hn::MulAdd(two, a, one), hn::MulAdd(two, b, one)));
    const WideVector t = hn::Div(hn::Mul(two, k.c), hn::Add(hypotenuse, root));
    const WideVector y = hn::Mul(t, t);
    const WideVector half = hn::NegMulAdd(hn::Mul(t, y), atan_remainder(d, y), t);
    Expectation e;
    e.value = hn::Mul(hn::Set(d, 1.2732395447351626862), half);
    e.slope = hn::Div(hn::Set(d, 1.2732395447351626862), root);
    *determinant = plain_determinant(d, next, hn::MulAdd(next.weight, e.value, next.bias));
    return e;
  }
};

struct DualLinear {
  static HWY_INLINE Expectation expect(Wide d, const Covariance& k, WideVector* determinant,
                                       const NextLayer& /*next*/) {
    *determinant = hn::Zero(d);  // not used
    return {k.c, hn::Set(d, 1)};
  }
};

/// Mehler's expansion, sum_k c_k(a) c_k(b) rho^k, c_k(a) = E[sigma(sqrt(a) z) h_k(z)], h_k the orthonormal Hermite
/// polynomials.
/// Even and odd terms are summed apart, by Horner's rule in rho^2, for the sake of independent chains; num_terms is
/// even.
struct MehlerSums {
  Index num_terms;
  const double* row_values;  // [term][tile_rows]
  const double* row_slopes;
  const double* column_values;  // [term]
  const double* column_slopes;

  HWY_INLINE Expectation expect(Wide d, const Covariance& k, Index row) const {
    const WideVector one = hn::Set(d, 1);
    const WideVector norms = hn::Max(hn::Mul(k.root_a, k.root_b), hn::Set(d, 1e-300));
    const WideVector rho = hn::Max(hn::Neg(one), hn::Min(one, hn::Div(k.c, norms)));
    const WideVector square = hn::Mul(rho, rho);
    WideVector value[2] = {hn::Zero(d), hn::Zero(d)};
    WideVector slope[2] = {hn::Zero(d), hn::Zero(d)};
    for (Index term = num_terms - 2; term >= 0; term -= 2) {
      for (Index odd = 0; odd < 2; ++odd) {
        const Index at = (term + odd) * dual::tile_rows + row;
        const WideVector x_value = hn::LoadU(d, row_values + at);
        const WideVector x_slope = hn::LoadU(d, row_slopes + at);
        value[odd] = hn::MulAdd(value[odd], square, hn::Mul(x_value, hn::Set(d, column_values[term + odd])));
        slope[odd] = hn::MulAdd(slope[odd], square, hn::Mul(x_slope, hn::Set(d, column_slopes[term + odd])));
      }
    }
    return {hn::MulAdd(value[1], rho, value[0]), hn::MulAdd(slope[1], rho, slope[0])};
  }
};

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
