// The arithmetic of kernels between points: a vector of particles against one source at a time.
#if defined(MFLD_KERNELS_PAIRS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_PAIRS_INL_HPP
#undef MFLD_KERNELS_PAIRS_INL_HPP
#else
#define MFLD_KERNELS_PAIRS_INL_HPP
#endif

#include "kernels/pairs.hpp"
#include "kernels/vector/vector_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// Sources whose sums are in the precision of the points.
inline constexpr Index pair_strip = 32;

template <class Scalar>
using PairTag = hn::ScalableTag<Scalar>;
template <class Scalar>
using PairVec = hn::Vec<PairTag<Scalar>>;

template <class Scalar>
HWY_INLINE Index pair_lanes() {
  return static_cast<Index>(hn::Lanes(PairTag<Scalar>()));
}

/// phi and its derivatives in the squared distance.
template <class V>
struct Radial {
  V value;
  V first;
  V second;
  V third;
};

/// phi = exp(-rate rho).
struct GaussianPair {
  template <class D, class V>
  static HWY_INLINE Radial<V> at(D d, V rate, V rho) {
    const V value = exp(d, hn::Neg(hn::Mul(rate, rho)));
    const V first = hn::Neg(hn::Mul(rate, value));
    const V second = hn::Neg(hn::Mul(rate, first));
    return {value, first, second, hn::Neg(hn::Mul(rate, second))};
  }
};

/// phi = (1 + rate rho)^(-1/2) = sqrt(u): each derivative is -(k + 1/2) rate u times the one before, k = 0, 1, 2.
struct InverseMultiquadricPair {
  template <class D, class V>
  static HWY_INLINE Radial<V> at(D d, V rate, V rho) {
    using T = hn::TFromD<D>;
    const V one = hn::Set(d, static_cast<T>(1));
    const V u = hn::Div(one, hn::MulAdd(rate, rho, one));
    const V step = hn::Mul(hn::Set(d, static_cast<T>(-0.5)), hn::Mul(rate, u));
    const V value = hn::Sqrt(u);
    const V first = hn::Mul(step, value);
    const V second = hn::Mul(hn::Mul(hn::Set(d, static_cast<T>(3)), step), first);
    return {value, first, second, hn::Mul(hn::Mul(hn::Set(d, static_cast<T>(5)), step), second)};
  }
};

/// body(phi) with the functions of a radial kernel.
template <class Body>
HWY_INLINE void with_radial(kernels::PairKernelKind kind, const Body& body) {
  if (kind == kernels::PairKernelKind::inverse_multiquadric) {
    body(InverseMultiquadricPair());
  } else {
    body(GaussianPair());
  }
}

/// Adds a vector to numbers in double.
template <class Scalar>
HWY_INLINE void add_in_double(PairVec<Scalar> sum, double* HWY_RESTRICT to) {
  alignas(128) Scalar lanes[kernels::pair_tile];
  hn::Store(sum, PairTag<Scalar>(), lanes);
  const Index count = pair_lanes<Scalar>();
  for (Index i = 0; i < count; ++i) {
    to[i] += static_cast<double>(lanes[i]);
  }
}

/// A strip of sources against one vector of particles.
template <class Scalar>
struct PairStrip {
  Index dimension;
  Index numbers;            // of a point
  const Scalar* particles;  // [numbers][pair_tile] of the vector's first particle
  const Scalar* sources;    // [count][numbers]
  Index count;
};

/// sum_l (x_c - z_lc) weights_l.
template <class Scalar>
HWY_INLINE PairVec<Scalar> weighted_differences(const PairStrip<Scalar>& strip, Index c,
                                                const Scalar* HWY_RESTRICT weights) {
  const PairTag<Scalar> d;
  const auto x = hn::LoadU(d, strip.particles + c * kernels::pair_tile);
  auto sum = hn::Zero(d);
  for (Index l = 0; l < strip.count; ++l) {
    const auto difference = hn::Sub(x, hn::Set(d, strip.sources[l * strip.numbers + c]));
    sum = hn::MulAdd(hn::Load(d, weights + l * hn::MaxLanes(d)), difference, sum);
  }
  return sum;
}

