// The first hot pass: all particles -> outputs of a block of samples.
#if defined(MFLD_KERNELS_REDUCE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_REDUCE_INL_HPP
#undef MFLD_KERNELS_REDUCE_INL_HPP
#else
#define MFLD_KERNELS_REDUCE_INL_HPP
#endif

#include <utility>

#include "kernels/vector/group-inl.hpp"
#include "kernels/vector/tables-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// Tiles of the inputs (80 inputs) that are multiplied at a time where there are more than twice as many.
inline constexpr Index cached_tiles = 8;

/// Tiles [first, last) of the inputs.
struct TileRange {
  Index first;
  Index last;
};

/// z = b + w.x, or z += w.x where it `continues`, over a range of inputs, for `num` samples from `first` on and one
/// group: weights [d + 1][group], b behind w, z [num][group].
template <Index num, bool continues, class Scalar>
HWY_INLINE void product_tile(const kernels::Block<Scalar>& block, Index first, TileRange tiles,
                             const Scalar* HWY_RESTRICT weights, Scalar* HWY_RESTRICT z) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  const Index input_dim = block.inputs->input_dim();
  Vec<Scalar> low[num];
  Vec<Scalar> high[num];
  for (Index s = 0; s < num; ++s) {
    const Scalar* HWY_RESTRICT start = continues ? z + s * size : weights + input_dim * size;
    low[s] = hn::Load(d, start);
    high[s] = hn::Load(d, start + lane);
  }
  const Scalar* HWY_RESTRICT w = weights + tiles.first * kernels::tile_inputs * size;
  for (Index tile = tiles.first; tile < tiles.last; ++tile) {
    const Scalar* HWY_RESTRICT x = block.inputs->tile(tile) + (block.first + first) * kernels::tile_inputs;
    const auto add = [&](Index k) HWY_ATTR {
      const auto w_low = hn::Load(d, w);
      const auto w_high = hn::Load(d, w + lane);
      for (Index s = 0; s < num; ++s) {
        const auto input = hn::Set(d, x[s * kernels::tile_inputs + k]);
        low[s] = hn::MulAdd(w_low, input, low[s]);
        high[s] = hn::MulAdd(w_high, input, high[s]);
      }
      w += size;
    };
    const Index columns = input_dim - tile * kernels::tile_inputs;
    if (columns >= kernels::tile_inputs) {
#pragma GCC unroll 10
      for (Index k = 0; k < kernels::tile_inputs; ++k) {
        add(k);
      }
    } else {
      for (Index k = 0; k < columns; ++k) {
        add(k);
      }
    }
  }
  for (Index s = 0; s < num; ++s) {
    hn::Store(low[s], d, z + s * size);
    hn::Store(high[s], d, z + s * size + lane);
  }
}

/// The same for the samples [first, first + count) of the block. A sample's sum depends neither on its place in a tile
/// nor on how the inputs are divided into ranges.
template <bool continues, class Scalar>
void products_of(const kernels::Block<Scalar>& block, Index first, Index count, TileRange tiles, const Scalar* weights,
                 Scalar* z, Prefetches<Scalar, Scalar>& ahead) {
  const Index size = group_size<Scalar>();
  const Index ahead_per_tile = (ahead.left() * tile_samples + count - 1) / count;
  Index s = 0;
  for (; s + tile_samples <= count; s += tile_samples) {
    ahead.take(ahead_per_tile);
    if constexpr (continues) {
      for (Index i = 0; i < tile_samples * size; i += 64 / static_cast<Index>(sizeof(Scalar))) {
        hwy::Prefetch(z + (s + tile_samples) * size + i);
      }
    }
    product_tile<tile_samples, continues>(block, first + s, tiles, weights, z + s * size);
  }
  for (; s < count; ++s) {
    product_tile<1, continues>(block, first + s, tiles, weights, z + s * size);
  }
}

/// The same: the first range starts from the bias, the others go on from z.
template <class Scalar>
void products(const kernels::Block<Scalar>& block, Index first, Index count, TileRange tiles, const Scalar* weights,
              Scalar* z, Prefetches<Scalar, Scalar>& ahead) {
  if (tiles.first == 0) {
    products_of<false>(block, first, count, tiles, weights, z, ahead);
  } else {
    products_of<true>(block, first, count, tiles, weights, z, ahead);
  }
}

