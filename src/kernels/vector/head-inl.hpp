// The arithmetic of the neurons' heads, one case a row of `neurons` (include/mfld/model/neuron.hpp).
#if defined(MFLD_KERNELS_HEAD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_HEAD_INL_HPP
#undef MFLD_KERNELS_HEAD_INL_HPP
#else
#define MFLD_KERNELS_HEAD_INL_HPP
#endif

#include "kernels/vector/vector_math-inl.hpp"
#include "mfld/model/neuron.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// h = weight(r) sigma(z) + offset(r) and the derivatives in r, for a vector of particles.
template <class V>
struct Head {
  V weight;        // a(r)
  V weight_slope;  // a'(r)
  V offset;        // c(r)
  V offset_slope;  // c'(r)
};

template <class D, class V>
HWY_INLINE Head<V> head(D d, NeuronKind kind, double bound, V r) {
  using T = hn::TFromD<D>;
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, static_cast<T>(1));
  const auto scaled = [&](double factor) HWY_ATTR { return hn::Set(d, static_cast<T>(factor * bound)); };
  switch (kind) {
    case NeuronKind::r_sigma:
    case NeuronKind::fixed_sign:
      return {r, one, zero, zero};
    case NeuronKind::bounded_r: {
      const V t = tanh(d, r);
      const V full = scaled(1);
      return {hn::Mul(full, t), hn::Mul(full, hn::NegMulAdd(t, t, one)), zero, zero};
    }
    case NeuronKind::sigma:
    case NeuronKind::linear:
      return {one, zero, zero, zero};
    case NeuronKind::parity: {
      const V t = tanh(d, r);
      const V two_thirds = scaled(2.0 / 3.0);
      return {scaled(1.0 / 3.0), zero, hn::Mul(two_thirds, t), hn::Mul(two_thirds, hn::NegMulAdd(t, t, one))};
    }
    case NeuronKind::parity_unbounded: {
      const V half = scaled(0.5);
      return {half, zero, hn::Mul(half, r), half};
    }
  }
  return {zero, zero, zero, zero};
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
