// Philox4x32-10 and Box-Muller in vector registers, one particle a lane.
#if defined(MFLD_KERNELS_NOISE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_NOISE_INL_HPP
#undef MFLD_KERNELS_NOISE_INL_HPP
#else
#define MFLD_KERNELS_NOISE_INL_HPP
#endif

#include "kernels/vector/vector_math-inl.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/core/random.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// Product of the low 32 bits of every 64-bit lane.
template <class D64, class V64>
HWY_INLINE V64 multiply_low_words(D64 d, V64 a, V64 b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, (hn::GetLane(a) & 0xFFFFFFFFU) * (hn::GetLane(b) & 0xFFFFFFFFU));
#else
  const hn::Repartition<std::uint32_t, D64> d32;
  return hn::BitCast(d, hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b)));
#endif
}

template <class V64>
struct PhiloxWords {
  V64 x0, x1, x2, x3;  // one 32-bit word in the low half of every lane
};

/// Vectors of counters that go through the rounds together: with more of them the words leave the registers.
inline constexpr int philox_streams = 2;

/// philox4x32 (core/random.hpp) in every lane; the high halves of the words come out dirty.
template <class D64, class V64, int streams>
HWY_INLINE void philox(D64 d, PhiloxKey key, PhiloxWords<V64> (&words)[streams]) {
  const V64 multiplier_0 = hn::Set(d, std::uint64_t{0xD2511F53U});
  const V64 multiplier_1 = hn::Set(d, std::uint64_t{0xCD9E8D57U});
  for (int i = 0; i < 10; ++i) {
    const V64 key_0 = hn::Set(d, std::uint64_t{key[0]});
    const V64 key_1 = hn::Set(d, std::uint64_t{key[1]});
    for (auto& x : words) {
      const V64 product_0 = multiply_low_words(d, multiplier_0, x.x0);
      const V64 product_1 = multiply_low_words(d, multiplier_1, x.x2);
      x = {hn::Xor(hn::Xor(hn::ShiftRight<32>(product_1), x.x1), key_0), product_1,
           hn::Xor(hn::Xor(hn::ShiftRight<32>(product_0), x.x3), key_1), product_0};
    }
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
}

/// Particles whose words are in memory at a time. All of them first and then what becomes of them: one after the other,
/// words that wait for their products keep the processor from what does not.
inline constexpr Index words_chunk = 128;

/// The words of a few vectors of particles: [vector][4][lane].
class PhiloxChunk {
 public:
  /// Of block `block`, of at most words_chunk particles in `num` vectors; particles_of(k) are the indices in vector k.
  template <class ParticlesOf>
  HWY_INLINE PhiloxChunk(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index num,
                         const ParticlesOf& particles_of) {
    Index k = 0;
    for (; k + philox_streams <= num; k += philox_streams) {
      turn<philox_streams>(key, step, block, k, particles_of);
    }
    for (; k < num; ++k) {
      turn<1>(key, step, block, k, particles_of);
    }
  }

  using D = hn::ScalableTag<std::uint64_t>;
  HWY_INLINE PhiloxWords<hn::Vec<D>> of_vector(Index k) const {
    const D d;
    const auto lanes = static_cast<Index>(hn::Lanes(d));
    const std::uint64_t* at = memory_ + 4 * k * lanes;
    return {hn::Load(d, at), hn::Load(d, at + lanes), hn::Load(d, at + 2 * lanes), hn::Load(d, at + 3 * lanes)};
  }

 private:
  template <int streams, class ParticlesOf>
  HWY_INLINE void turn(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first,
                       const ParticlesOf& particles_of) {
    const D d;
    const auto lanes = static_cast<Index>(hn::Lanes(d));
    PhiloxWords<hn::Vec<D>> words[streams];
    for (int k = 0; k < streams; ++k) {
      words[k] = {hn::Set(d, std::uint64_t{block}), particles_of(first + k), hn::Set(d, step & 0xFFFFFFFFU),
                  hn::Set(d, step >> 32U)};
    }
    philox(d, key, words);
    std::uint64_t* at = memory_ + 4 * first * lanes;
    for (const auto& x : words) {
      for (const auto& word : {x.x0, x.x1, x.x2, x.x3}) {
        hn::Store(word, d, at);
        at += lanes;
      }
    }
  }

  // Without vectors a lane has one number, of 32 bits or of 64.
  alignas(64) std::uint64_t memory_[(HWY_TARGET == HWY_SCALAR ? 2 : 1) * 4 * words_chunk];
};

/// log(u) for normal u in (0, 1): u = 2^e m with m in [sqrt(1/2), sqrt 2), log m = 2 atanh((m - 1) / (m + 1)).
/// Relative error below 4e-16, also near u = 1.
template <class D, class V>
HWY_INLINE V log_of_uniform(D d, V u) {
  constexpr double c[] = {1.9999999999999999977,  0.6666666666666765505,  0.39999999999297024115,
                          0.28571428761767306993, 0.22222196943362118061, 0.18183637532754019783,
                          0.15312378518855354923, 0.1481121145888244594};
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(du, u);
  // Adding the distance from sqrt(1/2) to 1 carries into the exponent exactly when m would exceed sqrt 2.
  const auto shifted = hn::Add(bits, hn::Set(du, 0x3FF0000000000000ULL - 0x3FE6A09E667F3BCDULL));
  const V e = hn::ConvertTo(d, hn::Sub(hn::BitCast(di, hn::ShiftRight<52>(shifted)), hn::Set(di, 1023)));
  const auto mantissa = hn::And(shifted, hn::Set(du, 0x000FFFFFFFFFFFFFULL));
  const V m = hn::BitCast(d, hn::Add(mantissa, hn::Set(du, 0x3FE6A09E667F3BCDULL)));
  const V one = hn::Set(d, 1.0);
  const V s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  return hn::MulAdd(e, hn::Set(d, 0.69314718055994530942), hn::Mul(s, polynomial(d, hn::Mul(s, s), c)));
}

/// Bits of a double in [1, 2) from the low halves of two words: the 20 low bits of `high` and all 32 of `low`.
template <class D64, class V64>
HWY_INLINE auto unit_interval(D64 d, V64 high, V64 low) {
  const hn::RebindToFloat<D64> df;
  const V64 word = hn::Or(hn::ShiftLeft<32>(high), hn::And(low, hn::Set(d, 0xFFFFFFFFULL)));
  const V64 mantissa = hn::And(word, hn::Set(d, 0x000FFFFFFFFFFFFFULL));
  return hn::BitCast(df, hn::Or(mantissa, hn::Set(d, 0x3FF0000000000000ULL)));
}

/// Two independent N(0, 1) a lane. Word pairs (x0, x1) and (x2, x3) give u = (k + 1/2) 2^-52 and v = l 2^-52;
///   (sqrt(-2 log u) cos(2 pi v), sqrt(-2 log u) sin(2 pi v)).
/// The angle is reduced exactly to a quarter turn: 4 v = q + r, |r| <= 1/2.
template <class D64, class V64, class VF>
HWY_INLINE void box_muller(D64 d64, const PhiloxWords<V64>& x, VF* even, VF* odd) {
  const hn::RebindToFloat<D64> d;
  constexpr double sine[] = {1.5707963267948966192,     -0.64596409750624625216,   0.079692626246166920512,
                             -0.0046817541353147313883, 0.00016044118472557297426, -3.5988427106586147942e-6,
                             5.6919259522560687209e-8,  -6.6274066509231375982e-10};
  constexpr double cosine[] = {0.99999999999999999996,   -1.2337005501361698096,    0.25366950790104657085,
                               -0.020863480763307911914, 0.00091926027414564641785, -0.000025202036551142775065,
                               4.7106033620570103626e-7, -6.3205307161919519703e-9};
  const VF one = hn::Set(d, 1.0);
  const VF u = hn::Sub(unit_interval(d64, x.x0, x.x1), hn::Set(d, 1.0 - 0x1p-53));
  const VF radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0), log_of_uniform(d, u)));
  const VF turns = hn::Mul(hn::Set(d, 4.0), hn::Sub(unit_interval(d64, x.x2, x.x3), one));
  const VF quarter = hn::Round(turns);
  const VF r = hn::Sub(turns, quarter);
  const VF t = hn::Mul(r, r);
  const VF s = hn::Mul(r, polynomial(d, t, sine));
  const VF c = polynomial(d, t, cosine);
  const hn::RebindToSigned<D64> di;
  const auto q = hn::ConvertTo(di, quarter);
  const auto swap = hn::MaskFromVec(hn::BitCast(d, hn::Neg(hn::And(q, hn::Set(di, 1)))));
  // cos flips its sign in quarters 1 and 2, sin in quarters 2 and 3.
  const auto sign_cos = hn::BitCast(d, hn::ShiftLeft<62>(hn::And(hn::Add(q, hn::Set(di, 1)), hn::Set(di, 2))));
  const auto sign_sin = hn::BitCast(d, hn::ShiftLeft<62>(hn::And(q, hn::Set(di, 2))));
  *even = hn::Mul(radius, hn::Xor(hn::IfThenElse(swap, s, c), sign_cos));
  *odd = hn::Mul(radius, hn::Xor(hn::IfThenElse(swap, c, s), sign_sin));
}

