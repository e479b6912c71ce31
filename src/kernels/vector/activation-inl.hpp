// The arithmetic of the activations, one struct a row of `activations` (include/mfld/model/activation.hpp).
#if defined(MFLD_KERNELS_ACTIVATION_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_ACTIVATION_INL_HPP
#undef MFLD_KERNELS_ACTIVATION_INL_HPP
#else
#define MFLD_KERNELS_ACTIVATION_INL_HPP
#endif

#include "kernels/vector/vector_math-inl.hpp"
#include "mfld/model/activation.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

// value(d, z) is sigma(z). Where the slope follows cheaply and accurately from the value, `slope_from_value` is true
// and slope(d, c, ct, t) is c sigma'(z) given t = sigma(z) and ct = c t; else slope(d, z) is sigma'(z), and the kernels
// keep it beside the value. A row with an `input_scale` also has value_of_scaled(d, z) = sigma(z / input_scale), and
// the kernels scale the weights once where they would scale every pre-activation.

template <Activation kind>
struct Row {
  static_assert(is_listed(kind), "the activation has no row in the table of activations");
  static constexpr double input_scale = 1;
};

struct Relu : Row<Activation::relu> {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Zero(d), z);  // NaN passes
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V c, V /*ct*/, V t) {
    return hn::IfThenElseZero(hn::Gt(t, hn::Zero(d)), c);
  }
};

struct ReluRight : Row<Activation::relu_right> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return Relu::value(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    return hn::IfThenElseZero(hn::Ge(z, hn::Zero(d)), hn::Set(d, 1));
  }
};

struct Tanh : Row<Activation::tanh> {
  static constexpr bool slope_from_value = true;
  static constexpr double input_scale = 1 / half_ln2;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return tanh(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V value_of_scaled(D d, V z) {
    return tanh_in_units<true>(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D /*d*/, V c, V ct, V t) {
    return hn::NegMulAdd(ct, t, c);
  }
};

struct Erf : Row<Activation::erf> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return erf(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    using T = hn::TFromD<D>;
    return hn::Mul(hn::Set(d, static_cast<T>(1.1283791670955125739)), exp(d, hn::Neg(hn::Mul(z, z))));
  }
};

struct Sigmoid : Row<Activation::sigmoid> {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return sigmoid(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D /*d*/, V /*c*/, V ct, V t) {
    return hn::NegMulAdd(ct, t, ct);
  }
};

struct Softplus : Row<Activation::softplus> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return softplus(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    return sigmoid(d, z);
  }
};

struct SquaredRelu : Row<Activation::squared_relu> {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    const V positive = Relu::value(d, z);
    return hn::Mul(positive, positive);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z) {
    const V positive = Relu::value(d, z);
    return hn::Add(positive, positive);
  }
};

struct Linear : Row<Activation::linear> {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D /*d*/, V z) {
    return z;
  }
  template <class D, class V>
  static HWY_INLINE V slope(D /*d*/, V c, V /*ct*/, V /*t*/) {
    return c;
  }
};

/// sigma of a pre-activation that was computed from weights multiplied by Sigma::input_scale.
template <class Sigma, class D, class V>
HWY_INLINE V value_of_scaled(D d, V z) {
  if constexpr (Sigma::input_scale != 1) {
    static_assert(Sigma::slope_from_value, "the slope would want z itself");
    return Sigma::value_of_scaled(d, z);
  } else {
    return Sigma::value(d, z);
  }
}

/// sigma'(z), given t = sigma(z).
template <class Sigma, class D, class V>
HWY_INLINE V slope_at(D d, V z, V t) {
  if constexpr (Sigma::slope_from_value) {
    return Sigma::slope(d, hn::Set(d, 1), t, t);
  } else {
    return Sigma::slope(d, z);
  }
}

/// Calls body(row) with the struct of `kind`: the one place that turns the name into code.
template <class Body>
HWY_INLINE void with_activation(Activation kind, const Body& body) {
  switch (kind) {
    case Activation::relu:
      return body(Relu{});
    case Activation::relu_right:
      return body(ReluRight{});
    case Activation::tanh:
      return body(Tanh{});
    case Activation::erf:
      return body(Erf{});
    case Activation::sigmoid:
      return body(Sigmoid{});
    case Activation::softplus:
      return body(Softplus{});
    case Activation::squared_relu:
      return body(SquaredRelu{});
    case Activation::linear:
      return body(Linear{});
  }
}

inline double input_scale(Activation kind) {
  double scale = 1;
  with_activation(kind, [&](auto sigma) HWY_ATTR { scale = decltype(sigma)::input_scale; });
  return scale;
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
