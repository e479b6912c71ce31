// The first hot pass on two-valued inputs (mfld/core/packed_inputs.hpp), and what both passes on them share.
#if defined(MFLD_KERNELS_TABLES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_TABLES_INL_HPP
#undef MFLD_KERNELS_TABLES_INL_HPP
#else
#define MFLD_KERNELS_TABLES_INL_HPP
#endif

#include <array>
#include <bit>
#include <cstring>

#include "kernels/vector/group-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// What a table holds: any of four inputs, or samples, at either of two values.
inline constexpr Index table_rows = 16;

/// The row of a table [16][group] for these bits, which come sixteenfold: at its distance in bytes, nearly.
template <class Scalar>
HWY_INLINE const Scalar* row_of(const Scalar* table, std::uint64_t bits) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(group_size<Scalar>()) * sizeof(Scalar);
  const std::uint64_t distance = bytes >= table_rows ? bits * (bytes / table_rows) : bits / (table_rows / bytes);
  return reinterpret_cast<const Scalar*>(reinterpret_cast<const char*>(table) + distance);
}

/// The bits of `num` neighbours, one byte each, by one load for eight: loads are what look-ups wait for.
template <Index num>
class Bits {
 public:
  HWY_INLINE explicit Bits(const std::uint8_t* from) {
    for (Index i = 0; i < num; i += word) {
      std::memcpy(&words_[i / word], from + i, static_cast<std::size_t>(HWY_MIN(word, num)));
    }
  }
  HWY_INLINE std::uint64_t operator[](Index i) const {
    constexpr bool little = std::endian::native == std::endian::little;
    return words_[i / word] >> static_cast<unsigned>(8 * (little ? i % word : word - 1 - i % word)) & 0xffU;
  }

 private:
  static constexpr Index word = 8;
  static_assert(num <= word || num % word == 0);
  std::uint64_t words_[(num + word - 1) / word] = {};
};

/// x_0 w_0 + x_1 w_1 for either value of both.
template <class D, class V, class Scalar>
HWY_INLINE void sums_of_two(D d, const std::array<Scalar, 2>& x_0, V w_0, const std::array<Scalar, 2>& x_1, V w_1,
                            V (&sums)[4]) {
  const V products[2] = {hn::Mul(w_0, hn::Set(d, x_0[0])), hn::Mul(w_0, hn::Set(d, x_0[1]))};
  for (Index bits = 0; bits < 4; ++bits) {
    sums[bits] = hn::MulAdd(w_1, hn::Set(d, x_1[static_cast<std::size_t>(bits / 2)]), products[bits % 2]);
  }
}

/// table [16][group] <- the sums of w_k x_k over a quad of inputs, weights [d][group].
template <class Scalar>
void make_table(const PackedInputs<Scalar>& inputs, Index quad, const Scalar* HWY_RESTRICT weights,
                Scalar* HWY_RESTRICT table) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index first = quad * PackedInputs<Scalar>::quad;
  std::array<Scalar, 2> pairs[4] = {};
  for (Index k = 0; k < HWY_MIN(Index{4}, inputs.input_dim() - first); ++k) {
    pairs[k] = inputs.pair(first + k);
  }
  for (Index half = 0; half < size; half += lanes<Scalar>()) {
    const auto weight = [&](Index k) HWY_ATTR {
      const bool exists = first + k < inputs.input_dim();
      return exists ? hn::Load(d, weights + (first + k) * size + half) : hn::Zero(d);
    };
    Vec<Scalar> low[4];
    Vec<Scalar> high[4];
    sums_of_two(d, pairs[0], weight(0), pairs[1], weight(1), low);
    sums_of_two(d, pairs[2], weight(2), pairs[3], weight(3), high);
    for (Index bits = 0; bits < table_rows; ++bits) {
      hn::Store(hn::Add(low[bits % 4], high[bits / 4]), d, table + bits * size + half);
    }
  }
}

/// z = start + sum_q T_q of `num` samples and `num_quads` tables, from their bits; z may be `start`, and `stride` is
/// that of `start`.
template <Index num, class Scalar>
HWY_INLINE void look_up_tile(const std::uint8_t* HWY_RESTRICT bits, Index num_quads, const Scalar* HWY_RESTRICT tables,
                             const Scalar* start, Index stride, Scalar* z) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  Vec<Scalar> low[num];
  Vec<Scalar> high[num];
  for (Index s = 0; s < num; ++s) {
    low[s] = hn::Load(d, start + s * stride);
    high[s] = hn::Load(d, start + s * stride + lane);
  }
  for (Index q = 0; q < num_quads; ++q) {
    const Bits<num> of_samples(bits);
    for (Index s = 0; s < num; ++s) {
      const Scalar* row = row_of(tables, of_samples[s]);
      low[s] = hn::Add(low[s], hn::Load(d, row));
      high[s] = hn::Add(high[s], hn::Load(d, row + lane));
    }
    bits += PackedInputs<Scalar>::page_samples;
    tables += table_rows * size;
  }
  for (Index s = 0; s < num; ++s) {
    hn::Store(low[s], d, z + s * size);
    hn::Store(high[s], d, z + s * size + lane);
  }
}

