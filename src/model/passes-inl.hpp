// The two hot passes: reduce (all particles -> outputs of a block of samples) and map (coefficients -> drift).
#if defined(MFLD_MODEL_PASSES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_MODEL_PASSES_INL_HPP
#undef MFLD_MODEL_PASSES_INL_HPP
#else
#define MFLD_MODEL_PASSES_INL_HPP
#endif

#include <hwy/cache_control.h>

#include "model/activation-inl.hpp"
#include "model/head-inl.hpp"
#include "model/kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

// A group is two vectors of particles; a lane is a particle. Registers: 16 on x86 before AVX-512, 32 elsewhere, so
// the tiles (vectors x samples in reduce, vectors x inputs in map) are half as large there.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
inline constexpr Index tile_samples = 8;
inline constexpr Index tile_columns = kernels::tile_inputs;
#else
inline constexpr Index tile_samples = 4;
inline constexpr Index tile_columns = kernels::tile_inputs / 2;
#endif

/// How far ahead the map pass asks for kept activations.
inline constexpr Index prefetch_rows = 16;

template <class Scalar>
using Tag = hn::ScalableTag<Scalar>;
template <class Scalar>
using Vec = hn::Vec<Tag<Scalar>>;

template <class Scalar>
HWY_INLINE Index lanes() {
  return static_cast<Index>(hn::Lanes(Tag<Scalar>()));
}
template <class Scalar>
HWY_INLINE Index group_size() {
  return 2 * lanes<Scalar>();
}

/// One task's scratch memory, carved up.
template <class Scalar>
struct Scratch {
  Scalar* weights;  // [d + 1][group] w and b; in the map pass the sums over samples
  Scalar* moved;    // [d + 1][group] w - w_0 and b - b_0 of a linearised network
  Scalar* output;   // [group] r
  Scalar* head;     // [4][group] a, a', c, c'
  Scalar* sums;     // [2][group] in the map pass: sum c sigma, sum c sigma'
  Scalar* slopes;   // [strip][group] c sigma' of a strip of samples; in the reduce pass (w - w_0).x + b - b_0
  Scalar* values;   // [strip][group] sigma(z) of a strip of samples, where the map pass does not want it
  Scalar* outputs;  // [block samples][lanes] partial sums of the output

  Scratch(Scalar* memory, Index input_dim) {
    const Index group = group_size<Scalar>();
    weights = memory;
    moved = weights + (input_dim + 1) * group;
    output = moved + (input_dim + 1) * group;
    head = output + group;
    sums = head + 4 * group;
    slopes = sums + 2 * group;
    values = slopes + kernels::strip_samples * group;
    outputs = values + kernels::strip_samples * group;
  }
  static Index size(Index input_dim, Index block_samples) {
    const Index group = group_size<Scalar>();
    return (2 * input_dim + 9 + 2 * kernels::strip_samples) * group + block_samples * lanes<Scalar>();
  }
};

/// Copies a column of `count` particles into a group's lanes; the lanes beyond hold zeros, which contribute nothing.
template <class Scalar>
HWY_INLINE void load_group(const Scalar* HWY_RESTRICT column, Index count, Scalar* HWY_RESTRICT group) {
  if (count == group_size<Scalar>()) {
    const Tag<Scalar> d;
    hn::Store(hn::LoadU(d, column), d, group);
    hn::Store(hn::LoadU(d, column + lanes<Scalar>()), d, group + lanes<Scalar>());
    return;
  }
  for (Index lane = 0; lane < count; ++lane) {
    group[lane] = column[lane];
  }
  for (Index lane = count; lane < group_size<Scalar>(); ++lane) {
    group[lane] = 0;
  }
}

template <class Scalar>
HWY_INLINE Index group_count(const kernels::Ensemble<Scalar>& ensemble, Index group) {
  return HWY_MIN(group_size<Scalar>(), ensemble.num_particles - group * group_size<Scalar>());
}

template <class Scalar>
const Scalar* group_column(const kernels::Ensemble<Scalar>& ensemble, Index column, Index group) {
  return ensemble.parameters + column * ensemble.num_particles + group * group_size<Scalar>();
}