/// z (scaled by Sigma::input_scale) -> sigma(z) in place, sigma'(z) beside it where it is kept, and
/// outputs += a sigma(z). next: see ReduceTask.
template <class Sigma, class Scalar>
void activate(Index next, Index count, const Scalar* HWY_RESTRICT head, Scalar* HWY_RESTRICT z,
              Scalar* HWY_RESTRICT slopes, Scalar* HWY_RESTRICT outputs) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const auto a_low = hn::Load(d, head);
  const auto a_high = hn::Load(d, head + lane);
  for (Index s = 0; s < count; ++s) {
    Scalar* HWY_RESTRICT row = z + s * 2 * lane;
    if (next != 0) {  // into the second-level cache
      __builtin_prefetch(row + next, 0, 2);
      __builtin_prefetch(row + next + lane, 0, 2);
    }
    const auto z_low = hn::Load(d, row);
    const auto z_high = hn::Load(d, row + lane);
    const auto t_low = value_of_scaled<Sigma>(d, z_low);
    const auto t_high = value_of_scaled<Sigma>(d, z_high);
    hn::Store(t_low, d, row);
    hn::Store(t_high, d, row + lane);
    if constexpr (!Sigma::slope_from_value) {
      if (slopes != nullptr) {
        hn::Store(Sigma::slope(d, z_low), d, slopes + s * 2 * lane);
        hn::Store(Sigma::slope(d, z_high), d, slopes + s * 2 * lane + lane);
      }
    }
    const auto sum = hn::MulAdd(a_high, t_high, hn::Load(d, outputs + s * lane));
    hn::Store(hn::MulAdd(a_low, t_low, sum), d, outputs + s * lane);
  }
}

HWY_INLINE double sum_of_lanes(hn::Vec<Tag<double>> v) { return hn::GetLane(hn::SumOfLanes(Tag<double>(), v)); }
HWY_INLINE double sum_of_lanes(hn::Vec<Tag<float>> v) {
#if HWY_TARGET == HWY_SCALAR
  return static_cast<double>(hn::GetLane(v));
#else
  const hn::Half<Tag<float>> half;
  const Tag<double> d;
  return sum_of_lanes(hn::Add(hn::PromoteTo(d, hn::LowerHalf(half, v)), hn::PromoteTo(d, hn::UpperHalf(half, v))));
#endif
}

/// The same for a network linearised at theta_0, moved [count][group] holding (w - w_0).x + b - b_0:
/// outputs += (a + a' (r - r_0)) sigma(z) + a sigma'(z) moved, with a, a' and z at theta_0.
template <class Sigma, class Scalar>
void activate_linearised(Index count, const Scratch<Scalar>& scratch, const Scalar* HWY_RESTRICT moved,
                         Scalar* HWY_RESTRICT z, Scalar* HWY_RESTRICT slopes, Scalar* HWY_RESTRICT outputs) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  for (Index s = 0; s < count; ++s) {
    auto sum = hn::Load(d, outputs + s * lane);
    for (Index half = 0; half < size; half += lane) {
      Scalar* HWY_RESTRICT row = z + s * size + half;
      const auto input = hn::Load(d, row);
      const auto value = value_of_scaled<Sigma>(d, input);
      const auto slope = slope_at<Sigma>(d, input, value);
      hn::Store(value, d, row);
      if constexpr (!Sigma::slope_from_value) {
        if (slopes != nullptr) {
          hn::Store(slope, d, slopes + s * size + half);
        }
      }
      const auto shifted = hn::Mul(hn::Load(d, scratch.head + half), slope);
      sum = hn::MulAdd(shifted, hn::Load(d, moved + s * size + half), sum);
      sum = hn::MulAdd(hn::Load(d, scratch.sums + half), value, sum);
    }
    hn::Store(sum, d, outputs + s * lane);
  }
}

/// What a group's particles moved since theta_0: w and b into scratch.moved, a + a' (r - r_0) into scratch.sums, and
/// c + c' (r - r_0) in place of c. Overwrites scratch.weights.
template <class Scalar>
void load_moved(const kernels::Ensemble<Scalar>& start, const kernels::Ensemble<Scalar>& now, Index group,
                const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  const Index count = group_count(now, group);
  for (const auto& [ensemble, weights] : {std::pair(start, scratch.weights), std::pair(now, scratch.moved)}) {
    load_weights(ensemble, group, 0, now.layout.input_dim, Scalar{1}, weights);
    load_bias(ensemble, group, Scalar{1}, weights);
  }
  for (Index i = 0; i < (now.layout.input_dim + 1) * size; ++i) {
    scratch.moved[i] -= scratch.weights[i];
  }
  for (Index lane = 0; lane < size; ++lane) {
    const bool has_output = now.layout.output >= 0 && lane < count;
    const Scalar moved =
        has_output ? group_column(now, now.layout.output, group)[lane] - scratch.output[lane] : Scalar{0};
    scratch.sums[lane] = scratch.head[lane] + scratch.head[size + lane] * moved;
    scratch.head[2 * size + lane] += scratch.head[3 * size + lane] * moved;
  }
}

