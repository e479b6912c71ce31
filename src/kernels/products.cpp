// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/products.hpp"
#include "kernels/vector/registers-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;
using Pack = hn::Vec<Doubles>;

inline constexpr Index strip = kernels::strip_rows;
/// A tile of the registers: three vectors of rows by so many columns.
inline constexpr Index tile_columns = has_32_registers ? 8 : 4;

HWY_INLINE Index num_lanes() { return static_cast<Index>(hn::Lanes(Doubles())); }

/// sums[3 c + v] <- sum_k left[k][v-th vector of rows] right[k][c]
HWY_INLINE void tile_product(const double* HWY_RESTRICT left, const double* HWY_RESTRICT right, Index depth,
                             Pack (&sums)[3 * tile_columns]) {
  const Doubles d;
  const Index lanes = num_lanes();
#pragma GCC unroll 24
  for (Pack& sum : sums) {
    sum = hn::Zero(d);
  }
  for (Index k = 0; k < depth; ++k) {
    const auto low = hn::LoadU(d, left + k * strip);
    const auto middle = hn::LoadU(d, left + k * strip + lanes);
    const auto high = hn::LoadU(d, left + k * strip + 2 * lanes);
#pragma GCC unroll 8
    for (Index c = 0; c < tile_columns; ++c) {
      const auto factor = hn::Set(d, right[k * strip + c]);
      sums[3 * c] = hn::MulAdd(low, factor, sums[3 * c]);
      sums[3 * c + 1] = hn::MulAdd(middle, factor, sums[3 * c + 1]);
      sums[3 * c + 2] = hn::MulAdd(high, factor, sums[3 * c + 2]);
    }
  }
}

HWY_INLINE void subtract_tile(const Pack (&sums)[3 * tile_columns], double* HWY_RESTRICT matrix, Index stride) {
  const Doubles d;
  const Index lanes = num_lanes();
#pragma GCC unroll 8
  for (Index c = 0; c < tile_columns; ++c) {
#pragma GCC unroll 3
    for (Index v = 0; v < 3; ++v) {
      double* const place = matrix + c * stride + v * lanes;
      hn::StoreU(hn::Sub(hn::LoadU(d, place), sums[3 * c + v]), d, place);
    }
  }
}

HWY_INLINE void subtract_whole(const kernels::ProductTask& task, double* matrix, Index stride) {
  for (Index row = 0; row < strip; row += 3 * num_lanes()) {
    for (Index column = 0; column < strip; column += tile_columns) {
      Pack sums[3 * tile_columns];
      tile_product(task.left + row, task.right + column, task.depth, sums);
      subtract_tile(sums, matrix + column * stride + row, stride);
    }
  }
}

void subtract_product(const kernels::ProductTask& task) {
  if (task.rows == strip && task.columns == strip) {
    subtract_whole(task, task.matrix, task.stride);
    return;
  }
  alignas(64) double part[strip * strip] = {};
  for (Index c = 0; c < task.columns; ++c) {
    std::copy_n(task.matrix + c * task.stride, task.rows, part + c * strip);
  }
  subtract_whole(task, part, strip);
  for (Index c = 0; c < task.columns; ++c) {
    std::copy_n(part + c * strip, task.rows, task.matrix + c * task.stride);
  }
}

/// The columns of one tile, from the products with those before it and by substitution within it.
HWY_INLINE void substitute_tile(double* HWY_RESTRICT rows, const double* HWY_RESTRICT factor, Index first) {
  const Doubles d;
  const Index lanes = num_lanes();
  Pack sums[3 * tile_columns];
  tile_product(rows, factor, first, sums);
  subtract_tile(sums, rows + first * strip, strip);
  for (Index column = first; column < first + tile_columns; ++column) {
    const double* const entries = factor + column - first;
    for (Index lane = 0; lane < 3 * lanes; lane += lanes) {
      auto x = hn::LoadU(d, rows + column * strip + lane);
      for (Index before = first; before < column; ++before) {
        x = hn::NegMulAdd(hn::LoadU(d, rows + before * strip + lane), hn::Set(d, entries[before * strip]), x);
      }
      hn::StoreU(hn::Div(x, hn::Set(d, entries[column * strip])), d, rows + column * strip + lane);
    }
  }
}

void substitute(const kernels::SubstitutionTask& task) {
  for (Index first = 0; first < task.columns; first += tile_columns) {
    const double* const factor = task.factor + first / strip * task.stride + first % strip;
    for (Index row = 0; row < strip; row += 3 * num_lanes()) {
      substitute_tile(task.rows + row, factor, first);
    }
  }
}

/// Column j from the diagonal to row `end`.
HWY_INLINE void add_column(const kernels::SymmetricTask& task, Index j, Index end) {
  const double* const column = task.matrix + j * task.stride;
  double sum = column[j] * task.x[j];
  for (Index i = j + 1; i < end; ++i) {
    task.y[i] += column[i] * task.x[j];
    sum += column[i] * task.x[i];
  }
  task.y[j] += sum;
}

/// Below the triangle at their top, four columns are read at a time, each number once for both of its places.
void add_symmetric_product(const kernels::SymmetricTask& task) {
  const Doubles d;
  const Index lanes = num_lanes();
  for (Index j = task.first; j < task.last; j += 4) {
    const Index below = std::min(j + 4, task.last);
    for (Index c = j; c < below; ++c) {
      add_column(task, c, below);
    }
    if (below == task.size) {
      return;
    }
    const double* columns[4];
    Pack factors[4];
    Pack sums[4];
    for (Index c = 0; c < 4; ++c) {
      columns[c] = task.matrix + (j + c) * task.stride;
      factors[c] = hn::Set(d, task.x[j + c]);
      sums[c] = hn::Zero(d);
    }
    Index i = below;
    for (; i + lanes <= task.size; i += lanes) {
      const auto x = hn::LoadU(d, task.x + i);
      auto y = hn::LoadU(d, task.y + i);
      for (Index c = 0; c < 4; ++c) {
        const auto entries = hn::LoadU(d, columns[c] + i);
        y = hn::MulAdd(entries, factors[c], y);
        sums[c] = hn::MulAdd(entries, x, sums[c]);
      }
      hn::StoreU(y, d, task.y + i);
    }
    for (Index c = 0; c < 4; ++c) {
      double sum = hn::GetLane(hn::SumOfLanes(d, sums[c]));
      for (Index row = i; row < task.size; ++row) {
        task.y[row] += columns[c][row] * task.x[j + c];
        sum += columns[c][row] * task.x[row];
      }
      task.y[j + c] += sum;
    }
  }
}

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mfld::kernels {
namespace {
HWY_EXPORT(subtract_product);
HWY_EXPORT(substitute);
HWY_EXPORT(add_symmetric_product);
}  // namespace
void subtract_product(const ProductTask& task) { HWY_DYNAMIC_DISPATCH(subtract_product)(task); }
void substitute(const SubstitutionTask& task) { HWY_DYNAMIC_DISPATCH(substitute)(task); }
void add_symmetric_product(const SymmetricTask& task) { HWY_DYNAMIC_DISPATCH(add_symmetric_product)(task); }
}  // namespace mfld::kernels
#endif
