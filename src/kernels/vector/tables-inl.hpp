// The two passes on two-valued inputs: tables of sums where there are products otherwise (mfld/core/packed_inputs.hpp).
#if defined(MFLD_KERNELS_TABLES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_TABLES_INL_HPP
#undef MFLD_KERNELS_TABLES_INL_HPP
#else
#define MFLD_KERNELS_TABLES_INL_HPP
#endif

#include <algorithm>
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

/// z = b + w.x of two-valued inputs, of few samples without tables. The tables of a range of quads are kept until another range, or other weights, are
/// asked for.
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

/// table [16][group] <- the sums of any of four vectors, for lanes from `half` of the group on; returns that of all. Row
/// 0 is zero already.
template <class V, class Scalar>
HWY_INLINE V store_sums_of_any(const V (&v)[4], Scalar* HWY_RESTRICT table, Index half) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  V sums[8];
  sums[1] = v[0];
  sums[2] = v[1];
  sums[3] = hn::Add(v[0], v[1]);
  sums[4] = v[2];
  for (Index bits = 5; bits < 8; ++bits) {
    sums[bits] = hn::Add(sums[bits - 4], v[2]);
  }
  for (Index bits = 1; bits < 8; ++bits) {
    hn::Store(sums[bits], d, table + bits * size + half);
  }
  hn::Store(v[3], d, table + 8 * size + half);
  V sum = v[3];
  for (Index bits = 1; bits < 8; ++bits) {
    sum = hn::Add(sums[bits], v[3]);
    hn::Store(sum, d, table + (8 + bits) * size + half);
  }
  return sum;
}

/// The tables U of `count` samples, at most map_quads quads of them, from v = c sigma'(z); scratch.sums as in `weigh`.
template <class Sigma, class Scalar>
void weigh_into_tables(Index count, const Scalar* HWY_RESTRICT c, const Scalar* HWY_RESTRICT values,
                       const Scalar* HWY_RESTRICT kept_slopes, const Scratch<Scalar>& scratch) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  Scalar* HWY_RESTRICT table = scratch.tables;
  Vec<Scalar> value_sums[2] = {hn::Load(d, scratch.sums), hn::Load(d, scratch.sums + lane)};
  Vec<Scalar> slope_sums[2] = {hn::Load(d, scratch.sums + size), hn::Load(d, scratch.sums + size + lane)};
  const auto take = [&](Index first, Index num, Index half) HWY_ATTR {
    Vec<Scalar> weighed[4];
    Vec<Scalar> slopes[4];
    for (Index i = 0; i < 4; ++i) {
      weighed[i] = hn::Zero(d);
      slopes[i] = hn::Zero(d);
      if (i < num) {
        const Index at = (first + i) * size + half * lane;
        const auto coefficient = hn::Set(d, c[first + i]);
        const auto value = hn::Load(d, values + at);
        weighed[i] = hn::Mul(coefficient, value);
        if constexpr (Sigma::slope_from_value) {
          slopes[i] = Sigma::slope(d, coefficient, weighed[i], value);
        } else {
          slopes[i] = hn::Mul(coefficient, hn::Load(d, kept_slopes + at));
        }
      }
    }
    const auto all = hn::Add(hn::Add(weighed[0], weighed[1]), hn::Add(weighed[2], weighed[3]));
    value_sums[half] = hn::Add(value_sums[half], all);
    slope_sums[half] = hn::Add(slope_sums[half], store_sums_of_any(slopes, table, half * lane));
  };
  Index s = 0;
  for (; s + 4 <= count; s += 4, table += table_rows * size) {
    take(s, 4, 0);
    take(s, 4, 1);
  }
  if (s < count) {
    take(s, count - s, 0);
    take(s, count - s, 1);
  }
  for (Index half = 0; half < 2; ++half) {
    hn::Store(value_sums[half], d, scratch.sums + half * lane);
    hn::Store(slope_sums[half], d, scratch.sums + size + half * lane);
  }
}