/// Products with wide inputs, before the last range of tiles: one range at a time for all groups of the task, so that
/// the weights of a group stay in the first-level cache over the block, and the range of the inputs in the second.
/// Returns the first tile that is left; z of the block in task.values.
template <bool linearised, class Scalar>
Index start_products(const kernels::ReduceTask<Scalar>& task, const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  const auto scale = static_cast<Scalar>(input_scale(task.ensemble.neuron.activation));
  const Index num_tiles = task.block.inputs->num_tiles();
  const Index input_dim = task.block.inputs->input_dim();
  if (linearised || num_tiles <= 2 * cached_tiles || task.values == nullptr || task.block.inputs->two_valued()) {
    return 0;
  }
  Index tile = 0;
  for (; tile + cached_tiles < num_tiles; tile += cached_tiles) {
    const TileRange tiles = {tile, tile + cached_tiles};
    for (Index group = task.first_group; group < task.last_group; ++group) {
      const Index from = tiles.first * kernels::tile_inputs;
      const Index to = tiles.last * kernels::tile_inputs;
      load_weights(task.ensemble, group, from, to, scale, scratch.weights);
      // After the last group the first one comes again, with the next range.
      const Index w = task.ensemble.layout.input;
      auto ahead = group + 1 < task.last_group ? parameters_ahead(task.ensemble, group + 1, w + from, w + to)
                                               : parameters_ahead(task.ensemble, task.first_group, w + to,
                                                                  w + HWY_MIN(input_dim, 2 * to - from));
      load_bias(task.ensemble, group, scale, scratch.weights);
      products(task.block, 0, task.block.count, tiles, scratch.weights,
               task.values + (group - task.first_group) * task.block.count * size, ahead);
    }
  }
  return tile;
}

/// z of a strip, and where it is linearised (w - w_0).x + b - b_0 into scratch.slopes.
template <bool linearised, class Scalar>
void pre_activations(const kernels::ReduceTask<Scalar>& task, Index first, Index count, TileRange tiles,
                     const Scratch<Scalar>& scratch, TableProducts<Scalar>& by_tables, Scalar* z,
                     Prefetches<Scalar, Scalar>& ahead) {
  if (!task.block.inputs->two_valued()) {
    products(task.block, first, count, tiles, scratch.weights, z, ahead);
    if constexpr (linearised) {
      products(task.block, first, count, tiles, scratch.moved, scratch.slopes, ahead);
    }
    return;
  }
  by_tables.finish(!linearised && task.values != nullptr, first, count, z, ahead);
  if constexpr (linearised) {
    by_tables.set_weights(scratch.moved);
    by_tables.finish(false, first, count, scratch.slopes, ahead);
    by_tables.set_weights(scratch.weights);
  }
}

/// Reduce: keeps sigma(z) of the block and gives this task's share of the outputs. Across groups a lane is summed in
/// the precision of the particles (at most a task's few groups), across lanes and tasks in double.
template <bool linearised, class Scalar>
void reduce(const kernels::ReduceTask<Scalar>& task) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  const auto scale = static_cast<Scalar>(input_scale(task.ensemble.neuron.activation));
  const Scratch<Scalar> scratch(task.scratch, task.ensemble.layout.input_dim);
  kernels::Ensemble<Scalar> now = task.ensemble;
  now.parameters = task.linearised_from;
  double offset = 0;
  for (Index i = 0; i < task.block.count * lane; ++i) {
    scratch.outputs[i] = 0;
  }
  const TileRange tiles = {start_products<linearised>(task, scratch), task.block.inputs->num_tiles()};
  TableProducts<Scalar> by_tables(task.block, scratch.tables);
  for (Index group = task.first_group; group < task.last_group; ++group) {
    load_head(task.ensemble, group, scratch);
    if constexpr (linearised) {
      load_moved(task.ensemble, now, group, scratch);
    }
    const Index from = tiles.first * kernels::tile_inputs;
    load_weights(task.ensemble, group, from, task.ensemble.layout.input_dim, scale, scratch.weights);
    load_bias(task.ensemble, group, scale, scratch.weights);
    const Index first = from == 0 ? 0 : task.ensemble.layout.input + from;  // with r and b, unless it was read before
    auto ahead = parameters_ahead(task.ensemble, group + 1, first,
                                  group + 1 < task.last_group ? task.ensemble.layout.size : first);
    for (Index i = 0; i < group_count(task.ensemble, group); ++i) {
      offset += static_cast<double>(scratch.head[2 * size + i]);
    }
    const Index kept = (group - task.first_group) * task.block.count * size;
    by_tables.set_weights(scratch.weights);
    if (!linearised && task.block.inputs->two_valued() && task.values != nullptr) {
      by_tables.start(task.values + kept, ahead);
    }
    for (Index s = 0; s < task.block.count; s += kernels::strip_samples) {
      const Index strip = HWY_MIN(kernels::strip_samples, task.block.count - s);
      Scalar* z = task.values == nullptr ? scratch.values : task.values + kept + s * size;
      Scalar* slopes = task.slopes == nullptr ? nullptr : task.slopes + kept + s * size;
      Scalar* outputs = scratch.outputs + s * lane;
      pre_activations<linearised>(task, s, strip, tiles, scratch, by_tables, z, ahead);
      with_activation(task.ensemble.neuron.activation, [&](auto sigma) HWY_ATTR {
        using Sigma = decltype(sigma);
        if constexpr (linearised) {
          activate_linearised<Sigma>(strip, scratch, scratch.slopes, z, slopes, outputs);
        } else {
          activate<Sigma>(task.next_values, strip, scratch.head, z, slopes, outputs);
        }
      });
    }
  }
  for (Index s = 0; s < task.block.count; ++s) {
    task.partial[s] = offset + sum_of_lanes(hn::Load(d, scratch.outputs + s * lane));
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
