#include "linear/symmetric_product.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/products.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld::linear {

namespace {

/// Columns that are worth a task, and the most tasks.
constexpr Index task_columns = 256;
constexpr Index most_tasks = 16;

}  // namespace

SymmetricProduct::SymmetricProduct(Index most_rows) : sums_(most_rows, most_tasks) {}

void SymmetricProduct::multiply(const Eigen::Ref<const Matrix>& matrix, const Eigen::Ref<const Vector>& v,
                                Eigen::Ref<Vector> w) {
  const Index size = v.size();
  const Index tasks = std::clamp<Index>(size / task_columns, 1, most_tasks);
  const auto bound = [&](Index task) {
    const double share = static_cast<double>(task) / static_cast<double>(tasks);
    return task == tasks ? size : static_cast<Index>(static_cast<double>(size) * (1 - std::sqrt(1 - share))) / 4 * 4;
  };
  for_each_task(tasks, [&](Index task) {
    auto sum = sums_.col(task).head(size);
    sum.setZero();
    kernels::add_symmetric_product({.matrix = matrix.data(),
                                    .stride = matrix.outerStride(),
                                    .size = size,
                                    .first = bound(task),
                                    .last = bound(task + 1),
                                    .x = v.data(),
                                    .y = sum.data()});
  });
  w = sums_.col(0).head(size);
  for (Index task = 1; task < tasks; ++task) {
    const Index first = bound(task);
    w.tail(size - first) += sums_.col(task).segment(first, size - first);
  }
}

double power_of_two_scale(const Matrix& matrix) {
  double scale = 0;
  bool finite = true;
  for (Index j = 0; j < matrix.rows(); ++j) {
    const auto column = matrix.col(j).tail(matrix.rows() - j);
    finite = finite && column.allFinite();
    scale = std::max(scale, column.cwiseAbs().maxCoeff());
  }
  if (!finite) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return scale == 0 ? 1 : std::ldexp(1.0, std::ilogb(scale));
}

}  // namespace mfld::linear
