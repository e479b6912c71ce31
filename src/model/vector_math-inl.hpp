// Vector functions on Highway, compiled once per instruction set. No include guard by #pragma: see Highway's manual.
#if defined(MFLD_MODEL_VECTOR_MATH_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_MODEL_VECTOR_MATH_INL_HPP
#undef MFLD_MODEL_VECTOR_MATH_INL_HPP
#else
#define MFLD_MODEL_VECTOR_MATH_INL_HPP
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

/// u = n + f with n the nearest integer, and 2^n. |n| stays below the exponent bias. Adding 3/2 2^(mantissa bits)
/// rounds to an integer and leaves it in the low bits, which saves a conversion that older instruction sets lack.
template <class V>
struct PowerOfTwo {
  V fraction;  // f, |f| <= 1/2
  V power;     // 2^n
};

template <class D, class V>
HWY_INLINE PowerOfTwo<V> split_power_of_two(D d, V u) {
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> di;
  using TI = hn::TFromD<decltype(di)>;
  constexpr int mantissa_bits = sizeof(T) == 8 ? 52 : 23;
  constexpr TI bias = sizeof(T) == 8 ? 1023 : 127;
  const V magic = hn::Set(d, static_cast<T>(sizeof(T) == 8 ? 0x1.8p52 : 0x1.8p23));
  const V shifted = hn::Add(u, magic);
  const V n = hn::Sub(shifted, magic);
  const V power = hn::BitCast(d, hn::ShiftLeft<mantissa_bits>(hn::Add(hn::BitCast(di, shifted), hn::Set(di, bias))));
  return {hn::Sub(u, n), power};
}

/// tanh by the addition formula. With 2x/ln 2 = n + f, |f| <= 1/2, and s = 2^n,
///   tanh(f ln2 / 2) = R(f) / Q(f)   (minimax, relative error 5e-18; 5e-10 in single precision)
///   tanh x = ((s - 1) Q + (s + 1) R) / ((s + 1) Q + (s - 1) R)
/// One division, no sign handling; s - 1 keeps the relative accuracy near 0, and the rounding of 2x/ln2 is damped by
/// 1 - tanh^2. At most 4 ulp on the whole line (5 where multiply-adds are not fused); NaN gives NaN.
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  using T = hn::TFromD<D>;
  const V limit = hn::Set(d, static_cast<T>(sizeof(T) == 8 ? 22 : 11));
  // The operand order lets NaN through: x86 minimum and maximum return their second operand when one is NaN.
  const V clamped = hn::Min(limit, hn::Max(hn::Neg(limit), x));
  const V u = hn::Mul(clamped, hn::Set(d, static_cast<T>(2.8853900817779268147)));  // 2 / ln 2
  const auto [f, s] = split_power_of_two(d, u);
  const V t = hn::Mul(f, f);
  V r;
  V q;
  if constexpr (sizeof(T) == 8) {
    constexpr double p[] = {0.34657359027997265303, 0.0046248405990847300254, 5.2870794151089496673e-6};
    constexpr double c[] = {1.0, 0.053382220354252111619, 0.00022893351991522551226};
    r = hn::Mul(f, polynomial(d, t, p));
    q = polynomial(d, t, c);
  } else {
    constexpr double p[] = {0.346573590094463828, 0.0027716340514583781194};
    constexpr double c[] = {1.0, 0.048034957907447068757};
    r = hn::Mul(f, polynomial(d, t, p));
    q = polynomial(d, t, c);
  }
  const V one = hn::Set(d, static_cast<T>(1));
  const V below = hn::Sub(s, one);
  const V above = hn::Add(s, one);
  const V result = hn::Div(hn::MulAdd(below, q, hn::Mul(above, r)), hn::MulAdd(above, q, hn::Mul(below, r)));
  return hn::IfThenElse(hn::IsNaN(x), x, result);
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