template <class Phi, class Scalar>
void radial_strip(const PairStrip<Scalar>& strip, Scalar rate, double* values, double* gradients) {
  const PairTag<Scalar> d;
  alignas(128) Scalar slopes[pair_strip * hn::MaxLanes(PairTag<Scalar>())];
  auto sum = hn::Zero(d);
  for (Index l = 0; l < strip.count; ++l) {
    auto rho = hn::Zero(d);
    for (Index c = 0; c < strip.dimension; ++c) {
      const auto difference = hn::Sub(hn::LoadU(d, strip.particles + c * kernels::pair_tile),
                                      hn::Set(d, strip.sources[l * strip.numbers + c]));
      rho = hn::MulAdd(difference, difference, rho);
    }
    const auto phi = Phi::at(d, hn::Set(d, rate), rho);
    sum = hn::Add(sum, phi.value);
    hn::Store(hn::Add(phi.first, phi.first), d, slopes + l * hn::MaxLanes(d));
  }
  add_in_double<Scalar>(sum, values);
  for (Index c = 0; gradients != nullptr && c < strip.dimension; ++c) {
    add_in_double<Scalar>(weighted_differences(strip, c, slopes), gradients + c * kernels::pair_tile);
  }
}

/// P(C) and -S P'(C) of C = cos(x - z), S = sin(x - z).
template <class D, class V, class T>
HWY_INLINE void periodic_factor(D d, const T* polynomial, V cosine, V sine, V& value, V& slope) {
  value = hn::Set(d, polynomial[kernels::num_harmonics]);
  V derivative = hn::Zero(d);
  for (int k = kernels::num_harmonics - 1; k >= 0; --k) {
    derivative = hn::MulAdd(derivative, cosine, value);
    value = hn::MulAdd(value, cosine, hn::Set(d, polynomial[k]));
  }
  slope = hn::Neg(hn::Mul(sine, derivative));
}

/// The derivative in x_c is that of its factor times all other factors: those before it and those behind it.
template <class Scalar>
void periodic_strip(const PairStrip<Scalar>& strip, const Scalar* polynomial, double* values, double* gradients) {
  const PairTag<Scalar> d;
  using V = PairVec<Scalar>;
  constexpr Index most = kernels::most_periodic;
  V before[most];
  V slopes[most];
  V factors[most];
  V sums[most];
  for (Index c = 0; c < strip.dimension; ++c) {
    sums[c] = hn::Zero(d);
  }
  auto sum = hn::Zero(d);
  for (Index l = 0; l < strip.count; ++l) {
    const Scalar* source = strip.sources + l * strip.numbers;
    V product = hn::Set(d, static_cast<Scalar>(1));
    for (Index c = 0; c < strip.dimension; ++c) {
      const V cos_x = hn::LoadU(d, strip.particles + c * kernels::pair_tile);
      const V sin_x = hn::LoadU(d, strip.particles + (strip.dimension + c) * kernels::pair_tile);
      const V cos_z = hn::Set(d, source[c]);
      const V sin_z = hn::Set(d, source[strip.dimension + c]);
      const V cosine = hn::MulAdd(cos_x, cos_z, hn::Mul(sin_x, sin_z));
      const V sine = hn::MulSub(sin_x, cos_z, hn::Mul(cos_x, sin_z));
      before[c] = product;
      periodic_factor(d, polynomial, cosine, sine, factors[c], slopes[c]);
      product = hn::Mul(product, factors[c]);
    }
    sum = hn::Add(sum, product);
    V behind = hn::Set(d, static_cast<Scalar>(1));
    for (Index c = strip.dimension; gradients != nullptr && c-- > 0;) {
      sums[c] = hn::MulAdd(slopes[c], hn::Mul(before[c], behind), sums[c]);
      behind = hn::Mul(behind, factors[c]);
    }
  }
  add_in_double<Scalar>(sum, values);
  for (Index c = 0; gradients != nullptr && c < strip.dimension; ++c) {
    add_in_double<Scalar>(sums[c], gradients + c * kernels::pair_tile);
  }
}

/// What a Stein kernel is summed from, of each source of a strip.
template <class Scalar>
struct SteinWeights {
  static constexpr std::size_t size = pair_strip * hn::MaxLanes(PairTag<Scalar>());
  alignas(128) Scalar values[size];  // phi
  alignas(128) Scalar slopes[size];  // -2 phi'
  alignas(128) Scalar bends[size];   // twice the bracket of `direct`
};

