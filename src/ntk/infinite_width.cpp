#include "mfld/ntk/infinite_width.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/memory.hpp"
#include "mfld/core/parallel.hpp"
#include "ntk/kernel_recursion.hpp"

namespace mfld {
namespace {

using dual::Buffer;
using dual::first_layer;
using dual::Recursion;
using dual::Side;
using dual::tile_columns;
using dual::tile_rows;

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

/// One tile of 64 x 64 entries.
class Tile {
 public:
  Tile()
      : products_(size(tile_rows * tile_columns)), determinants_(size(tile_rows)), nngp_(products_), ntk_(products_) {}

  void compute(const KernelConvention& convention, const Recursion& recursion, const Side& x, Index row_tile,
               const Side& z, Index column_tile) {
    row_ = row_tile * tile_rows;
    column_ = column_tile * tile_columns;
    num_rows_ = std::min(tile_rows, x.count - row_);
    num_columns_ = std::min(tile_columns, z.count - column_);
    std::fill(products_.begin(), products_.end(), convention.input_bias_variance);
    dual::table().products({x.tile(row_tile), z.tile(column_tile), x.dim, num_columns_, products_.data()});
    for (Index j = 0; j < num_columns_; ++j) {
      double* products = products_.data() + j * tile_rows;
      const double root = z.roots[0][size(column_ + j)];
      if (dual::table().determinants({num_rows_, x.roots[0].data() + row_, root, products, determinants_.data()})) {
        refine(convention, x, z, j, products);
      }
      recursion.column(x, row_, num_rows_, z, column_ + j,
                       {products, determinants_.data(), nngp_.data() + j * tile_rows, ntk_.data() + j * tile_rows},
                       scratch_);
    }
  }

  void store(InfiniteWidthKernel& kernel, bool mirror) const {
    store(nngp_, kernel.nngp, mirror);
    store(ntk_, kernel.ntk, mirror);
  }

  bool all_finite(KernelParts parts) const {
    return (parts == KernelParts::ntk || all_finite(nngp_)) && (parts == KernelParts::nngp || all_finite(ntk_));
  }

 private:
  /// Near parallel and antiparallel inputs: 1 - |cos| = |x/|x| -+ z/|z||^2 / 2 has no cancellation.
  void refine(const KernelConvention& convention, const Side& x, const Side& z, Index j, const double* products) {
    const double root_z = z.roots[0][size(column_ + j)];
    const double bias = std::sqrt(convention.input_bias_variance);
    const double* zs = z.tile(column_ / tile_columns) + j;
    for (Index i = 0; i < num_rows_; ++i) {
      const double root_x = x.roots[0][size(row_ + i)];
      const double norms = root_x * root_z;
      if (norms == 0 || norms - std::abs(products[i]) >= dual::close_gap * norms) {
        continue;
      }
      const double sign = products[i] < 0 ? -1 : 1;
      const double* xs = x.tile(row_ / tile_rows) + i;
      const double bias_difference = bias / root_x - sign * (bias / root_z);
      double square = bias_difference * bias_difference;
      for (Index k = 0; k < x.dim; ++k) {
        const double difference = xs[k * tile_rows] / root_x - sign * (zs[k * tile_columns] / root_z);
        square += difference * difference;
      }
      const double gap = square / 2;
      determinants_[size(i)] = norms * norms * gap * (2 - gap);
    }
  }

  bool all_finite(const Buffer& tile) const {
    double sum = 0;  // of zeros, unless there is an infinity or NaN
    for (Index j = 0; j < num_columns_; ++j) {
      const auto column = Eigen::Map<const Vector>(tile.data() + j * tile_rows, num_rows_).array();
      sum += (column - column).sum();
    }
    return sum == 0;
  }

  void store(const Buffer& tile, Matrix& out, bool mirror) const {
    if (out.size() == 0) {
      return;
    }
    for (Index j = 0; j < num_columns_; ++j) {
      std::copy_n(tile.data() + j * tile_rows, num_rows_, out.data() + (column_ + j) * out.rows() + row_);
    }
    if (mirror) {
      for (Index i = 0; i < num_rows_; ++i) {
        double* target = out.data() + (row_ + i) * out.rows() + column_;
        for (Index j = 0; j < num_columns_; ++j) {
          target[j] = tile[size(j * tile_rows + i)];
        }
      }
    }
  }