/// even[i], odd[i] for particle first + i; writes whole vectors.
HWY_INLINE void normal_pairs(PhiloxKey key, std::uint64_t step, std::uint32_t pair, Index first, Index count,
                             double* HWY_RESTRICT even, double* HWY_RESTRICT odd) {
  const PhiloxChunk::D d;
  const hn::RebindToFloat<PhiloxChunk::D> df;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  for (; count > 0; count -= words_chunk, first += words_chunk, even += words_chunk, odd += words_chunk) {
    const Index num = (HWY_MIN(count, words_chunk) + lanes - 1) / lanes;
    // A sum: counting from a number that is not constant goes through memory, which stalls what reads it.
    const PhiloxChunk words(key, step, pair, num, [=](Index k) HWY_ATTR {
      return hn::Add(hn::Iota(d, 0), hn::Set(d, static_cast<std::uint64_t>(first + k * lanes)));
    });
    for (Index k = 0; k < num; ++k) {
      hn::Vec<decltype(df)> a;
      hn::Vec<decltype(df)> b;
      box_muller(d, words.of_vector(k), &a, &b);
      hn::StoreU(a, df, even + k * lanes);
      hn::StoreU(b, df, odd + k * lanes);
    }
  }
}

/// The single-precision noise: each of the four words of a block is used by itself, so that a normal costs a third of
/// one in double.

