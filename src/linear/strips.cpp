#include "linear/strips.hpp"

#include <algorithm>

#include "mfld/core/parallel.hpp"

namespace mfld::linear {

namespace {

/// Strips by strips that a task multiplies.
constexpr Index group_strips = 8;

Index rows_of(Index strip, Index rows) { return std::min(kernels::strip_rows, rows - strip * kernels::strip_rows); }

}  // namespace

Strips::Strips(Index rows, Index columns)
    : columns_(columns), lines_(static_cast<std::size_t>(num_strips(rows) * columns)) {}

void Strips::pack(const Eigen::Ref<const Matrix>& matrix, Index first_column) {
  for_each_task(num_strips(matrix.rows()), [&](Index task) {
    const Index count = rows_of(task, matrix.rows());
    double* place = strip(task) + first_column * kernels::strip_rows;
    for (Index k = 0; k < matrix.cols(); ++k, place += kernels::strip_rows) {
      std::copy_n(matrix.data() + k * matrix.outerStride() + task * kernels::strip_rows, count, place);
      std::fill(place + count, place + kernels::strip_rows, 0.0);
    }
  });
}

void Strips::unpack(Eigen::Ref<Matrix> matrix) const {
  for_each_task(num_strips(matrix.rows()), [&](Index task) {
    const double* place = strip(task);
    for (Index k = 0; k < matrix.cols(); ++k, place += kernels::strip_rows) {
      std::copy_n(place, rows_of(task, matrix.rows()), &matrix(task * kernels::strip_rows, k));
    }
  });
}

void subtract_products(const Strips& left, const Strips& right, Index first_strip, Eigen::Ref<Matrix> matrix) {
  const Index size = matrix.rows();
  const Index strips = num_strips(size);
  const Index groups = (strips + group_strips - 1) / group_strips;
  for_each_task(groups * groups, [&](Index task) {
    const Index above = task / groups * group_strips;
    const Index before = task % groups * group_strips;
    for (Index i = above; i < std::min(strips, above + group_strips); ++i) {
      for (Index j = before; j <= std::min(i, before + group_strips - 1); ++j) {
        kernels::subtract_product({.left = left.strip(first_strip + i),
                                   .right = right.strip(first_strip + j),
                                   .depth = left.columns(),
                                   .matrix = &matrix(i * kernels::strip_rows, j * kernels::strip_rows),
                                   .stride = matrix.outerStride(),
                                   .rows = rows_of(i, size),
                                   .columns = rows_of(j, size)});
      }
    }
  });
}

}  // namespace mfld::linear
