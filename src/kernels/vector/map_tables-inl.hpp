// The second hot pass on two-valued inputs (mfld/core/packed_inputs.hpp).
#if defined(MFLD_KERNELS_MAP_TABLES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_MAP_TABLES_INL_HPP
#undef MFLD_KERNELS_MAP_TABLES_INL_HPP
#else
#define MFLD_KERNELS_MAP_TABLES_INL_HPP
#endif

#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/vector/tables-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// How far ahead the second pass asks for kept activations.
inline constexpr Index prefetch_rows = 64;

/// table [16][group] <- the sums of any of four vectors, for lanes from `half` of the group on; returns that of all.
/// Row 0 is zero already.
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

/// c sigma, and c sigma' = v, of a quad of samples, of which the first `num` exist, for lanes from `half` of the group
/// on: adds them to the sums, and makes the table U of the v.
template <class Sigma, class V, class Scalar>
HWY_INLINE void weigh_quad(Index num, const Scalar* HWY_RESTRICT c, const Scalar* HWY_RESTRICT values,
                           const Scalar* HWY_RESTRICT kept_slopes, Index half, V& value_sum, V& slope_sum,
                           Scalar* HWY_RESTRICT table) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  V weighed[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  V slopes[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (Index i = 0; i < num; ++i) {
    const auto coefficient = hn::Set(d, c[i]);
    const auto value = hn::Load(d, values + i * size + half);
    hwy::Prefetch(values + (i + prefetch_rows) * size + half);  // of a large ensemble the values come from memory
    weighed[i] = hn::Mul(coefficient, value);
    if constexpr (Sigma::slope_from_value) {
      slopes[i] = Sigma::slope(d, coefficient, weighed[i], value);
    } else {
      slopes[i] = hn::Mul(coefficient, hn::Load(d, kept_slopes + i * size + half));
    }
  }
  value_sum = hn::Add(value_sum, hn::Add(hn::Add(weighed[0], weighed[1]), hn::Add(weighed[2], weighed[3])));
  slope_sum = hn::Add(slope_sum, store_sums_of_any(slopes, table, half));
}

/// The tables U of `count` samples, at most map_quads quads of them; scratch.sums as in `weigh`.
template <class Sigma, class Scalar>
void weigh_into_tables(Index count, const Scalar* HWY_RESTRICT c, const Scalar* HWY_RESTRICT values,
                       const Scalar* HWY_RESTRICT kept_slopes, const Scratch<Scalar>& scratch) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  Scalar* HWY_RESTRICT sums = scratch.sums;
  auto values_low = hn::Load(d, sums);
  auto values_high = hn::Load(d, sums + lane);
  auto slopes_low = hn::Load(d, sums + size);
  auto slopes_high = hn::Load(d, sums + size + lane);
  Scalar* HWY_RESTRICT table = scratch.tables;
  for (; count >= 4; count -= 4, c += 4, values += 4 * size, table += table_rows * size) {
    weigh_quad<Sigma>(4, c, values, kept_slopes, 0, values_low, slopes_low, table);
    weigh_quad<Sigma>(4, c, values, kept_slopes, lane, values_high, slopes_high, table);
    kept_slopes += Sigma::slope_from_value ? 0 : 4 * size;
  }
  if (count > 0) {
    weigh_quad<Sigma>(count, c, values, kept_slopes, 0, values_low, slopes_low, table);
    weigh_quad<Sigma>(count, c, values, kept_slopes, lane, values_high, slopes_high, table);
  }
  hn::Store(values_low, d, sums);
  hn::Store(values_high, d, sums + lane);
  hn::Store(slopes_low, d, sums + size);
  hn::Store(slopes_high, d, sums + size + lane);
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