/// sums [d][group] += sum_t U_t over `num` quads of samples, an even number, by two partial sums: an addition can start
/// twice a cycle and takes three.
template <Index num, class Scalar>
void look_up_inputs(const std::uint8_t* HWY_RESTRICT bits, Index input_dim, const Scalar* HWY_RESTRICT tables,
                    Scalar* HWY_RESTRICT sums) {
  constexpr Index ways = 2;
  static_assert(num % ways == 0);
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  for (Index k = 0; k < input_dim; ++k) {
    const Bits<num> of_quads(bits);
    Vec<Scalar> low[ways];
    Vec<Scalar> high[ways];
#pragma GCC unroll 16
    for (Index t = 0; t < num; ++t) {
      const Scalar* HWY_RESTRICT row = row_of(tables + t * table_rows * size, of_quads[t]);
      low[t % ways] = t < ways ? hn::Load(d, row) : hn::Add(low[t % ways], hn::Load(d, row));
      high[t % ways] = t < ways ? hn::Load(d, row + lane) : hn::Add(high[t % ways], hn::Load(d, row + lane));
    }
    hn::Store(hn::Add(hn::Load(d, sums), hn::Add(low[0], low[1])), d, sums);
    hn::Store(hn::Add(hn::Load(d, sums + lane), hn::Add(high[0], high[1])), d, sums + lane);
    bits += PackedInputs<Scalar>::page_quads;
    sums += size;
  }
}

/// sums [d][group] of sum_i v_i over the samples with x_ik = b_k -> sum_i v_i x_ik.
template <class Scalar>
void shift_and_scale(const PackedInputs<Scalar>& inputs, const Scalar* HWY_RESTRICT all, Scalar* HWY_RESTRICT sums) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  for (Index k = 0; k < inputs.input_dim(); ++k) {
    const auto first = hn::Set(d, inputs.pair(k)[0]);
    const auto step = hn::Set(d, inputs.pair(k)[1] - inputs.pair(k)[0]);
    for (Index half = 0; half < size; half += lanes<Scalar>()) {
      Scalar* HWY_RESTRICT sum = sums + k * size + half;
      hn::Store(hn::MulAdd(step, hn::Load(d, sum), hn::Mul(first, hn::Load(d, all + half))), d, sum);
    }
  }
}

/// Row 0 of the tables U, which stays.
template <class Scalar>
void clear_first_rows(const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  for (Index t = 0; t < map_quads; ++t) {
    std::fill_n(scratch.tables + t * table_rows * size, size, Scalar{0});
  }
}

/// One group over the block: scratch.weights [d][group] <- sum_i c_i sigma' x_i, scratch.sums as in `weigh`.
template <class Scalar>
void map_group_by_tables(const kernels::MapTask<Scalar>& task, Index group, const Scratch<Scalar>& scratch) {
  constexpr Index page = PackedInputs<Scalar>::page_samples;
  constexpr Index set_quads = map_quads;
  const PackedInputs<Scalar>& inputs = *task.block.inputs;
  const Index size = group_size<Scalar>();
  const Index kept = (group - task.first_group) * task.block.count * size;
  std::fill_n(scratch.weights, inputs.input_dim() * size, Scalar{0});
  std::fill_n(scratch.sums, 2 * size, Scalar{0});
  for (Index s = 0, num = 0; s < task.block.count; s += num) {
    const Index sample = task.block.first + s;
    num = HWY_MIN(HWY_MIN(4 * set_quads, page - sample % page), task.block.count - s);
    const Scalar* kept_slopes = task.slopes == nullptr ? nullptr : task.slopes + kept + s * size;
    with_activation(task.ensemble.neuron.activation, [&](auto sigma) HWY_ATTR {
      weigh_into_tables<decltype(sigma)>(num, task.coefficients + s, task.values + kept + s * size, kept_slopes,
                                         scratch);
    });
    const std::uint8_t* bits = inputs.bits_of_input(sample);
    if (num == 4 * set_quads) {
      look_up_inputs<set_quads>(bits, inputs.input_dim(), scratch.tables, scratch.weights);
    } else {
      Scalar* const tables = scratch.tables;
      const Index num_quads = (num + 3) / 4;
      if (num_quads % 2 != 0) {
        std::fill_n(tables + num_quads * table_rows * size, table_rows * size, Scalar{0});
      }
      for (Index t = 0; t < num_quads; t += 2) {
        look_up_inputs<2>(bits + t, inputs.input_dim(), tables + t * table_rows * size, scratch.weights);
      }
    }
  }
  shift_and_scale(inputs, scratch.sums + size, scratch.weights);
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
