#include "mfld/linear/cholesky.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "linear/strips.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

using kernels::strip_rows;
using linear::Strips;

/// Columns that are factorised before the rest of the matrix is brought up to date: a strip of them stays in the
/// first-level cache.
constexpr Index corner_strips = 6;
constexpr Index panel_columns = corner_strips * strip_rows;
/// Columns of a right-hand side that a task solves for.
constexpr Index solved_columns = 32;

/// The factor of a tile [strip_rows][strip_rows], of which the first `size` rows and columns are there. Zeros above the
/// diagonal. False where it is not positive definite.
bool factor_tile(double* tile, Index size) {
  const auto at = [tile](Index row, Index column) -> double& { return tile[column * strip_rows + row]; };
  for (Index j = 0; j < size; ++j) {
    if (at(j, j) <= 0) {
      return false;
    }
    at(j, j) = std::sqrt(at(j, j));
    std::fill_n(&at(0, j), j, 0.0);
    for (Index i = j + 1; i < size; ++i) {
      at(i, j) /= at(j, j);
    }
    for (Index k = j + 1; k < size; ++k) {
      for (Index i = k; i < size; ++i) {
        at(i, k) -= at(i, j) * at(k, j);
      }
    }
  }
  return true;
}

/// Of the triangle at the top of a panel, strip by strip, its first `width` columns.
bool factor_corner(Strips& panel, Index width) {
  for (Index s = 0; s < linear::num_strips(width); ++s) {
    const Index before = s * strip_rows;
    const Index size = std::min(strip_rows, width - before);
    double* const rows = panel.strip(s);
    double* const tile = rows + before * strip_rows;
    kernels::substitute({.rows = rows, .factor = panel.strip(0), .stride = panel.stride(), .columns = before});
    kernels::subtract_product({.left = rows,
                               .right = rows,
                               .depth = before,
                               .matrix = tile,
                               .stride = strip_rows,
                               .rows = size,
                               .columns = size});
    if (!factor_tile(tile, size)) {
      return false;
    }
  }
  return true;
}

template <class Solve>
void for_each_group_of_columns(Matrix& x, const Solve& solve) {
  for_each_task((x.cols() + solved_columns - 1) / solved_columns, [&](Index task) {
    const Index first = task * solved_columns;
    solve(x.middleCols(first, std::min(solved_columns, x.cols() - first)));
  });
}

}  // namespace

bool cholesky_in_place(Matrix& matrix, const Watch& watch) {
  assert(matrix.rows() == matrix.cols());
  const Index n = matrix.rows();
  Strips panel(n, panel_columns);
  for (Index first = 0; first < n; first += panel_columns) {
    const Index width = std::min(panel_columns, n - first);
    const double left = static_cast<double>(n - first) / static_cast<double>(n);
    watch.hear(1 - left * left * left);
    panel.pack(matrix.block(first, first, n - first, width));
    if (!factor_corner(panel, width)) {
      return false;
    }
    const Index below = n - first - width;
    for_each_task(linear::num_strips(below), [&](Index task) {
      kernels::substitute({.rows = panel.strip(corner_strips + task),
                           .factor = panel.strip(0),
                           .stride = panel.stride(),
                           .columns = panel_columns});
    });
    panel.unpack(matrix.block(first, first, n - first, width));
    linear::subtract_products(panel, panel, corner_strips, matrix.bottomRightCorner(below, below));
  }
  return true;
}

void solve_lower(const Matrix& factor, Matrix& x) {
  for_each_group_of_columns(x, [&](auto columns) { factor.triangularView<Eigen::Lower>().solveInPlace(columns); });
}

void solve_lower_transposed(const Matrix& factor, Matrix& x) {
  for_each_group_of_columns(
      x, [&](auto columns) { factor.transpose().triangularView<Eigen::Upper>().solveInPlace(columns); });
}

void solve_cholesky(const Matrix& factor, Eigen::Ref<Vector> x) {
  x = factor.triangularView<Eigen::Lower>().solve(x);  // in place
  x = factor.transpose().triangularView<Eigen::Upper>().solve(x);
}

}  // namespace mfld
