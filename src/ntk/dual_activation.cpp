#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/dual_kernels.hpp"
#include "mfld/core/error.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "ntk/hermite_expansion.hpp"

namespace mfld {

DualActivation dual_activation(Activation kind, double a, double b, double c) {
  using dual::tile_rows;
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
  task.form = dual::dual_form(kind).closed_form;
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
  dual::HermiteExpansion e;
  double value_error = 0;
  double slope_error = 0;
  std::vector<double> column_values, column_slopes;
  if (task.form == dual::ClosedForm::none) {
    const double largest = std::max(row_roots[0], row_roots[1]);
    e = dual::expand(kind, row_roots, 2, dual::terms_needed(kind, largest), largest);
    const auto pair = dual::ExpansionErrors(e, e.extremes).at({dual::epsilon, dual::epsilon});
    const dual::Moments& row = e.moments[0];
    const dual::Moments& column = e.moments[1];
    const double slopes = std::sqrt(row.slope * column.slope);
    value_error = pair.value * std::sqrt(row.value * column.value) + pair.moved * std::sqrt(a * b) * slopes;
    slope_error = pair.slope * slopes;
    for (Index k = 0; k < e.num_terms; ++k) {
      column_values.push_back(e.values[static_cast<std::size_t>(k * tile_rows + 1)]);
      column_slopes.push_back(e.slopes[static_cast<std::size_t>(k * tile_rows + 1)]);
    }
    layer.num_terms = e.num_terms;
    layer.row_values = e.values.data();
    layer.row_slopes = e.slopes.data();
    layer.column_values = column_values.data();
    layer.column_slopes = column_slopes.data();
  }
  dual::table().column(task);
  // Large a and b overflow: no bound holds of what is then left.
  const auto error_of = [](double found, double bound) {
    return std::isfinite(found) ? bound : std::numeric_limits<double>::infinity();
  };
  return {value[0], slope[0], error_of(value[0], value_error), error_of(slope[0], slope_error)};
}

}  // namespace mfld
