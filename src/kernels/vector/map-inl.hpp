// The second hot pass: coefficients of a block of samples -> drift of every particle.
#if defined(MFLD_KERNELS_MAP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_MAP_INL_HPP
#undef MFLD_KERNELS_MAP_INL_HPP
#else
#define MFLD_KERNELS_MAP_INL_HPP
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <type_traits>

#include "kernels/vector/group-inl.hpp"
#include "kernels/vector/map_tables-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// Above so many inputs a strip of samples leaves the first-level cache.
inline constexpr Index wide_inputs = 128;

/// c sigma'(z) of a strip into `weighed` (which may be `values`), the sums of c sigma and c sigma' over it, and, in the
/// same turn of the loop, scratch.weights[k] += sum_s c sigma' x[s][k] for the first `num` inputs, x
/// [count][tile_inputs].
template <class Sigma, Index num, class Scalar>
void weigh(Index count, const Scalar* HWY_RESTRICT c, const Scalar* values, const Scalar* HWY_RESTRICT kept_slopes,
           const Scalar* HWY_RESTRICT x, const Scratch<Scalar>& scratch, Scalar* weighed) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  const auto slope_of = [=](auto coefficient, auto weighed_value, auto value, Index at) HWY_ATTR {
    if constexpr (Sigma::slope_from_value) {
      return Sigma::slope(d, coefficient, weighed_value, value);
    } else {
      return hn::Mul(coefficient, hn::Load(d, kept_slopes + at));
    }
  };
  auto values_low = hn::Load(d, scratch.sums);
  auto values_high = hn::Load(d, scratch.sums + lane);
  auto slopes_low = hn::Load(d, scratch.sums + size);
  auto slopes_high = hn::Load(d, scratch.sums + size + lane);
  Scalar* HWY_RESTRICT sums = scratch.weights;
  Vec<Scalar> low[num + 1];
  Vec<Scalar> high[num + 1];
  const auto take = [&](Index s, auto first) HWY_ATTR {
    const Scalar* row = values + s * size;
    hwy::Prefetch(row + prefetch_rows * size);  // of a large ensemble the values come from memory
    hwy::Prefetch(row + prefetch_rows * size + lane);
    const auto coefficient = hn::Set(d, c[s]);
    const auto value_low = hn::Load(d, row);
    const auto value_high = hn::Load(d, row + lane);
    const auto weighed_low = hn::Mul(coefficient, value_low);
    const auto weighed_high = hn::Mul(coefficient, value_high);
    const auto slope_low = slope_of(coefficient, weighed_low, value_low, s * size);
    const auto slope_high = slope_of(coefficient, weighed_high, value_high, s * size + lane);
    values_low = hn::Add(values_low, weighed_low);
    values_high = hn::Add(values_high, weighed_high);
    slopes_low = hn::Add(slopes_low, slope_low);
    slopes_high = hn::Add(slopes_high, slope_high);
    hn::Store(slope_low, d, weighed + s * size);
    hn::Store(slope_high, d, weighed + s * size + lane);
    for (Index k = 0; k < num; ++k) {
      const auto input = hn::Set(d, x[s * kernels::tile_inputs + k]);
      low[k] = decltype(first)::value ? hn::Mul(slope_low, input) : hn::MulAdd(slope_low, input, low[k]);
      high[k] = decltype(first)::value ? hn::Mul(slope_high, input) : hn::MulAdd(slope_high, input, high[k]);
    }
  };
  take(0, std::true_type());  // sets the sums: a loop that set them to zero would put them into memory
  for (Index s = 1; s < count; ++s) {
    take(s, std::false_type());
  }
  hn::Store(values_low, d, scratch.sums);
  hn::Store(values_high, d, scratch.sums + lane);
  hn::Store(slopes_low, d, scratch.sums + size);
  hn::Store(slopes_high, d, scratch.sums + size + lane);
#pragma GCC unroll 10
  for (Index k = 0; k < num; ++k) {  // unrolled, or all of low and high would lie in memory
    Scalar* HWY_RESTRICT sum = sums + k * size;
    hn::Store(hn::Add(hn::Load(d, sum), low[k]), d, sum);
    hn::Store(hn::Add(hn::Load(d, sum + lane), high[k]), d, sum + lane);
  }
}

