#include "mfld/ntk/infinite_width.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "ntk/dual_kernels.hpp"
#include "ntk/hermite_expansion.hpp"

namespace mfld {
namespace {

using dual::HermiteExpansion;
using dual::tile_columns;
using dual::tile_rows;
using Buffer = std::vector<double>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

/// E sigma(u)^2 for u ~ N(0, a), activations with a closed form.
double second_moment(Activation kind, double a) {
  switch (kind) {
    case Activation::relu:
    case Activation::relu_right:
      return a / 2;
    case Activation::squared_relu:
      return 1.5 * a * a;
    case Activation::erf:
      return 2 / std::numbers::pi * std::atan2(2 * a, std::sqrt(1 + 4 * a));
    default:
      return a;
  }
}

/// The inputs of one side of the kernel: their vectors, and the variance of every layer's preactivation.
struct Side {
  Index count = 0;
  Index padded = 0;
  Index dim = 0;
  Buffer packed;              // [tile][dim][tile_rows], times sqrt(input_variance); rows past the end are 0
  std::vector<Buffer> roots;  // [layer][padded]
  std::vector<HermiteExpansion> expansions;

  const double* tile(Index index) const { return packed.data() + size(index * dim * tile_rows); }
};

Side first_layer(const KernelConvention& convention, const Inputs& x) {
  Side side;
  side.count = x.rows();
  side.dim = x.cols();
  side.padded = (x.rows() + tile_rows - 1) / tile_rows * tile_rows;
  side.packed.assign(size(side.padded * side.dim), 0.0);
  side.roots.emplace_back(size(side.padded), 0.0);
  const double scale = std::sqrt(convention.input_variance);
  for (Index i = 0; i < side.count; ++i) {
    double* row = side.packed.data() + size(i / tile_rows * tile_rows * side.dim + i % tile_rows);
    double square = convention.input_bias_variance;
    for (Index k = 0; k < side.dim; ++k) {
      const double value = scale * x(i, k);
      row[k * tile_rows] = value;
      square += value * value;
    }
    side.roots[0][size(i)] = std::sqrt(square);
  }
  return side;
}

/// One kernel computation: layers, their tables, and the bounds of their errors.
class Recursion {
 public:
  Recursion(const KernelConvention& convention, Activation activation, const std::vector<Side*>& sides)
      : convention_(convention), activation_(activation), num_layers_(convention.num_weight_layers - 1) {
    for (int l = 0; l < num_layers_; ++l) {
      if (dual::needs_expansion(activation)) {
        expand(l, sides);
      }
      for (Side* side : sides) {
        advance(*side, l);
      }
    }
    bound_ntk();
  }

  double nngp_error() const { return error_; }
  double ntk_error() const { return ntk_error_; }

  /// Entries of rows [row, row + count) of x against column j of z. `scratch` is kept between calls.
  struct Scratch {
    std::vector<dual::Layer> layers;
    Buffer column_values, column_slopes;
  };
  void column(const Side& x, Index row, Index count, const Side& z, Index j, const double* products,
              const double* determinants, double* nngp, double* ntk, Scratch& scratch) const {
    prepare(x, row, z, j, scratch);
    dual::ColumnTask task{};
    task.kind = activation_;
    task.count = count;
    task.layers = scratch.layers.data();
    task.num_layers = num_layers_;
    task.weight_variance = convention_.weight_variance;
    task.bias_variance = convention_.bias_variance;
    const bool train_first = num_layers_ == 0 ? convention_.train_output : convention_.train_hidden;
    task.first_weights = train_first ? 1 : 0;
    task.first_offset = ((convention_.train_bias ? 1 : 0) - task.first_weights) * convention_.input_bias_variance;
    task.products = products;
    task.determinants = determinants;
    task.nngp = nngp;
    task.ntk = ntk;
    dual::table().column(task);
  }

 private:
  void expand(int l, const std::vector<Side*>& sides) {
    double largest = 0;
    for (const Side* side : sides) {
      largest = std::max(largest, *std::max_element(side->roots.back().begin(), side->roots.back().end()));
    }
    const Index terms = dual::terms_needed(activation_, largest);
    num_terms_ = std::max(num_terms_, terms);
    LayerBound bound{largest * largest, 0, 0, 0, 0};
    for (Side* side : sides) {
      side->expansions.push_back(dual::expand(activation_, side->roots[size(l)].data(), side->count, terms));
      const HermiteExpansion& e = side->expansions.back();
      bound.value_error = std::max(bound.value_error, e.value_error);
      bound.slope_error = std::max(bound.slope_error, e.slope_error);
      bound.moment_error = std::max(bound.moment_error, e.moment_error);
      bound.moment = std::max(bound.moment, e.largest_moment);
    }
    bounds_.push_back(bound);
  }

