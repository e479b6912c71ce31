#include "ntk/kernel_recursion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace mfld::dual {
namespace {

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

/// E sigma(u)^2 for u ~ N(0, a). A series keeps its own.
double second_moment(ClosedForm form, double a) {
  switch (form) {
    case ClosedForm::relu:
    case ClosedForm::relu_right:
      return a / 2;
    case ClosedForm::squared_relu:
      return 1.5 * a * a;
    case ClosedForm::erf:
      return 2 / std::numbers::pi * std::atan2(2 * a, std::sqrt(1 + 4 * a));
    case ClosedForm::linear:
      return a;
    case ClosedForm::none:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

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

Recursion::Recursion(const KernelConvention& convention, Activation activation, const std::vector<Side*>& sides)
    : convention_(convention),
      activation_(activation),
      form_(dual_form(activation)),
      num_layers_(convention.num_weight_layers - 1) {
  for (int l = 0; l < num_layers_; ++l) {
    if (form_.is_series()) {
      expand(l, sides);
    }
    for (Side* side : sides) {
      advance(*side, l);
    }
  }
  bound_errors();
}

void Recursion::column(const Side& x, Index row, Index count, const Side& z, Index j, const Column& entries,
                       Scratch& scratch) const {
  prepare(x, row, z, j, scratch);
  ColumnTask task{};
  task.form = form_.closed_form;
  task.count = count;
  task.layers = scratch.layers.data();
  task.num_layers = num_layers_;
  task.weight_variance = convention_.weight_variance;
  task.bias_variance = convention_.bias_variance;
  const bool train_first = num_layers_ == 0 ? convention_.train_output : convention_.train_hidden;
  task.first_weights = train_first ? 1 : 0;
  task.first_offset = ((convention_.train_bias ? 1 : 0) - task.first_weights) * convention_.input_bias_variance;
  task.products = entries.products;
  task.determinants = entries.determinants;
  task.nngp = entries.nngp;
  task.ntk = entries.ntk;
  table().column(task);
}

void Recursion::expand(int l, const std::vector<Side*>& sides) {
  double largest = 0;
  for (const Side* side : sides) {
    largest = std::max(largest, *std::max_element(side->roots.back().begin(), side->roots.back().end()));
  }
  const Index terms = terms_needed(activation_, largest);
  num_terms_ = std::max(num_terms_, terms);
  LayerBound bound{largest * largest, 0, 0, 0, 0, 0};
  for (Side* side : sides) {
    side->expansions.push_back(dual::expand(activation_, side->roots[size(l)].data(), side->count, terms));
    const HermiteExpansion& e = side->expansions.back();
    bound.value_error = std::max(bound.value_error, e.value_error);
    bound.slope_error = std::max(bound.slope_error, e.slope_error);
    bound.moment_error = std::max(bound.moment_error, e.moment_error);
    bound.moment = std::max(bound.moment, e.largest_moment);
    bound.slope_moment = std::max(bound.slope_moment, e.largest_slope_moment);
  }
  bounds_.push_back(bound);
}

void Recursion::advance(Side& side, int l) const {
  const Buffer& from = side.roots[size(l)];
  Buffer to(from.size(), 0.0);
  for (Index i = 0; i < side.count; ++i) {
    const double moment = form_.is_series() ? side.expansions[size(l)].moments[size(i)]
                                            : second_moment(form_.closed_form, from[size(i)] * from[size(i)]);
    to[size(i)] = std::sqrt(convention_.weight_variance * moment + convention_.bias_variance);
  }
  side.roots.push_back(std::move(to));
}

void Recursion::prepare(const Side& x, Index row, const Side& z, Index j, Scratch& scratch) const {
  scratch.layers.resize(size(num_layers_));
  scratch.column_values.resize(size(num_layers_ * num_terms_));
  scratch.column_slopes.resize(size(num_layers_ * num_terms_));
  for (int l = 0; l < num_layers_; ++l) {
    const bool last = l + 1 == num_layers_;
    Layer& layer = scratch.layers[size(l)];
    layer = {};
    layer.row_roots = x.roots[size(l)].data() + row;
    layer.column_root = z.roots[size(l)][size(j)];
    layer.train_weights = (last ? convention_.train_output : convention_.train_hidden) ? 1 : 0;
    layer.train_bias = convention_.train_bias ? convention_.bias_variance : 0;
    if (!form_.is_series()) {
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

/// Errors of K^l and Theta^l carried through the layers by Price's theorem: with s = sup E sigma'^2, m1 = sup |sigma'|
/// and so on,
///   |dE sigma sigma| <= s |dc| + m2 sqrt(E sigma^2) max(|da|, |db|),
///   |dE sigma' sigma'| <= m2^2 |dc| + m3 sqrt(s) max(|da|, |db|),
/// where s, known at the variances that were computed, is at most (m2^2 + m1 m3) |da| larger at the true ones.
void Recursion::bound_errors() {
  if (bounds_.empty()) {
    return;
  }
  const Smoothness& sup = form_.smoothness;
  const double w = convention_.weight_variance;
  double diagonal_error = 0;
  double theta = bounds_[0].variance;
  for (const LayerBound& b : bounds_) {
    const double slope =
        std::min(sup.first * sup.first,
                 b.slope_moment + b.slope_error + (sup.second * sup.second + sup.first * sup.third) * diagonal_error);
    const double curvature = sup.second * std::sqrt(b.moment);
    const double rounding = 4 * epsilon * (w * b.moment + convention_.bias_variance);
    const double slope_error =
        b.slope_error + sup.second * sup.second * error_ + sup.third * std::sqrt(slope) * diagonal_error;
    error_ = w * (b.value_error + slope * error_ + curvature * diagonal_error) + rounding;
    diagonal_error = w * (b.moment_error + (slope + curvature) * diagonal_error) + rounding;
    ntk_error_ =
        error_ + w * (slope_error * theta + (slope + slope_error) * ntk_error_) + 8 * epsilon * w * slope * theta;
    theta = w * b.moment + convention_.bias_variance + w * slope * theta;
  }
  // Of infinite bounds and 0 comes NaN.
  for (double* error : {&error_, &ntk_error_}) {
    *error = std::isfinite(*error) ? *error : Smoothness::infinity;
  }
}

}  // namespace mfld::dual
