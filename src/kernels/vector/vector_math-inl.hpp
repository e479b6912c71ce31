// Vector functions on Highway, compiled once per instruction set. No include guard by #pragma: see Highway's manual.
#if defined(MFLD_KERNELS_VECTOR_MATH_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_VECTOR_MATH_INL_HPP
#undef MFLD_KERNELS_VECTOR_MATH_INL_HPP
#else
#define MFLD_KERNELS_VECTOR_MATH_INL_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// c[0] + c[1] x + ... + c[n-1] x^(n-1), by Horner's rule.
template <class D, class V, std::size_t n>
HWY_INLINE V polynomial(D d, V x, const double (&c)[n]) {
  using T = hn::TFromD<D>;
  V sum = hn::Set(d, static_cast<T>(c[n - 1]));
  for (std::size_t k = n - 1; k-- > 0;) {
    sum = hn::MulAdd(sum, x, hn::Set(d, static_cast<T>(c[k])));
  }
  return sum;
}

/// min(limit, x), where NaN stays NaN: vector minima give their second operand, or NaN, when one is NaN.
template <class V>
HWY_INLINE V at_most(V limit, V x) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, limit), limit, x);
#else
  return hn::Min(limit, x);
#endif
}

inline constexpr double half_ln2 = 0.34657359027997265471;

/// tanh(x unit) by the addition formula, on |x|. With |x| unit = n ln2/2 + y, |y| <= ln2/4, s = 2^n and
///   tanh y = R(y) / Q(y)   (minimax, relative error 5e-18; 5e-10 in single precision)
///   tanh |x unit| = (b (Q + R) + R) / (b (Q + R) + Q),   b = (s - 1) / 2
/// One division; b = 0 near 0 keeps the relative accuracy there, and the rounding of n ln2/2 is damped by 1 - tanh^2.
/// unit is 1 or, if `scaled`, ln2/2, where finding n and y takes no multiplication and is exact. R and Q are then both
/// divided by the unit. The largest error found of tanh is 3.5 ulp (near x = 0.178; 3.2 in single precision); odd to
/// the bit; NaN gives NaN.
template <bool scaled, class D, class V>
HWY_INLINE V tanh_in_units(D d, V x) {
  using T = hn::TFromD<D>;
  constexpr bool is_double = sizeof(T) == 8;
  constexpr double unit = scaled ? half_ln2 : 1;
  constexpr double square = unit * unit;
  const V magnitude = at_most(hn::Set(d, static_cast<T>((is_double ? 63 : 31) * half_ln2 / unit)), hn::Abs(x));
  // Adding 3/2 2^(mantissa bits) rounds to an integer and leaves it in the low bits; with the exponent bias less one in
  // the same constant, a shift makes s / 2 of it.
  const V magic = hn::Set(d, static_cast<T>(is_double ? 0x1.8p52 + 1022 : 0x1.8p23 + 126));
  const V per_half_ln2 = hn::Set(d, static_cast<T>(1 / half_ln2));
  const V shifted = scaled ? hn::Add(magnitude, magic) : hn::MulAdd(magnitude, per_half_ln2, magic);
  const V n = hn::Sub(shifted, magic);
  const hn::RebindToUnsigned<D> di;
  const V half_s = hn::BitCast(d, hn::ShiftLeft < is_double ? 52 : 23 > (hn::BitCast(di, shifted)));
  const V b = hn::Sub(half_s, hn::Set(d, static_cast<T>(0.5)));
  const V y = scaled ? hn::Sub(magnitude, n) : hn::NegMulAdd(n, hn::Set(d, static_cast<T>(half_ln2)), magnitude);
  const V t = hn::Mul(y, y);
  V r;
  V q;
  if constexpr (is_double) {
    constexpr double p[] = {0.11109905699686089475 * square, 0.0010573980542520894485 * square * square};
    constexpr double c[] = {1 / unit, 0.44443239033018613312 * unit, 0.015868194833140696731 * unit * square};
    r = hn::MulAdd(hn::Mul(y, t), polynomial(d, t, p), y);
    q = polynomial(d, t, c);
  } else {
    constexpr double p[] = {0.06658087405614678 * square};
    constexpr double c[] = {1 / unit, 0.39991388556988147258 * unit};
    r = hn::MulAdd(hn::Mul(y, t), polynomial(d, t, p), y);
    q = polynomial(d, t, c);
  }
  const V sum = hn::Add(q, r);
  return hn::CopySign(hn::Div(hn::MulAdd(b, sum, r), hn::MulAdd(b, sum, q)), x);
}

template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  return tanh_in_units<false>(d, x);
}

/// exp(x), at most 2 ulp for normal results; 0 below and inf above the range; NaN gives NaN.
template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

/// 1 / (1 + exp(-x)): relative accuracy kept on both sides, at most 4 ulp for normal results.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, static_cast<T>(1));
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), at most 4 ulp for normal results.
template <class D, class V>
HWY_INLINE V softplus(D d, V x) {
  const V positive = hn::Max(x, hn::Zero(d));
  const V result = hn::Add(positive, hn::Log1p(d, exp(d, hn::Neg(hn::Abs(x)))));
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

/// erf(x): x P(x^2) for |x| <= 1, sign(x) (1 - exp(-x^2) S(1 / (|x| + 2))) above, S a weighted minimax fit of erfcx.
/// At most 4 ulp on the whole line; NaN gives NaN.
template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  using T = hn::TFromD<D>;
  constexpr double near[] = {1.1283791670955125737,     -0.37612638903183747598,    0.11283791670954857203,
                             -0.02686617064507283805,   0.0052239776247802900781,   -0.00085483269787077646466,
                             0.00012055331035598390763, -0.00001492559347459153501, 1.6460972283226066923e-6,
                             -1.6350019405975118933e-7, 1.4657839713080013915e-8,   -1.1365507162865529367e-9,
                             5.9449872063611186672e-11};
  constexpr double far[] = {0.000028575726745953838756, 0.56294369978080274587, 1.1528817763387624508,
                            1.6888998185486865141,      5.0009712856765401796,  -8.5865380894732360895,
                            38.828756231797851612,      -92.196443467108647275, 73.228463389092035726,
                            40.3303006421133283,        -103.12165458992039645, 49.989387922048933894};
  const V one = hn::Set(d, static_cast<T>(1));
  const V magnitude = hn::Min(hn::Abs(x), hn::Set(d, static_cast<T>(6)));
  const V square = hn::Mul(x, x);
  const V small = hn::Mul(x, polynomial(d, hn::Min(square, one), near));
  const V s = hn::Div(one, hn::Add(magnitude, hn::Set(d, static_cast<T>(2))));
  const V tail = hn::Mul(hn::Exp(d, hn::Neg(hn::Mul(magnitude, magnitude))), polynomial(d, s, far));
  const V large = hn::CopySign(hn::Sub(one, tail), x);
  const V result = hn::IfThenElse(hn::Le(magnitude, one), small, large);
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
