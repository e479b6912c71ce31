#include "ntk/kernel_recursion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace mfld::dual {
namespace {

std::size_t as_size(Index n) { return static_cast<std::size_t>(n); }

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
  side.packed.assign(as_size(side.padded * side.dim), 0.0);
  side.roots.emplace_back(as_size(side.padded), 0.0);
  const double scale = std::sqrt(convention.input_variance);
  for (Index i = 0; i < side.count; ++i) {
    double* row = side.packed.data() + as_size(i / tile_rows * tile_rows * side.dim + i % tile_rows);
    double square = convention.input_bias_variance;
    for (Index k = 0; k < side.dim; ++k) {
      const double value = scale * x(i, k);
      row[k * tile_rows] = value;
      square += value * value;
    }
    side.roots[0][as_size(i)] = std::sqrt(square);
  }
  return side;
}

Recursion::Recursion(const KernelConvention& convention, Activation activation, const std::vector<Side*>& sides)
    : convention_(convention),
      activation_(activation),
      form_(dual_form(activation)),
      num_layers_(convention.num_weight_layers - 1) {
  for (Side* side : sides) {
    side->tangent.resize(as_size(side->count));
    std::transform(side->roots[0].begin(), side->roots[0].begin() + side->count, side->tangent.begin(),
                   [](double root) { return root * root; });
  }
  // Inner products of numbers that were scaled.
  const double first = epsilon / 2 * static_cast<double>(sides.front()->dim + 8);
  errors_ = {{first, first}, first};
  for (int l = 0; l < num_layers_; ++l) {
    if (form_.is_series()) {
      const ExpansionErrors expansions = expand(l, sides);
      carry_errors(l, expansions, sides);
    }
    for (Side* side : sides) {
      advance(*side, l);
    }
  }
  if (form_.is_series() && num_layers_ > 0) {
    bound_errors(sides);
  }
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

ExpansionErrors Recursion::expand(int l, const std::vector<Side*>& sides) {
  double largest = 0;
  for (const Side* side : sides) {
    largest = std::max(largest, *std::max_element(side->roots.back().begin(), side->roots.back().end()));
  }
  const Index terms = terms_needed(activation_, largest);
  num_terms_ = std::max(num_terms_, terms);
  Extremes extremes;
  for (Side* side : sides) {
    side->expansions.push_back(dual::expand(activation_, side->roots[as_size(l)].data(), side->count, terms, largest));
    extremes.join(side->expansions.back().extremes);
  }
  return {sides.front()->expansions.back(), extremes};
}

/// With K' = w M + b and D' = K' + w S D of an input with itself: by Cauchy-Schwarz, an error that is at most the
/// square root of p(x) p(z) is relatively the largest p / K' of an input with itself.
void Recursion::carry_errors(int l, const ExpansionErrors& expansions, const std::vector<Side*>& sides) {
  constexpr double u = epsilon / 2;
  const double w = convention_.weight_variance;
  const ExpansionErrors::Pair e = expansions.at(errors_.kernel);
  const double tangent = e.slope + (1 + e.slope) * errors_.tangent;
  Errors next;
  for (Side* side : sides) {
    for (Index i = 0; i < side->count; ++i) {
      const Moments& m = side->expansions[as_size(l)].moments[as_size(i)];
      const double variance = side->roots[as_size(l)][as_size(i)] * side->roots[as_size(l)][as_size(i)];
      const double kernel = w * m.value + convention_.bias_variance;
      const double gained = w * m.slope * side->tangent[as_size(i)];
      side->tangent[as_size(i)] = kernel + gained;
      if (kernel > 0) {
        // The change of M is that of a thousandth of itself at another variance.
        const double change = 1.001 * w * std::abs(m.change) + 1e-3 * w * m.value;
        next.kernel.variance = std::max(
            next.kernel.variance, (change * errors_.kernel.variance + w * m.value * expansions.moment()) / kernel);
        next.kernel.covariance =
            std::max(next.kernel.covariance, w * (m.value * e.value + variance * m.slope * e.moved) / kernel);
      }
      if (kernel + gained > 0) {
        next.tangent = std::max(next.tangent, gained / (kernel + gained) * tangent);
      }
    }
  }
  next.kernel.variance += 4 * u;  // that of the root counts twice
  next.kernel.covariance += 2 * u;
  next.tangent += next.kernel.covariance + 4 * u;
  errors_ = next;
}

void Recursion::advance(Side& side, int l) const {
  const Buffer& from = side.roots[as_size(l)];
  Buffer to(from.size(), 0.0);
  for (Index i = 0; i < side.count; ++i) {
    const double moment = form_.is_series() ? side.expansions[as_size(l)].moments[as_size(i)].value
                                            : second_moment(form_.closed_form, from[as_size(i)] * from[as_size(i)]);
    to[as_size(i)] = std::sqrt(convention_.weight_variance * moment + convention_.bias_variance);
  }
  side.roots.push_back(std::move(to));
}

void Recursion::prepare(const Side& x, Index row, const Side& z, Index j, Scratch& scratch) const {
  scratch.layers.resize(as_size(num_layers_));
  scratch.column_values.resize(as_size(num_layers_ * num_terms_));
  scratch.column_slopes.resize(as_size(num_layers_ * num_terms_));
  for (int l = 0; l < num_layers_; ++l) {
    const bool last = l + 1 == num_layers_;
    Layer& layer = scratch.layers[as_size(l)];
    layer = {};
    layer.row_roots = x.roots[as_size(l)].data() + row;
    layer.column_root = z.roots[as_size(l)][as_size(j)];
    layer.train_weights = (last ? convention_.train_output : convention_.train_hidden) ? 1 : 0;
    layer.train_bias = convention_.train_bias ? convention_.bias_variance : 0;
    if (!form_.is_series()) {
      continue;
    }
    const HermiteExpansion& rows = x.expansions[as_size(l)];
    const HermiteExpansion& columns = z.expansions[as_size(l)];
    layer.num_terms = rows.num_terms;
    layer.row_values = rows.values.data() + rows.start(row);
    layer.row_slopes = rows.slopes.data() + rows.start(row);
    double* values = scratch.column_values.data() + l * num_terms_;
    double* slopes = scratch.column_slopes.data() + l * num_terms_;
    for (Index k = 0; k < columns.num_terms; ++k) {
      values[k] = columns.values[columns.start(j) + as_size(k * tile_rows)];
      slopes[k] = columns.slopes[columns.start(j) + as_size(k * tile_rows)];
    }
    layer.column_values = values;
    layer.column_slopes = slopes;
  }
}

void Recursion::bound_errors(const std::vector<Side*>& sides) {
  double kernel = 0;
  double tangent = 0;
  for (const Side* side : sides) {
    for (Index i = 0; i < side->count; ++i) {
      kernel = std::max(kernel, side->roots.back()[as_size(i)] * side->roots.back()[as_size(i)]);
      tangent = std::max(tangent, side->tangent[as_size(i)]);
    }
  }
  constexpr double second_order = 1.01;
  // Of infinite bounds and 0 comes NaN.
  const auto known = [](double error) { return std::isfinite(error) ? error : Smoothness::infinity; };
  error_ = known(second_order * errors_.kernel.covariance * kernel);
  ntk_error_ = known(second_order * errors_.tangent * tangent);
}

}  // namespace mfld::dual