/// Words of the particles 2i and 2i + 1 in the 32-bit lanes 2i and 2i + 1.
template <class D64, class V64>
HWY_INLINE auto interleave_words(D64 /*d*/, V64 even, V64 odd) {
#if HWY_TARGET == HWY_SCALAR
  static_cast<void>(odd);
  return hn::Set(hn::ScalableTag<std::uint32_t>(), static_cast<std::uint32_t>(hn::GetLane(even)));
#else
  const hn::Repartition<std::uint32_t, D64> d32;
  return hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(odd)), hn::BitCast(d32, even));
#endif
}

/// log(u) for normal u in (0, 1] in single precision, as log_of_uniform; relative error below 3e-7.
template <class D, class V>
HWY_INLINE V log_of_uniform_single(D d, V u) {
  constexpr double c[] = {1.999999999, 0.6666681595, 0.3997479493, 0.2992565065};
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto shifted = hn::Add(hn::BitCast(du, u), hn::Set(du, 0x3F800000U - 0x3F3504F3U));
  const V e = hn::ConvertTo(d, hn::Sub(hn::BitCast(di, hn::ShiftRight<23>(shifted)), hn::Set(di, 127)));
  const auto mantissa = hn::And(shifted, hn::Set(du, 0x007FFFFFU));
  const V m = hn::BitCast(d, hn::Add(mantissa, hn::Set(du, 0x3F3504F3U)));
  const V one = hn::Set(d, 1.0F);
  const V s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  return hn::MulAdd(e, hn::Set(d, 0.69314718F), hn::Mul(s, polynomial(d, hn::Mul(s, s), c)));
}

