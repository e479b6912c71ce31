// The arithmetic of the activations, one struct a row of `activations` (include/mfld/model/activation.hpp).
#if defined(MFLD_MODEL_ACTIVATION_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_MODEL_ACTIVATION_INL_HPP
#undef MFLD_MODEL_ACTIVATION_INL_HPP
#else
#define MFLD_MODEL_ACTIVATION_INL_HPP
#endif

#include "mfld/model/activation.hpp"
#include "model/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

// value(d, z) is sigma(z); slope(d, z, t) is sigma'(z) given t = sigma(z). Where the slope does not follow cheaply and
// accurately from the value alone, `slope_from_value` is false and the kernels keep the slope beside the value.

struct Relu {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Zero(d), z);  // NaN passes
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V /*z*/, V t) {
    return hn::IfThenElseZero(hn::Gt(t, hn::Zero(d)), hn::Set(d, 1));
  }
};

struct ReluRight : Relu {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z, V /*t*/) {
    return hn::IfThenElseZero(hn::Ge(z, hn::Zero(d)), hn::Set(d, 1));
  }
};

struct Tanh {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return tanh(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V /*z*/, V t) {
    return hn::NegMulAdd(t, t, hn::Set(d, 1));
  }
};

struct Erf {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return erf(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z, V /*t*/) {
    using T = hn::TFromD<D>;
    return hn::Mul(hn::Set(d, static_cast<T>(1.1283791670955125739)), exp(d, hn::Neg(hn::Mul(z, z))));
  }
};

struct Sigmoid {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return sigmoid(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V /*z*/, V t) {
    return hn::Mul(t, hn::Sub(hn::Set(d, 1), t));
  }
};

struct Softplus {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    return softplus(d, z);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z, V /*t*/) {
    return sigmoid(d, z);
  }
};

struct SquaredRelu {
  static constexpr bool slope_from_value = false;
  template <class D, class V>
  static HWY_INLINE V value(D d, V z) {
    const V positive = Relu::value(d, z);
    return hn::Mul(positive, positive);
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V z, V /*t*/) {
    const V positive = Relu::value(d, z);
    return hn::Add(positive, positive);
  }
};

struct Linear {
  static constexpr bool slope_from_value = true;
  template <class D, class V>
  static HWY_INLINE V value(D /*d*/, V z) {
    return z;
  }
  template <class D, class V>
  static HWY_INLINE V slope(D d, V /*z*/, V /*t*/) {
    return hn::Set(d, 1);
  }
};

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

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