/// sums [num][group] += sum_s slopes[s] x[s][k] for `num` neighbouring inputs of a tile. A narrow tile keeps several
/// partial sums of each, for a multiply-add can start twice a cycle and takes four.
template <Index num, class Scalar>
HWY_INLINE void push_tile(Index count, const Scalar* HWY_RESTRICT x, const Scalar* HWY_RESTRICT slopes,
                          Scalar* HWY_RESTRICT sums) {
  constexpr Index ways = num == 1 ? 4 : num < 4 ? 2 : 1;
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  Vec<Scalar> low[ways * num];
  Vec<Scalar> high[ways * num];
  for (Index k = 0; k < ways * num; ++k) {
    low[k] = hn::Zero(d);
    high[k] = hn::Zero(d);
  }
  const auto add = [&](Index s, Index way) HWY_ATTR {
    const auto slope_low = hn::Load(d, slopes + s * size);
    const auto slope_high = hn::Load(d, slopes + s * size + lane);
    for (Index k = 0; k < num; ++k) {
      const auto input = hn::Set(d, x[s * kernels::tile_inputs + k]);
      low[way * num + k] = hn::MulAdd(slope_low, input, low[way * num + k]);
      high[way * num + k] = hn::MulAdd(slope_high, input, high[way * num + k]);
    }
  };
  Index s = 0;
  for (; s + ways <= count; s += ways) {
    for (Index way = 0; way < ways; ++way) {
      add(s + way, way);
    }
  }
  for (; s < count; ++s) {
    add(s, 0);
  }
  for (Index k = 0; k < num; ++k) {
    for (Index way = 1; way < ways; ++way) {
      low[k] = hn::Add(low[k], low[way * num + k]);
      high[k] = hn::Add(high[k], high[way * num + k]);
    }
    hn::Store(hn::Add(hn::Load(d, sums + k * size), low[k]), d, sums + k * size);
    hn::Store(hn::Add(hn::Load(d, sums + k * size + lane), high[k]), d, sums + k * size + lane);
  }
}

template <Index num, class Scalar>
HWY_INLINE void push_remainder(Index columns, Index count, const Scalar* x, const Scalar* slopes, Scalar* sums) {
  if constexpr (num > 0) {
    if (columns == num) {
      push_tile<num>(count, x, slopes, sums);
    } else {
      push_remainder<num - 1>(columns, count, x, slopes, sums);
    }
  }
}

/// scratch.weights[k] += sum_s slopes[s] x[s][k] over `count` samples, for the inputs [from, to).
template <class Scalar>
void push(const kernels::Block<Scalar>& block, Index first, Index count, Index from, Index to, const Scalar* slopes,
          const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  for (Index k = from; k < to;) {
    const Index tile = k / kernels::tile_inputs;
    const Index within = k % kernels::tile_inputs;
    const Index columns = HWY_MIN(tile_columns, HWY_MIN(to - k, kernels::tile_inputs - within));
    const Scalar* x = block.inputs->tile(tile) + (block.first + first) * kernels::tile_inputs + within;
    push_remainder<tile_columns>(columns, count, x, slopes, scratch.weights + k * size);
    k += columns;
  }
}

template <class Scalar>
HWY_INLINE double* drift_of(const kernels::MapTask<Scalar>& task, Index column, Index group) {
  return task.drift + column * task.ensemble.num_particles + group * group_size<Scalar>();
}

/// drift (=, +=) weight * factor * sum for `count` particles of one column.
template <class Scalar>
HWY_INLINE void add_drift(Index count, bool assign, double weight, const Scalar* HWY_RESTRICT factor,
                          const Scalar* HWY_RESTRICT sum, double* HWY_RESTRICT drift) {
  if (assign) {
    for (Index i = 0; i < count; ++i) {
      drift[i] = weight * static_cast<double>(factor[i] * sum[i]);
    }
  } else {
    for (Index i = 0; i < count; ++i) {
      drift[i] += weight * static_cast<double>(factor[i] * sum[i]);
    }
  }
}

template <class Scalar>
HWY_INLINE void store_drift(const kernels::MapTask<Scalar>& task, Index column, Index group,
                            const Scalar* HWY_RESTRICT factor, const Scalar* HWY_RESTRICT sum) {
  double* drift = drift_of(task, column, group);
  const Index count = group_count(task.ensemble, group);
  if (count == group_size<Scalar>()) {
    add_drift(group_size<Scalar>(), task.assign, task.weight, factor, sum, drift);  // a constant length
  } else {
    add_drift(count, task.assign, task.weight, factor, sum, drift);
  }
}

/// Asks for the columns [from, to) of a group's drift, which is used once the sums are ready.
template <class Scalar>
HWY_INLINE void prefetch_drift(const kernels::MapTask<Scalar>& task, Index group, Index from, Index to) {
  Prefetches<Scalar, double>(drift_of(task, from, group), to - from, task.ensemble.num_particles).take(to - from);
}

/// The drift of the inputs [from, to) of a group with these a from their sums: dh/dw = a sigma' x.
template <class Scalar>
void store_input_drift(const kernels::MapTask<Scalar>& task, Index group, Index from, Index to, const Scalar* a,
                       const Scratch<Scalar>& scratch) {
  for (Index k = from; k < to; ++k) {
    store_drift(task, task.ensemble.layout.input + k, group, a, scratch.weights + k * group_size<Scalar>());
  }
}

