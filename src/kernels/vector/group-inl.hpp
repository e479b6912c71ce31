// Groups of particles in vector registers, and a task's scratch memory.
#if defined(MFLD_KERNELS_GROUP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_GROUP_INL_HPP
#undef MFLD_KERNELS_GROUP_INL_HPP
#else
#define MFLD_KERNELS_GROUP_INL_HPP
#endif

#include <hwy/cache_control.h>

#include "kernels/kernels.hpp"
#include "kernels/vector/activation-inl.hpp"
#include "kernels/vector/head-inl.hpp"
#include "kernels/vector/registers-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

// A group is two vectors of particles; a lane is a particle. The tiles (vectors x samples in reduce, vectors x inputs
// in map) are half as large where there are half as many registers.
inline constexpr Index tile_samples = has_32_registers ? 8 : 4;
inline constexpr Index tile_columns = has_32_registers ? kernels::tile_inputs : kernels::tile_inputs / 2;

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

// Tables of two-valued inputs: [16][group] each, as many at a time as leave room in a first-level cache of 32 KB.
inline constexpr Index map_quads = HWY_MAX_BYTES >= 64 ? 8 : 16;
template <class Scalar>
HWY_INLINE Index range_quads() {
  return HWY_MIN(Index{24}, HWY_MAX(Index{map_quads},
                                    24 * 1024 / (16 * group_size<Scalar>() * static_cast<Index>(sizeof(Scalar)))));
}

/// One task's scratch memory, carved up.
template <class Scalar>
struct Scratch {
  Scalar* weights;  // [d + 1][group] w and b; in the map pass the sums over samples
  Scalar* moved;    // [d + 1][group] w - w_0 and b - b_0 of a linearised network
  Scalar* output;   // [group] r
  Scalar* head;     // [4][group] a, a', c, c'
  Scalar* heads;    // [task_groups][group] a, where the map pass comes back to a group
  Scalar* sums;     // [2][group] in the map pass: sum c sigma, sum c sigma'
  Scalar* slopes;   // [strip][group] c sigma' of a strip of samples; in the reduce pass (w - w_0).x + b - b_0
  Scalar* values;   // [strip][group] sigma(z) of a strip of samples, where the map pass does not want it
  Scalar* tables;   // [range_quads][16][group]
  Scalar* outputs;  // [block samples][lanes] partial sums of the output

  Scratch(Scalar* memory, Index input_dim) {
    const Index group = group_size<Scalar>();
    weights = memory;
    moved = weights + (input_dim + 1) * group;
    output = moved + (input_dim + 1) * group;
    head = output + group;
    heads = head + 4 * group;
    sums = heads + kernels::task_groups * group;
    slopes = sums + 2 * group;
    values = slopes + kernels::strip_samples * group;
    tables = values + kernels::strip_samples * group;
    outputs = tables + range_quads<Scalar>() * 16 * group;
  }
  static Index size(Index input_dim, Index block_samples) {
    const Index group = group_size<Scalar>();
    return (2 * input_dim + 9 + kernels::task_groups + 2 * kernels::strip_samples + 16 * range_quads<Scalar>()) *
               group +
           block_samples * lanes<Scalar>();
  }
};

/// scale times a column of `count` particles into a group's lanes; the lanes beyond hold zeros, which contribute
/// nothing.
template <class Scalar>
HWY_INLINE void load_group(const Scalar* HWY_RESTRICT column, Index count, Scalar* HWY_RESTRICT group,
                           Scalar scale = 1) {
  if (count == group_size<Scalar>()) {
    const Tag<Scalar> d;
    const auto factor = hn::Set(d, scale);
    hn::Store(hn::Mul(factor, hn::LoadU(d, column)), d, group);
    hn::Store(hn::Mul(factor, hn::LoadU(d, column + lanes<Scalar>())), d, group + lanes<Scalar>());
    return;
  }
  for (Index lane = 0; lane < count; ++lane) {
    group[lane] = scale * column[lane];
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

/// scale times the inputs [from, to) of w of a group into weights [d + 1][group].
template <class Scalar>
void load_weights(const kernels::Ensemble<Scalar>& ensemble, Index group, Index from, Index to, Scalar scale,
                  Scalar* weights) {
  const Index count = group_count(ensemble, group);
  for (Index k = from; k < to; ++k) {
    load_group(group_column(ensemble, ensemble.layout.input + k, group), count, weights + k * group_size<Scalar>(),
               scale);
  }
}

/// Asks for the particles of a group in `num` columns of a matrix, `stride` apart, some columns at a time: a core that
/// is asked for more lines at once than it can wait for stops.
template <class Scalar, class T>
class Prefetches {
 public:
  Prefetches(const T* first, Index num, Index stride) : column_(first), left_(num), stride_(stride) {}

  Index left() const { return left_; }

  HWY_INLINE void take(Index num) {
    constexpr Index line = 64 / sizeof(T);
    for (num = HWY_MIN(num, left_); num > 0; --num, --left_, column_ += stride_) {
      for (Index i = 0; i < group_size<Scalar>(); i += line) {
        hwy::Prefetch(column_ + i);
      }
      hwy::Prefetch(column_ + group_size<Scalar>() - 1);  // matrices need not begin with a line
    }
  }

 private:
  const T* column_;
  Index left_;
  Index stride_;
};

/// For the columns [from, to) of a group's parameters.
template <class Scalar>
Prefetches<Scalar, Scalar> parameters_ahead(const kernels::Ensemble<Scalar>& ensemble, Index group, Index from,
                                            Index to) {
  return {group_column(ensemble, from, group), to - from, ensemble.num_particles};
}

/// scale times b of a group behind its w, zeros for a bias that does not exist.
template <class Scalar>
void load_bias(const kernels::Ensemble<Scalar>& ensemble, Index group, Scalar scale, Scalar* weights) {
  const ParameterLayout& layout = ensemble.layout;
  Scalar* bias = weights + layout.input_dim * group_size<Scalar>();
  if (layout.bias >= 0) {
    load_group(group_column(ensemble, layout.bias, group), group_count(ensemble, group), bias, scale);
  } else {
    load_group<Scalar>(nullptr, 0, bias);
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