/// Two independent N(0, 1) a lane from two words: u = (floor(w0 / 2) + 1/2) 2^-31, and w1 2^-32 of a turn;
///   (sqrt(-2 log u) cos(2 pi v), sqrt(-2 log u) sin(2 pi v)), |xi| <= 6.66.
template <class V32>
HWY_INLINE void box_muller_single(V32 w0, V32 w1, hn::Vec<hn::ScalableTag<float>>* even,
                                  hn::Vec<hn::ScalableTag<float>>* odd) {
  using VF = hn::Vec<hn::ScalableTag<float>>;
  constexpr double sine[] = {1.570796322, -0.6459634602, 0.07968003277, -0.004601657888};
  constexpr double cosine[] = {0.9999999999, -1.23370054, 0.2536691826, -0.02085993603, 0.0009033629702};
  const hn::ScalableTag<float> d;
  const hn::ScalableTag<std::int32_t> di;
  const VF k = hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<1>(w0)));
  const VF u = hn::Mul(hn::Add(k, hn::Set(d, 0.5F)), hn::Set(d, 0x1p-31F));
  const VF radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0F), log_of_uniform_single(d, u)));
  const VF turns = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, w1)), hn::Set(d, 0x1p-30F));  // 4 v, in [-2, 2]
  const VF quarter = hn::Round(turns);
  const VF r = hn::Sub(turns, quarter);
  const VF t = hn::Mul(r, r);
  const VF s = hn::Mul(r, polynomial(d, t, sine));
  const VF c = polynomial(d, t, cosine);
  const auto q = hn::ConvertTo(di, quarter);
  const auto swap = hn::MaskFromVec(hn::BitCast(d, hn::Neg(hn::And(q, hn::Set(di, 1)))));
  const auto sign_cos = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(hn::Add(q, hn::Set(di, 1)), hn::Set(di, 2))));
  const auto sign_sin = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(q, hn::Set(di, 2))));
  *even = hn::Mul(radius, hn::Xor(hn::IfThenElse(swap, s, c), sign_cos));
  *odd = hn::Mul(radius, hn::Xor(hn::IfThenElse(swap, c, s), sign_sin));
}

/// What a block of four words becomes, in single precision: normals, two of two words each; or -1, 0, 1 of each word,
/// with the probabilities of noise that has three points.
struct NormalQuads {
  template <class V32, class VF>
  HWY_INLINE static void of_words(V32 w0, V32 w1, VF* even, VF* odd) {
    box_muller_single(w0, w1, even, odd);
  }
};
struct ThreePointQuads {
  template <class V32, class VF>
  HWY_INLINE static void of_words(V32 w0, V32 w1, VF* even, VF* odd) {
    *even = of_word(w0);
    *odd = of_word(w1);
  }
  template <class V32>
  HWY_INLINE static hn::Vec<hn::ScalableTag<float>> of_word(V32 word) {
    constexpr std::int32_t sixth = 715827883;  // 2^32 / 6
    const hn::ScalableTag<float> d;
    const hn::ScalableTag<std::int32_t> di;
    const auto w = hn::BitCast(di, word);
    const auto above = hn::RebindMask(d, hn::Gt(w, hn::Set(di, hwy::HighestValue<std::int32_t>() - sixth)));
    const auto below = hn::RebindMask(d, hn::Lt(w, hn::Set(di, hwy::LowestValue<std::int32_t>() + sixth)));
    return hn::Sub(hn::IfThenElseZero(above, hn::Set(d, 1.0F)), hn::IfThenElseZero(below, hn::Set(d, 1.0F)));
  }
};