template <class Phi, class Scalar>
HWY_INLINE PairVec<Scalar> stein_weights(const PairStrip<Scalar>& strip, Scalar rate, SteinWeights<Scalar>& weights) {
  const PairTag<Scalar> d;
  const auto number = [d](double x) HWY_ATTR { return hn::Set(d, static_cast<Scalar>(x)); };
  const auto twice_dimension = 2 * static_cast<double>(strip.dimension);
  auto sum = hn::Zero(d);
  for (Index l = 0; l < strip.count; ++l) {
    const Scalar* source = strip.sources + l * strip.numbers;
    auto rho = hn::Zero(d);
    auto product = hn::Zero(d);  // s.s'
    auto along = hn::Zero(d);    // (s - s').(x - z)
    for (Index c = 0; c < strip.dimension; ++c) {
      const auto score = hn::LoadU(d, strip.particles + (strip.dimension + c) * kernels::pair_tile);
      const auto source_score = hn::Set(d, source[strip.dimension + c]);
      const auto difference = hn::Sub(hn::LoadU(d, strip.particles + c * kernels::pair_tile), hn::Set(d, source[c]));
      rho = hn::MulAdd(difference, difference, rho);
      product = hn::MulAdd(score, source_score, product);
      along = hn::MulAdd(hn::Sub(score, source_score), difference, along);
    }
    const auto phi = Phi::at(d, hn::Set(d, rate), rho);
    const auto slope = hn::Mul(number(-2), phi.first);
    const auto bend = hn::Mul(number(-2), phi.second);
    const auto twist = hn::Mul(number(-4), phi.third);
    const auto trace = hn::MulAdd(hn::Add(bend, bend), rho, hn::Mul(number(twice_dimension / 2), slope));
    sum = hn::Add(sum, hn::MulAdd(phi.value, product, hn::MulAdd(slope, along, trace)));
    // The bracket: first s.s' + bend (along + d + 2) + twist rho.
    const auto outer = hn::Mul(bend, hn::Add(along, number(twice_dimension / 2 + 2)));
    const auto bracket = hn::MulAdd(phi.first, product, hn::MulAdd(twist, rho, outer));
    hn::Store(phi.value, d, weights.values + l * hn::MaxLanes(d));
    hn::Store(slope, d, weights.slopes + l * hn::MaxLanes(d));
    hn::Store(hn::Add(bracket, bracket), d, weights.bends + l * hn::MaxLanes(d));
  }
  return sum;
}

template <class Phi, class Scalar>
void stein_strip(const PairStrip<Scalar>& strip, Scalar rate, double* values, double* through, double* direct) {
  const PairTag<Scalar> d;
  SteinWeights<Scalar> weights;
  add_in_double<Scalar>(stein_weights<Phi>(strip, rate, weights), values);
  for (Index c = 0; through != nullptr && c < strip.dimension; ++c) {
    const auto score = hn::LoadU(d, strip.particles + (strip.dimension + c) * kernels::pair_tile);
    auto through_sum = weighted_differences(strip, c, weights.slopes);
    auto direct_sum = weighted_differences(strip, c, weights.bends);
    for (Index l = 0; l < strip.count; ++l) {
      const auto source_score = hn::Set(d, strip.sources[l * strip.numbers + strip.dimension + c]);
      through_sum = hn::MulAdd(hn::Load(d, weights.values + l * hn::MaxLanes(d)), source_score, through_sum);
      direct_sum =
          hn::MulAdd(hn::Load(d, weights.slopes + l * hn::MaxLanes(d)), hn::Sub(score, source_score), direct_sum);
    }
    add_in_double<Scalar>(through_sum, through + c * kernels::pair_tile);
    add_in_double<Scalar>(direct_sum, direct + c * kernels::pair_tile);
  }
}

/// visit(strip, first lane) for every vector of the tile and every strip of sources, in order.
template <class Scalar, class Visit>
HWY_INLINE void for_each_strip(const Scalar* particles, const Scalar* sources, Index num_sources, Index dimension,
                               Index numbers, const Visit& visit) {
  for (Index lane = 0; lane < kernels::pair_tile; lane += pair_lanes<Scalar>()) {
    for (Index first = 0; first < num_sources; first += pair_strip) {
      visit(PairStrip<Scalar>{dimension, numbers, particles + lane, sources + first * numbers,
                              HWY_MIN(pair_strip, num_sources - first)},
            lane);
    }
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