  Buffer products_, determinants_, nngp_, ntk_;
  Recursion::Scratch scratch_;
  Index row_ = 0, column_ = 0, num_rows_ = 0, num_columns_ = 0;
};

void check_inputs(const Inputs& x, std::string_view name) {
  if (x.rows() == 0 || x.cols() == 0) {
    throw InvalidInput(
        fmt::format("the {} of the kernel are {} x {}: there must be at least one input and one number each", name,
                    x.rows(), x.cols()));
  }
  if (!x.allFinite()) {
    for (Index i = 0; i < x.rows(); ++i) {
      if (!x.row(i).allFinite()) {
        throw InvalidInput(fmt::format("row {} of the {} of the kernel holds a number that is not finite", i, name));
      }
    }
  }
}

/// The kernel, and the packed copies of inputs of dimension `dim`.
void check_memory(Index num_rows, Index num_columns, Index dim, KernelParts parts) {
  const double needed =
      kernel_gib(num_rows, num_columns, parts) + kernel_gib(num_rows + num_columns, dim, KernelParts::ntk);
  const double available = available_gib();
  if (needed > available) {
    throw InvalidInput(fmt::format(
        "a kernel of {} x {} inputs needs {:.3g} GiB and {:.3g} GiB are available: ask for fewer inputs, or for one "
        "kernel of nngp and ntk",
        num_rows, num_columns, needed, available));
  }
}

/// A new matrix on large pages, where the system gives them on request: mapping small ones took half of the time of a
/// kernel of 5000 inputs.
void allocate(Matrix& matrix, Index rows, Index columns) {
  matrix.resize(rows, columns);
#ifdef MADV_HUGEPAGE
  constexpr std::size_t page = std::size_t{1} << 21;
  void* first = matrix.data();
  std::size_t room = sizeof(double) * static_cast<std::size_t>(matrix.size());
  if (std::align(page, page, first, room) != nullptr) {
    madvise(first, room, MADV_HUGEPAGE);  // of no consequence where it fails
  }
#endif
}

InfiniteWidthKernel make_result(const Recursion& recursion, Index rows, Index columns, KernelParts parts) {
  InfiniteWidthKernel result;
  if (parts != KernelParts::ntk) {
    allocate(result.nngp, rows, columns);
    result.nngp_error = recursion.nngp_error();
  }
  if (parts != KernelParts::nngp) {
    allocate(result.ntk, rows, columns);
    result.ntk_error = recursion.ntk_error();
  }
  return result;
}

/// Where numbers overflow there is no bound of the error.
void bound_overflow(InfiniteWidthKernel& kernel, KernelParts parts, bool all_finite) {
  const double bound = all_finite ? 0 : std::numeric_limits<double>::infinity();
  kernel.nngp_error += parts == KernelParts::ntk ? 0 : bound;
  kernel.ntk_error += parts == KernelParts::nngp ? 0 : bound;
}

/// Unit vectors with 1 - cos and 1 + cos given.
InfiniteWidthKernel at_gaps(const KernelConvention& convention, Activation activation, const Vector& below,
                            const Vector& above) {
  check(convention, activation);
  const Index count = below.size();
  const double s = convention.input_variance;
  const double b = convention.input_bias_variance;
  Side side;
  side.count = tile_rows;
  side.padded = tile_rows;
  side.roots.emplace_back(size(tile_rows), std::sqrt(s + b));
  const Recursion recursion(convention, activation, {&side});
  InfiniteWidthKernel result = make_result(recursion, count, 1, KernelParts::both);
  Recursion::Scratch scratch;
  double products[tile_rows], determinants[tile_rows], nngp[tile_rows], ntk[tile_rows];
  for (Index first = 0; first < count; first += tile_rows) {
    const Index length = std::min(tile_rows, count - first);
    for (Index i = 0; i < tile_rows; ++i) {
      const double low = below(first + std::min(i, length - 1));
      const double high = above(first + std::min(i, length - 1));
      products[i] = s * (low < high ? 1 - low : high - 1) + b;
      determinants[i] = s * low * (s * high + 2 * b);
    }
    recursion.column(side, 0, length, side, 0, {products, determinants, nngp, ntk}, scratch);
    std::copy_n(nngp, length, result.nngp.data() + first);
    std::copy_n(ntk, length, result.ntk.data() + first);
  }
  bound_overflow(result, KernelParts::both, result.nngp.allFinite() && result.ntk.allFinite());
  return result;
}

}  // namespace

InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          const Inputs& z, KernelParts parts, const Watch& watch) {
  check(convention, activation);
  check_inputs(x, "inputs x");
  check_inputs(z, "inputs z");
  if (x.cols() != z.cols()) {
    throw InvalidInput(fmt::format("the inputs x of the kernel have dimension {} and the inputs z {}: they must agree",
                                   x.cols(), z.cols()));
  }
  check_memory(x.rows(), z.rows(), x.cols(), parts);
  Side rows = first_layer(convention, x);
  Side columns = first_layer(convention, z);
  const Recursion recursion(convention, activation, {&rows, &columns});
  InfiniteWidthKernel result = make_result(recursion, x.rows(), z.rows(), parts);
  const Index row_tiles = rows.padded / tile_rows;
  const Index column_tiles = columns.padded / tile_columns;
  std::atomic<bool> all_finite = true;
  for_each_task(row_tiles * column_tiles, watch, [&](Index task) {
    Tile tile;
    tile.compute(convention, recursion, rows, task % row_tiles, columns, task / row_tiles);
    tile.store(result, false);
    if (!tile.all_finite(parts)) {
      all_finite = false;
    }
  });
  bound_overflow(result, parts, all_finite);
  return result;
}

InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          KernelParts parts, const Watch& watch) {
  check(convention, activation);
  check_inputs(x, "inputs x");
  check_memory(x.rows(), x.rows(), x.cols(), parts);
  Side side = first_layer(convention, x);
  const Recursion recursion(convention, activation, {&side});
  InfiniteWidthKernel result = make_result(recursion, x.rows(), x.rows(), parts);
  const Index tiles = side.padded / tile_rows;
  std::atomic<bool> all_finite = true;
  // Tiles at and below the diagonal, row by row.
  for_each_task(tiles * (tiles + 1) / 2, watch, [&](Index task) {
    const auto row = static_cast<Index>((std::sqrt(8.0 * static_cast<double>(task) + 1) - 1) / 2);
    const Index column = task - row * (row + 1) / 2;
    Tile tile;
    tile.compute(convention, recursion, side, row, side, column);
    tile.store(result, row != column);
    if (!tile.all_finite(parts)) {
      all_finite = false;
    }
  });
  bound_overflow(result, parts, all_finite);
  return result;
}

Vector nngp_variances(const KernelConvention& convention, Activation activation, const Inputs& x) {
  check(convention, activation);
  check_inputs(x, "inputs x");
  Side side = first_layer(convention, x);
  const Recursion recursion(convention, activation, {&side});
  return Vector::Map(side.roots.back().data(), x.rows()).array().square();
}

InfiniteWidthKernel infinite_width_kernel_at_angles(const KernelConvention& convention, Activation activation,
                                                    const Vector& angles) {
  for (Index i = 0; i < angles.size(); ++i) {
    if (!(angles(i) >= 0 && angles(i) <= std::nextafter(std::numbers::pi, 4.0))) {
      throw InvalidInput(fmt::format("angle {} of the kernel is {}: it must be in [0, pi]", i, angles(i)));
    }
  }
  const Vector sine = (angles / 2).array().sin();
  const Vector cosine = (angles / 2).array().cos();
  return at_gaps(convention, activation, 2 * sine.array().square(), 2 * cosine.array().square());
}

InfiniteWidthKernel infinite_width_kernel_at_cosines(const KernelConvention& convention, Activation activation,
                                                     const Vector& cosines) {
  for (Index i = 0; i < cosines.size(); ++i) {
    if (!(cosines(i) >= -1 && cosines(i) <= 1)) {
      throw InvalidInput(fmt::format("cosine {} of the kernel is {}: it must be in [-1, 1]", i, cosines(i)));
    }
  }
  return at_gaps(convention, activation, 1 - cosines.array(), 1 + cosines.array());
}
double kernel_gib(Index num_rows, Index num_columns, KernelParts parts) {
  const double kernels = parts == KernelParts::both ? 2 : 1;
  return kernels * static_cast<double>(num_rows) * static_cast<double>(num_columns) * sizeof(double) / 0x1p30;
}

double available_gib() { return available_memory() / 0x1p30; }

}  // namespace mfld