/// That of r and b: dh/db = a sigma', dh/dr = a' sigma + c'.
template <class Scalar>
void store_other_drift(const kernels::MapTask<Scalar>& task, Index group, const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  if (task.train_bias) {
    store_drift(task, task.ensemble.layout.bias, group, scratch.head, scratch.sums + size);
  }
  if (task.train_output) {
    const Scalar* HWY_RESTRICT a_slope = scratch.head + size;
    const Scalar* HWY_RESTRICT c_slope = scratch.head + 3 * size;
    const auto coefficient_sum = static_cast<Scalar>(task.coefficient_sum);
    for (Index i = 0; i < size; ++i) {
      scratch.sums[i] = a_slope[i] * scratch.sums[i] + c_slope[i] * coefficient_sum;
      scratch.output[i] = 1;
    }
    store_drift(task, task.ensemble.layout.output, group, scratch.output, scratch.sums);
  }
}

template <class Scalar>
HWY_INLINE void set_zero(Index count, Scalar* HWY_RESTRICT values) {
  for (Index i = 0; i < count; i += lanes<Scalar>()) {
    hn::Store(hn::Zero(Tag<Scalar>()), Tag<Scalar>(), values + i);
  }
}

/// One group over the block, a strip at a time; `at_once` inputs are pushed while the strip is weighed, the rest up to
/// `pushed` after it. weighed: where c sigma' goes, [strip][group], or nullptr for in place of the values.
template <Index at_once, class Scalar>
void map_group(const kernels::MapTask<Scalar>& task, Index group, Index pushed, Scalar* weighed,
               const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  set_zero(pushed * size, scratch.weights);
  set_zero(2 * size, scratch.sums);
  const Index kept = (group - task.first_group) * task.block.count * size;
  for (Index s = 0; s < task.block.count; s += kernels::strip_samples) {
    const Index strip = HWY_MIN(kernels::strip_samples, task.block.count - s);
    Scalar* values = task.values + kept + s * size;
    const Scalar* kept_slopes = task.slopes == nullptr ? nullptr : task.slopes + kept + s * size;
    Scalar* slopes = weighed == nullptr ? values : weighed;
    const Scalar* x = nullptr;
    if constexpr (at_once > 0) {
      x = task.block.inputs->tile(0) + (task.block.first + s) * kernels::tile_inputs;
    }
    with_activation(task.ensemble.neuron.activation, [&](auto sigma) HWY_ATTR {
      weigh<decltype(sigma), at_once>(strip, task.coefficients + s, values, kept_slopes, x, scratch, slopes);
    });
    push(task.block, s, strip, at_once, pushed, slopes, scratch);
  }
}

/// Map for wide inputs: c sigma' of all groups in place of their values first; then tile by tile of the inputs, which
/// stays in the first-level cache while all groups of the task pass by.
template <class Scalar>
void map_wide(const kernels::MapTask<Scalar>& task, const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  const Index input_dim = task.ensemble.layout.input_dim;
  for (Index group = task.first_group; group < task.last_group; ++group) {
    load_head(task.ensemble, group, scratch);
    map_group<0>(task, group, 0, static_cast<Scalar*>(nullptr), scratch);
    store_other_drift(task, group, scratch);
    std::copy_n(scratch.head, size, scratch.heads + (group - task.first_group) * size);
  }
  for (Index from = 0; from < input_dim; from += kernels::tile_inputs) {
    const Index to = HWY_MIN(input_dim, from + kernels::tile_inputs);
    for (Index group = task.first_group; group < task.last_group; ++group) {
      prefetch_drift(task, group, task.ensemble.layout.input + from, task.ensemble.layout.input + to);
      set_zero((to - from) * size, scratch.weights + from * size);
      push(task.block, 0, task.block.count, from, to,
           task.values + (group - task.first_group) * task.block.count * size, scratch);
      store_input_drift(task, group, from, to, scratch.heads + (group - task.first_group) * size, scratch);
    }
  }
}

/// Map: the drift of every particle of the task from the coefficients of one block of samples.
template <class Scalar>
void map(const kernels::MapTask<Scalar>& task) {
  const Index input_dim = task.ensemble.layout.input_dim;
  const Scratch<Scalar> scratch(task.scratch, input_dim);
  const bool by_tables = task.train_input && task.block.inputs->has_bits();
  if (task.train_input && input_dim > wide_inputs && !by_tables) {
    map_wide(task, scratch);
    return;
  }
  const Index pushed = task.train_input ? input_dim : 0;
  if (by_tables) {
    clear_first_rows(scratch);
  }
  for (Index group = task.first_group; group < task.last_group; ++group) {
    prefetch_drift(task, group, 0, task.train_input ? task.ensemble.layout.size : 0);
    const Index output = task.ensemble.layout.output;
    if (output >= 0 && group + 1 < task.last_group) {
      parameters_ahead(task.ensemble, group + 1, output, output + 1).take(1);
    }
    load_head(task.ensemble, group, scratch);
    if (by_tables) {
      map_group_by_tables(task, group, scratch);
    } else if (pushed >= tile_columns) {
      map_group<tile_columns>(task, group, pushed, scratch.slopes, scratch);
    } else {
      map_group<0>(task, group, pushed, scratch.slopes, scratch);
    }
    store_input_drift(task, group, 0, pushed, scratch.head, scratch);
    store_other_drift(task, group, scratch);
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