/// z = b + sum_q T_q of `num` samples without tables: the same arithmetic, entry by entry, and so the same bits.
template <Index num, class Scalar>
HWY_INLINE void add_quads_tile(const PackedInputs<Scalar>& inputs, Index sample, const Scalar* HWY_RESTRICT weights,
                               Scalar* HWY_RESTRICT z) {
  constexpr Index quad = PackedInputs<Scalar>::quad;
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  const Index input_dim = inputs.input_dim();
  const Index next_tile = inputs.tile(1) - inputs.tile(0);
  Vec<Scalar> sums[2 * num];
  for (Index s = 0; s < num; ++s) {
    sums[2 * s] = hn::Load(d, weights + input_dim * size);
    sums[2 * s + 1] = hn::Load(d, weights + input_dim * size + lane);
  }
  const Scalar* tile = inputs.tile(0) + sample * kernels::tile_inputs;
  Index within = 0;
  for (Index first = 0; first < input_dim; first += quad) {
    const Scalar* x[quad];
    Vec<Scalar> w[2 * quad];
    for (Index j = 0; j < quad; ++j) {
      const bool exists = first + j < input_dim;
      x[j] = exists ? tile + within : x[0];
      w[2 * j] = exists ? hn::Load(d, weights + (first + j) * size) : hn::Zero(d);
      w[2 * j + 1] = exists ? hn::Load(d, weights + (first + j) * size + lane) : hn::Zero(d);
      if (++within == kernels::tile_inputs) {
        within = 0;
        tile += next_tile;
      }
    }
    for (Index s = 0; s < num; ++s) {
      const auto input = [&](Index j) HWY_ATTR { return hn::Set(d, x[j][s * kernels::tile_inputs]); };
      for (Index half = 0; half < 2; ++half) {
        const auto low = hn::MulAdd(w[2 + half], input(1), hn::Mul(w[half], input(0)));
        const auto high = hn::MulAdd(w[6 + half], input(3), hn::Mul(w[4 + half], input(2)));
        sums[2 * s + half] = hn::Add(sums[2 * s + half], hn::Add(low, high));
      }
    }
  }
  for (Index s = 0; s < num; ++s) {
    hn::Store(sums[2 * s], d, z + s * size);
    hn::Store(sums[2 * s + 1], d, z + s * size + lane);
  }
}

/// z = b + w.x of two-valued inputs, of few samples without tables. The tables of a range of quads are kept until
/// another range, or other weights, are asked for.
template <class Scalar>
class TableProducts {
 public:
  TableProducts(const kernels::Block<Scalar>& block, Scalar* tables)
      : block_(block),
        tables_(tables),
        num_ranges_(block.inputs->has_bits()
                        ? (block.inputs->num_quads() + range_quads<Scalar>() - 1) / range_quads<Scalar>()
                        : 1) {}

  /// Weights [d + 1][group], b behind w.
  void set_weights(const Scalar* weights) {
    weights_ = weights;
    made_ = -1;
  }

  /// All ranges but the last for all samples of the block, where there is room for z of them: each table is made once.
  void start(Scalar* z, Prefetches<Scalar, Scalar>& ahead) {
    for (Index range = 0; range + 1 < num_ranges_; ++range) {
      add(range, 0, block_.count, z, ahead);
    }
  }

  /// z [count][group] <- b + w.x of samples from `first` of the block on, or from where `start` left them.
  void finish(bool started, Index first, Index count, Scalar* z, Prefetches<Scalar, Scalar>& ahead) {
    for (Index range = started ? num_ranges_ - 1 : 0; range < num_ranges_; ++range) {
      add(range, first, count, z, ahead);
    }
  }

 private:
  void add_without_tables(Index first, Index count, Scalar* z) {
    const Index size = group_size<Scalar>();
    Index s = 0;
    constexpr Index num = 4;
    for (; s + num <= count; s += num) {
      add_quads_tile<num>(*block_.inputs, block_.first + first + s, weights_, z + s * size);
    }
    for (; s < count; ++s) {
      add_quads_tile<1>(*block_.inputs, block_.first + first + s, weights_, z + s * size);
    }
  }

  void add(Index range, Index first, Index count, Scalar* z, Prefetches<Scalar, Scalar>& ahead) {
    if (!block_.inputs->has_bits()) {
      ahead.take(ahead.left());
      add_without_tables(first, count, z);
      return;
    }
    const PackedInputs<Scalar>& inputs = *block_.inputs;
    const Index size = group_size<Scalar>();
    // Ranges of a length, up to one quad.
    const Index from = range * inputs.num_quads() / num_ranges_;
    const Index num = (range + 1) * inputs.num_quads() / num_ranges_ - from;
    if (made_ != range) {
      made_ = range;
      for (Index q = 0; q < num; ++q) {
        make_table(inputs, from + q, weights_, tables_ + q * table_rows * size);
      }
    }
    const Scalar* bias = weights_ + inputs.input_dim() * size;
    const Index ahead_per_tile = (ahead.left() * tile_samples + count - 1) / count;
    for (Index s = 0; s < count;) {
      const std::uint8_t* bits =
          inputs.bits_of_sample(block_.first + first + s) + from * PackedInputs<Scalar>::page_samples;
      const Scalar* start = range == 0 ? bias : z + s * size;
      const Index stride = range == 0 ? 0 : size;
      if (s + tile_samples <= count && (block_.first + first + s) % tile_samples == 0) {
        ahead.take(ahead_per_tile);
        look_up_tile<tile_samples>(bits, num, tables_, start, stride, z + s * size);
        s += tile_samples;
      } else {
        look_up_tile<1>(bits, num, tables_, start, stride, z + s * size);
        ++s;
      }
    }
  }

  const kernels::Block<Scalar>& block_;
  Scalar* tables_;
  Index num_ranges_;
  const Scalar* weights_ = nullptr;
  Index made_ = -1;
};

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