/// values [4][stride]: the first lanes of a, a', c, c'.
template <class D, class V, class Scalar>
HWY_INLINE void store_head(D d, const Head<V>& h, Index stride, Scalar* HWY_RESTRICT values) {
  hn::StoreU(h.weight, d, values);
  hn::StoreU(h.weight_slope, d, values + stride);
  hn::StoreU(h.offset, d, values + 2 * stride);
  hn::StoreU(h.offset_slope, d, values + 3 * stride);
}

/// a, a', c, c' of a group's particles; zero in the lanes beyond the last particle.
template <class Scalar>
void load_head(const kernels::Ensemble<Scalar>& ensemble, Index group, const Scratch<Scalar>& scratch) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index count = group_count(ensemble, group);
  if (ensemble.layout.output >= 0) {
    load_group(group_column(ensemble, ensemble.layout.output, group), count, scratch.output);
  } else {
    load_group<Scalar>(nullptr, 0, scratch.output);
  }
  for (Index lane = 0; lane < size; lane += lanes<Scalar>()) {
    store_head(d, head(d, ensemble.neuron.kind, ensemble.neuron.bound, hn::Load(d, scratch.output + lane)), size,
               scratch.head + lane);
  }
  for (Index k = 0; k < 4; ++k) {
    for (Index lane = count; lane < size; ++lane) {
      scratch.head[k * size + lane] = 0;
    }
  }
}

/// z = w.x + b for `num` samples from `first` on and one group: weights [d + 1][group], z [num][group].
template <Index num, class Scalar>
HWY_INLINE void product_tile(const kernels::Block<Scalar>& block, Index first, const Scalar* HWY_RESTRICT weights,
                             Scalar* HWY_RESTRICT z) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  Vec<Scalar> low[num];
  Vec<Scalar> high[num];
  const Index input_dim = block.inputs->input_dim();
  const Scalar* HWY_RESTRICT bias = weights + input_dim * size;
  for (Index s = 0; s < num; ++s) {
    low[s] = hn::Load(d, bias);
    high[s] = hn::Load(d, bias + lane);
  }
  const Scalar* HWY_RESTRICT w = weights;
  for (Index tile = 0; tile * kernels::tile_inputs < input_dim; ++tile) {
    const Scalar* HWY_RESTRICT x = block.inputs->tile(tile) + (block.first + first) * kernels::tile_inputs;
    const Index columns = HWY_MIN(kernels::tile_inputs, input_dim - tile * kernels::tile_inputs);
    for (Index k = 0; k < columns; ++k, w += size) {
      const auto w_low = hn::Load(d, w);
      const auto w_high = hn::Load(d, w + lane);
      for (Index s = 0; s < num; ++s) {
        const auto input = hn::Set(d, x[s * kernels::tile_inputs + k]);
        low[s] = hn::MulAdd(w_low, input, low[s]);
        high[s] = hn::MulAdd(w_high, input, high[s]);
      }
    }
  }
  for (Index s = 0; s < num; ++s) {
    hn::Store(low[s], d, z + s * size);
    hn::Store(high[s], d, z + s * size + lane);
  }
}

/// z for the samples [first, first + count) of the block. A sample's sum does not depend on its place in a tile.
template <class Scalar>
void products(const kernels::Block<Scalar>& block, Index first, Index count, const Scalar* weights, Scalar* z) {
  const Index size = group_size<Scalar>();
  Index s = 0;
  for (; s + tile_samples <= count; s += tile_samples) {
    product_tile<tile_samples>(block, first + s, weights, z + s * size);
  }
  for (; s < count; ++s) {
    product_tile<1>(block, first + s, weights, z + s * size);
  }
}