  void advance(Side& side, int l) const {
    const Buffer& from = side.roots[size(l)];
    Buffer to(from.size(), 0.0);
    for (Index i = 0; i < side.count; ++i) {
      const double moment = dual::needs_expansion(activation_)
                                ? side.expansions[size(l)].moments[size(i)]
                                : second_moment(activation_, from[size(i)] * from[size(i)]);
      to[size(i)] = std::sqrt(convention_.weight_variance * moment + convention_.bias_variance);
    }
    side.roots.push_back(std::move(to));
  }

  void prepare(const Side& x, Index row, const Side& z, Index j, Scratch& scratch) const {
    scratch.layers.resize(size(num_layers_));
    scratch.column_values.resize(size(num_layers_ * num_terms_));
    scratch.column_slopes.resize(size(num_layers_ * num_terms_));
    for (int l = 0; l < num_layers_; ++l) {
      const bool last = l + 1 == num_layers_;
      dual::Layer& layer = scratch.layers[size(l)];
      layer = {};
      layer.row_roots = x.roots[size(l)].data() + row;
      layer.column_root = z.roots[size(l)][size(j)];
      layer.train_weights = (last ? convention_.train_output : convention_.train_hidden) ? 1 : 0;
      layer.train_bias = convention_.train_bias ? convention_.bias_variance : 0;
      if (!dual::needs_expansion(activation_)) {
        continue;
      }
      const HermiteExpansion& rows = x.expansions[size(l)];
      const HermiteExpansion& columns = z.expansions[size(l)];
      layer.num_terms = rows.num_terms;
      layer.row_values = rows.values.data() + rows.start(row);
      layer.row_slopes = rows.slopes.data() + rows.start(row);
      double* values = scratch.column_values.data() + l * num_terms_;
      double* slopes = scratch.column_slopes.data() + l * num_terms_;
      for (Index k = 0; k < columns.num_terms; ++k) {
        values[k] = columns.values[columns.start(j) + size(k * tile_rows)];
        slopes[k] = columns.slopes[columns.start(j) + size(k * tile_rows)];
      }
      layer.column_values = values;
      layer.column_slopes = slopes;
    }
  }

  /// Errors of K^l and Theta^l carried through the layers by Price's theorem: with m = sup |sigma'| and so on,
  ///   |dE sigma sigma| <= m1^2 |dc| + m2 sqrt(E sigma^2) max(|da|, |db|),   |dE sigma' sigma'| <= m2^2 |dc| + m3 m1
  ///   max(|da|, |db|).
  void bound_ntk() {
    if (bounds_.empty()) {
      return;
    }
    const auto sup = dual::derivative_bounds(activation_);
    const double w = convention_.weight_variance;
    double variance = bounds_[0].variance;
    double diagonal_error = 0;
    double theta = variance;
    for (const LayerBound& b : bounds_) {
      const double value_error =
          b.value_error + sup.first * sup.first * error_ + sup.second * std::sqrt(b.moment) * diagonal_error;
      const double slope_error =
          b.slope_error + sup.second * sup.second * error_ + sup.third * sup.first * diagonal_error;
      diagonal_error =
          w * (b.moment_error + (sup.first * sup.first + sup.second * std::sqrt(b.moment)) * diagonal_error) +
          4 * epsilon * (w * b.moment + convention_.bias_variance);
      error_ = w * value_error + 4 * epsilon * (w * b.moment + convention_.bias_variance);
      const double slope = sup.first * sup.first;
      ntk_error_ =
          error_ + w * (slope_error * theta + (slope + slope_error) * ntk_error_) + 8 * epsilon * w * slope * theta;
      variance = w * b.moment + convention_.bias_variance;
      theta = variance + w * slope * theta;
    }
  }

  struct LayerBound {
    double variance, value_error, slope_error, moment_error, moment;
  };

  KernelConvention convention_;
  Activation activation_;
  int num_layers_;
  Index num_terms_ = 0;
  std::vector<LayerBound> bounds_;
  double error_ = 0;
  double ntk_error_ = 0;
};

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
      recursion.column(x, row_, num_rows_, z, column_ + j, products, determinants_.data(), nngp_.data() + j * tile_rows,
                       ntk_.data() + j * tile_rows, scratch_);
    }
  }

  void store(Matrix& nngp, Matrix& ntk, bool mirror) const {
    store(nngp_, nngp, mirror);
    store(ntk_, ntk, mirror);
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

void check_memory(Index num_rows, Index num_columns, KernelParts parts) {
  const double needed = kernel_gib(num_rows, num_columns, parts);
  const double available = available_gib();
  if (needed > available) {
    throw InvalidInput(fmt::format(
        "a kernel of {} x {} inputs needs {:.3g} GiB and {:.3g} GiB are available: ask for fewer inputs, or for one "
        "kernel of nngp and ntk",
        num_rows, num_columns, needed, available));
  }
}

InfiniteWidthKernel make_result(const Recursion& recursion, Index rows, Index columns, KernelParts parts) {
  InfiniteWidthKernel result;
  if (parts != KernelParts::ntk) {
    result.nngp.resize(rows, columns);
    result.nngp_error = recursion.nngp_error();
  }
  if (parts != KernelParts::nngp) {
    result.ntk.resize(rows, columns);
    result.ntk_error = recursion.ntk_error();
  }
  return result;
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
    recursion.column(side, 0, length, side, 0, products, determinants, nngp, ntk, scratch);
    std::copy_n(nngp, length, result.nngp.data() + first);
    std::copy_n(ntk, length, result.ntk.data() + first);
  }
  return result;
}

}  // namespace

InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          const Inputs& z, KernelParts parts) {
  check(convention, activation);
  check_inputs(x, "inputs x");
  check_inputs(z, "inputs z");
  if (x.cols() != z.cols()) {
    throw InvalidInput(fmt::format("the inputs x of the kernel have dimension {} and the inputs z {}: they must agree",
                                   x.cols(), z.cols()));
  }
  check_memory(x.rows(), z.rows(), parts);
  Side rows = first_layer(convention, x);
  Side columns = first_layer(convention, z);
  const Recursion recursion(convention, activation, {&rows, &columns});
  InfiniteWidthKernel result = make_result(recursion, x.rows(), z.rows(), parts);
  const Index row_tiles = rows.padded / tile_rows;
  const Index column_tiles = columns.padded / tile_columns;
  for_each_task(row_tiles * column_tiles, [&](Index task) {
    Tile tile;
    tile.compute(convention, recursion, rows, task % row_tiles, columns, task / row_tiles);
    tile.store(result.nngp, result.ntk, false);
  });
  return result;
}

InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          KernelParts parts) {
  check(convention, activation);
  check_inputs(x, "inputs x");
  check_memory(x.rows(), x.rows(), parts);
  Side side = first_layer(convention, x);
  const Recursion recursion(convention, activation, {&side});
  InfiniteWidthKernel result = make_result(recursion, x.rows(), x.rows(), parts);
  const Index tiles = side.padded / tile_rows;
  // Tiles at and below the diagonal, row by row.
  for_each_task(tiles * (tiles + 1) / 2, [&](Index task) {
    const auto row = static_cast<Index>((std::sqrt(8.0 * static_cast<double>(task) + 1) - 1) / 2);
    const Index column = task - row * (row + 1) / 2;
    Tile tile;
    tile.compute(convention, recursion, side, row, side, column);
    tile.store(result.nngp, result.ntk, row != column);
  });
  return result;
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

DualActivation dual_activation(Activation kind, double a, double b, double c) {
  if (!(a >= 0 && b >= 0 && std::isfinite(a) && std::isfinite(b) && c * c <= a * b * (1 + 1e-10))) {
    throw InvalidInput(fmt::format(
        "a = {}, b = {}, c = {} are no covariance: a and b must be at least 0 and finite, and c^2 at most a b", a, b,
        c));
  }
  // a b - c^2 with one rounding error in all (Kahan).
  const double square = c * c;
  const double determinant = std::max(0.0, std::fma(a, b, -square) - std::fma(c, c, -square));
  double row_roots[tile_rows] = {std::sqrt(a), std::sqrt(b)};
  double products[tile_rows] = {c}, determinants[tile_rows] = {determinant};
  double nngp[tile_rows], ntk[tile_rows], value[tile_rows], slope[tile_rows];
  dual::Layer layer{};
  layer.row_roots = row_roots;
  layer.column_root = row_roots[1];
  dual::ColumnTask task{};
  task.kind = kind;
  task.count = 1;
  task.layers = &layer;
  task.num_layers = 1;
  task.weight_variance = 1;
  task.products = products;
  task.determinants = determinants;
  task.nngp = nngp;
  task.ntk = ntk;
  task.last_value = value;
  task.last_slope = slope;
  HermiteExpansion e;
  Buffer column_values, column_slopes;
  if (dual::needs_expansion(kind)) {
    e = dual::expand(kind, row_roots, 2, dual::terms_needed(kind, std::max(row_roots[0], row_roots[1])));
    for (Index k = 0; k < e.num_terms; ++k) {
      column_values.push_back(e.values[size(k * tile_rows + 1)]);
      column_slopes.push_back(e.slopes[size(k * tile_rows + 1)]);
    }
    layer.num_terms = e.num_terms;
    layer.row_values = e.values.data();
    layer.row_slopes = e.slopes.data();
    layer.column_values = column_values.data();
    layer.column_slopes = column_slopes.data();
  }
  dual::table().column(task);
  return {value[0], slope[0], e.value_error, e.slope_error};
}

double kernel_gib(Index num_rows, Index num_columns, KernelParts parts) {
  const double kernels = parts == KernelParts::both ? 2 : 1;
  return kernels * static_cast<double>(num_rows) * static_cast<double>(num_columns) * sizeof(double) / 0x1p30;
}

double available_gib() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  double kib = 0;
  while (file >> name >> kib && std::getline(file, unit)) {
    if (name == "MemAvailable:") {
      return kib * 1024 / 0x1p30;
    }
  }
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 0x1p30;
}

}  // namespace mfld