/// xi[k][i], k = 0..3, for particle first + i; writes whole vectors.
template <class Quads>
HWY_INLINE void quads(PhiloxKey key, std::uint64_t step, std::uint32_t quad, Index first, Index count,
                      float* const (&xi)[4]) {
  const PhiloxChunk::D d;
  const hn::ScalableTag<float> df;
  const auto lanes = static_cast<Index>(hn::Lanes(df));
  for (Index at = 0; at < count; at += words_chunk) {
    const Index num = (HWY_MIN(count - at, words_chunk) + lanes - 1) / lanes;
    // Of even and of odd particles, in turn.
    const PhiloxChunk words(key, step, quad, 2 * num, [=](Index k) HWY_ATTR {
      const auto particle = static_cast<std::uint64_t>(first + at + k / 2 * lanes + k % 2);
      return hn::Add(hn::ShiftLeft<1>(hn::Iota(d, 0)), hn::Set(d, particle));
    });
    for (Index k = 0; k < num; ++k) {
      const auto x = words.of_vector(2 * k);
      const auto y = words.of_vector(2 * k + 1);
      hn::Vec<decltype(df)> a;
      hn::Vec<decltype(df)> b;
      Quads::of_words(interleave_words(d, x.x0, y.x0), interleave_words(d, x.x1, y.x1), &a, &b);
      hn::StoreU(a, df, xi[0] + at + k * lanes);
      hn::StoreU(b, df, xi[1] + at + k * lanes);
      Quads::of_words(interleave_words(d, x.x2, y.x2), interleave_words(d, x.x3, y.x3), &a, &b);
      hn::StoreU(a, df, xi[2] + at + k * lanes);
      hn::StoreU(b, df, xi[3] + at + k * lanes);
    }
  }
}

/// The columns that share one Philox block where the normals are of this precision.
template <class Scalar>
inline constexpr Index noise_columns = 16 / sizeof(Scalar);

/// xi[k][i] of column noise_columns * block + k and particle first + i, in the quality of the precision.
HWY_INLINE void normals_of_block(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
                                 double* const (&xi)[2]) {
  normal_pairs(key, step, block, first, count, xi[0], xi[1]);
}
HWY_INLINE void normals_of_block(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
                                 float* const (&xi)[4]) {
  quads<NormalQuads>(key, step, block, first, count, xi);
}

/// The normals of the other precision, rounded to single or as they are in double: for runs that share them.
inline constexpr Index most_rounded = 128;
HWY_INLINE void rounded_normals_of_block(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first,
                                         Index count, float* const (&xi)[4]) {
  alignas(64) double memory[2][most_rounded + 64];
  for (std::uint32_t pair = 0; pair < 2; ++pair) {
    normal_pairs(key, step, 2 * block + pair, first, count, memory[0], memory[1]);
    for (Index k = 0; k < 2; ++k) {
      for (Index i = 0; i < count; ++i) {
        xi[2 * pair + k][i] = static_cast<float>(memory[k][i]);
      }
    }
  }
}
/// What single precision draws, times `scale`.
template <class Quads>
HWY_INLINE void widened_quads(PhiloxKey key, std::uint64_t step, std::uint32_t block, Index first, Index count,
                              double scale, double* const (&xi)[4]) {
  alignas(64) float memory[4][most_rounded + 64];
  float* const single[4] = {memory[0], memory[1], memory[2], memory[3]};
  quads<Quads>(key, step, block, first, count, single);
  for (Index k = 0; k < 4; ++k) {
    for (Index i = 0; i < count; ++i) {
      xi[k][i] = scale * static_cast<double>(memory[k][i]);
    }
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