/// z -> sigma(z) in place, sigma'(z) beside it where it is kept, and outputs += a sigma(z).
template <class Scalar>
void activate(Activation kind, Index count, const Scratch<Scalar>& scratch, Scalar* HWY_RESTRICT z,
              Scalar* HWY_RESTRICT slopes, Scalar* HWY_RESTRICT outputs) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const auto a_low = hn::Load(d, scratch.head);
  const auto a_high = hn::Load(d, scratch.head + lane);
  with_activation(kind, [&](auto sigma) HWY_ATTR {
    using Sigma = decltype(sigma);
    for (Index s = 0; s < count; ++s) {
      Scalar* HWY_RESTRICT row = z + s * 2 * lane;
      const auto z_low = hn::Load(d, row);
      const auto z_high = hn::Load(d, row + lane);
      const auto t_low = Sigma::value(d, z_low);
      const auto t_high = Sigma::value(d, z_high);
      hn::Store(t_low, d, row);
      hn::Store(t_high, d, row + lane);
      if constexpr (!Sigma::slope_from_value) {
        if (slopes != nullptr) {
          hn::Store(Sigma::slope(d, z_low, t_low), d, slopes + s * 2 * lane);
          hn::Store(Sigma::slope(d, z_high, t_high), d, slopes + s * 2 * lane + lane);
        }
      }
      const auto sum = hn::MulAdd(a_high, t_high, hn::Load(d, outputs + s * lane));
      hn::Store(hn::MulAdd(a_low, t_low, sum), d, outputs + s * lane);
    }
  });
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
template <class Scalar>
void activate_linearised(Activation kind, Index count, const Scratch<Scalar>& scratch, const Scalar* HWY_RESTRICT moved,
                         Scalar* HWY_RESTRICT z, Scalar* HWY_RESTRICT slopes, Scalar* HWY_RESTRICT outputs) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  with_activation(kind, [&](auto sigma) HWY_ATTR {
    using Sigma = decltype(sigma);
    for (Index s = 0; s < count; ++s) {
      auto sum = hn::Load(d, outputs + s * lane);
      for (Index half = 0; half < size; half += lane) {
        Scalar* HWY_RESTRICT row = z + s * size + half;
        const auto input = hn::Load(d, row);
        const auto value = Sigma::value(d, input);
        const auto slope = Sigma::slope(d, input, value);
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
  });
}

/// w and b of a group into scratch.weights, with zeros for a bias that does not exist.
template <class Scalar>
void load_weights(const kernels::Ensemble<Scalar>& ensemble, Index group, Scalar* weights) {
  const Index size = group_size<Scalar>();
  const Index count = group_count(ensemble, group);
  const ParameterLayout& layout = ensemble.layout;
  for (Index k = 0; k < layout.input_dim; ++k) {
    load_group(group_column(ensemble, layout.input + k, group), count, weights + k * size);
  }
  if (layout.bias >= 0) {
    load_group(group_column(ensemble, layout.bias, group), count, weights + layout.input_dim * size);
  } else {
    load_group<Scalar>(nullptr, 0, weights + layout.input_dim * size);
  }
}

/// What a group's particles moved since theta_0: w and b into scratch.moved, a + a' (r - r_0) into scratch.sums, and
/// c + c' (r - r_0) in place of c.
template <class Scalar>
void load_moved(const kernels::Ensemble<Scalar>& now, Index group, const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  const Index count = group_count(now, group);
  load_weights(now, group, scratch.moved);
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

/// Reduce: keeps sigma(z) of the block and gives this task's share of the outputs. Across groups a lane is summed in
/// the precision of the particles (at most a task's few groups), across lanes and tasks in double.
template <class Scalar>
void reduce(const kernels::ReduceTask<Scalar>& task) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  const Activation sigma = task.ensemble.neuron.activation;
  const bool linearised = task.linearised_from != nullptr;
  const Scratch<Scalar> scratch(task.scratch, task.ensemble.layout.input_dim);
  kernels::Ensemble<Scalar> now = task.ensemble;
  now.parameters = task.linearised_from;
  double offset = 0;
  for (Index i = 0; i < task.block.count * lane; ++i) {
    scratch.outputs[i] = 0;
  }
  for (Index group = task.first_group; group < task.last_group; ++group) {
    load_weights(task.ensemble, group, scratch.weights);
    load_head(task.ensemble, group, scratch);
    if (linearised) {
      load_moved(now, group, scratch);
    }
    for (Index i = 0; i < group_count(task.ensemble, group); ++i) {
      offset += static_cast<double>(scratch.head[2 * size + i]);
    }
    const Index kept = (group - task.first_group) * task.block.count * size;
    for (Index s = 0; s < task.block.count; s += kernels::strip_samples) {
      const Index strip = HWY_MIN(kernels::strip_samples, task.block.count - s);
      Scalar* z = task.values == nullptr ? scratch.values : task.values + kept + s * size;
      Scalar* slopes = task.slopes == nullptr ? nullptr : task.slopes + kept + s * size;
      Scalar* outputs = scratch.outputs + s * lane;
      products(task.block, s, strip, scratch.weights, z);
      if (linearised) {
        products(task.block, s, strip, scratch.moved, scratch.slopes);
        activate_linearised(sigma, strip, scratch, scratch.slopes, z, slopes, outputs);
      } else {
        activate(sigma, strip, scratch, z, slopes, outputs);
      }
    }
  }
  for (Index s = 0; s < task.block.count; ++s) {
    task.partial[s] = offset + sum_of_lanes(hn::Load(d, scratch.outputs + s * lane));
  }
}

/// c sigma'(z) of a strip into scratch.slopes, and the sums of c sigma and c sigma' over it.
template <class Scalar>
void weigh(Activation kind, Index count, const Scalar* HWY_RESTRICT c, const Scalar* HWY_RESTRICT values,
           const Scalar* HWY_RESTRICT kept_slopes, const Scratch<Scalar>& scratch) {
  const Tag<Scalar> d;
  const Index lane = lanes<Scalar>();
  const Index size = 2 * lane;
  Scalar* HWY_RESTRICT weighed = scratch.slopes;
  with_activation(kind, [&](auto sigma) HWY_ATTR {
    using Sigma = decltype(sigma);
    const auto slope_of = [&](auto value, Index at) HWY_ATTR {
      if constexpr (Sigma::slope_from_value) {
        return Sigma::slope(d, value, value);
      } else {
        return hn::Load(d, kept_slopes + at);
      }
    };
    auto values_low = hn::Load(d, scratch.sums);
    auto values_high = hn::Load(d, scratch.sums + lane);
    auto slopes_low = hn::Load(d, scratch.sums + size);
    auto slopes_high = hn::Load(d, scratch.sums + size + lane);
    for (Index s = 0; s < count; ++s) {
      const Scalar* HWY_RESTRICT row = values + s * size;
      hwy::Prefetch(row + prefetch_rows * size);  // of a large ensemble the values come from memory
      hwy::Prefetch(row + prefetch_rows * size + lane);
      const auto coefficient = hn::Set(d, c[s]);
      const auto value_low = hn::Load(d, row);
      const auto value_high = hn::Load(d, row + lane);
      const auto slope_low = hn::Mul(coefficient, slope_of(value_low, s * size));
      const auto slope_high = hn::Mul(coefficient, slope_of(value_high, s * size + lane));
      values_low = hn::MulAdd(coefficient, value_low, values_low);
      values_high = hn::MulAdd(coefficient, value_high, values_high);
      slopes_low = hn::Add(slopes_low, slope_low);
      slopes_high = hn::Add(slopes_high, slope_high);
      hn::Store(slope_low, d, weighed + s * size);
      hn::Store(slope_high, d, weighed + s * size + lane);
    }
    hn::Store(values_low, d, scratch.sums);
    hn::Store(values_high, d, scratch.sums + lane);
    hn::Store(slopes_low, d, scratch.sums + size);
    hn::Store(slopes_high, d, scratch.sums + size + lane);
  });
}

/// sums [num][group] += sum_s slopes[s] x[s][k] for `num` neighbouring inputs of a tile.
template <Index num, class Scalar>
HWY_INLINE void push_tile(Index count, const Scalar* HWY_RESTRICT x, const Scalar* HWY_RESTRICT slopes,
                          Scalar* HWY_RESTRICT sums) {
  const Tag<Scalar> d;
  const Index size = group_size<Scalar>();
  const Index lane = lanes<Scalar>();
  Vec<Scalar> low[num];
  Vec<Scalar> high[num];
  for (Index k = 0; k < num; ++k) {
    low[k] = hn::Zero(d);
    high[k] = hn::Zero(d);
  }
  for (Index s = 0; s < count; ++s) {
    const auto slope_low = hn::Load(d, slopes + s * size);
    const auto slope_high = hn::Load(d, slopes + s * size + lane);
    for (Index k = 0; k < num; ++k) {
      const auto input = hn::Set(d, x[s * kernels::tile_inputs + k]);
      low[k] = hn::MulAdd(slope_low, input, low[k]);
      high[k] = hn::MulAdd(slope_high, input, high[k]);
    }
  }
  for (Index k = 0; k < num; ++k) {
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

/// scratch.weights[k] += sum_s slopes[s] x[s][k] over a strip, for all inputs k.
template <class Scalar>
void push(const kernels::Block<Scalar>& block, Index first, Index count, const Scratch<Scalar>& scratch) {
  const Index input_dim = block.inputs->input_dim();
  const Index size = group_size<Scalar>();
  for (Index k = 0; k < input_dim;) {
    const Index tile = k / kernels::tile_inputs;
    const Index within = k % kernels::tile_inputs;
    const Index columns = HWY_MIN(tile_columns, HWY_MIN(input_dim - k, kernels::tile_inputs - within));
    const Scalar* x = block.inputs->tile(tile) + (block.first + first) * kernels::tile_inputs + within;
    push_remainder<tile_columns>(columns, count, x, scratch.slopes, scratch.weights + k * size);
    k += columns;
  }
}

/// drift (=, +=) weight * sum for one column of a group's particles.
template <class Scalar>
HWY_INLINE void store_drift(const kernels::MapTask<Scalar>& task, Index column, Index group, const Scalar* sum) {
  const Index count = group_count(task.ensemble, group);
  double* HWY_RESTRICT drift = task.drift + column * task.ensemble.num_particles + group * group_size<Scalar>();
  for (Index i = 0; i < count; ++i) {
    const double term = task.weight * static_cast<double>(sum[i]);
    drift[i] = task.assign ? term : drift[i] + term;
  }
}

/// From the sums over samples to the gradient of h, dh/d(w, b, r) = (a sigma' x, a sigma', a' sigma + c').
template <class Scalar>
HWY_INLINE void apply_head(const kernels::MapTask<Scalar>& task, const Scratch<Scalar>& scratch) {
  const Index size = group_size<Scalar>();
  const Scalar* HWY_RESTRICT a = scratch.head;
  const Scalar* HWY_RESTRICT a_slope = a + size;
  const Scalar* HWY_RESTRICT c_slope = a + 3 * size;
  const auto coefficient_sum = static_cast<Scalar>(task.coefficient_sum);
  for (Index k = 0; k < task.ensemble.layout.input_dim; ++k) {
    for (Index i = 0; i < size; ++i) {
      scratch.weights[k * size + i] *= a[i];
    }
  }
  for (Index i = 0; i < size; ++i) {
    scratch.sums[i] = a_slope[i] * scratch.sums[i] + c_slope[i] * coefficient_sum;
    scratch.sums[size + i] *= a[i];
  }
}

/// Map: the drift of every particle of the task from the coefficients of one block of samples.
template <class Scalar>
void map(const kernels::MapTask<Scalar>& task) {
  const Index size = group_size<Scalar>();
  const ParameterLayout& layout = task.ensemble.layout;
  const Scratch<Scalar> scratch(task.scratch, layout.input_dim);
  for (Index group = task.first_group; group < task.last_group; ++group) {
    load_head(task.ensemble, group, scratch);
    for (Index i = 0; i < layout.input_dim * size; ++i) {
      scratch.weights[i] = 0;
    }
    for (Index i = 0; i < 2 * size; ++i) {
      scratch.sums[i] = 0;
    }
    const Index kept = (group - task.first_group) * task.block.count * size;
    for (Index s = 0; s < task.block.count; s += kernels::strip_samples) {
      const Index strip = HWY_MIN(kernels::strip_samples, task.block.count - s);
      weigh(task.ensemble.neuron.activation, strip, task.coefficients + s, task.values + kept + s * size,
            task.slopes == nullptr ? nullptr : task.slopes + kept + s * size, scratch);
      if (task.train_input) {
        push(task.block, s, strip, scratch);
      }
    }
    apply_head(task, scratch);
    for (Index k = 0; task.train_input && k < layout.input_dim; ++k) {
      store_drift(task, layout.input + k, group, scratch.weights + k * size);
    }
    if (task.train_bias) {
      store_drift(task, layout.bias, group, scratch.sums + size);
    }
    if (task.train_output) {
      store_drift(task, layout.output, group, scratch.sums);
    }
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
