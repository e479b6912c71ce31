#include "mfld/linear/eigenvalues.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/Householder>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "linear/strips.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

constexpr Index reflections_at_once = 32;
/// Columns of a symmetric product that are worth a task, and the most tasks: each has a sum of its own.
constexpr Index task_columns = 256;
constexpr Index most_tasks = 16;

struct Tridiagonal {
  Vector diagonal;  // [n]
  Vector beside;    // [n - 1]
};

class Reduction {
 public:
  explicit Reduction(Matrix& matrix)
      : matrix_(matrix),
        v_(matrix.rows(), reflections_at_once),
        w_(matrix.rows(), reflections_at_once),
        sums_(matrix.rows(), most_tasks),
        left_(matrix.rows(), 2 * reflections_at_once),
        right_(matrix.rows(), 2 * reflections_at_once),
        result_{Vector(matrix.rows()), Vector(matrix.rows() - 1)} {}

  /// Q' A Q = T
  Tridiagonal run() {
    const Index n = matrix_.rows();
    for (Index first = 0; first < n; first += reflections_at_once) {
      const Index width = std::min(reflections_at_once, n - first);
      for (Index i = 0; i < width; ++i) {
        reduce_column(first, i);
      }
      update(first + width);
    }
    return std::move(result_);
  }

 private:
  /// Column i of the panel that begins at `first`: the reflections before it, which the rest of the matrix does not
  /// know yet, are A - V W' - W V'; then its own one, I - tau v v', and w = tau (A v - tau v'A v / 2 v).
  void reduce_column(Index first, Index i) {
    const Index at = first + i;
    const Index below = matrix_.rows() - at - 1;
    auto column = matrix_.col(at).tail(below + 1);
    column.noalias() -= v_.block(at, 0, below + 1, i) * w_.row(at).head(i).transpose();
    column.noalias() -= w_.block(at, 0, below + 1, i) * v_.row(at).head(i).transpose();
    result_.diagonal(at) = column(0);
    if (below == 0) {
      return;
    }
    auto rest = column.tail(below);
    double tau = 0;
    rest.makeHouseholderInPlace(tau, result_.beside(at));
    auto v = v_.col(i).tail(below);
    auto w = w_.col(i).tail(below);
    v = rest;
    v(0) = 1;
    multiply(at + 1, v, w);
    const auto before_v = v_.block(at + 1, 0, below, i);
    const auto before_w = w_.block(at + 1, 0, below, i);
    const Vector of_w = before_w.transpose() * v;
    const Vector of_v = before_v.transpose() * v;
    w.noalias() -= before_v * of_w;
    w.noalias() -= before_w * of_v;
    w *= tau;
    w -= tau / 2 * w.dot(v) * v;
  }

  /// w <- A v, A the corner of the matrix from `from` on. Tasks of about equal work, each with a sum of its own, which
  /// are added in their order.
  void multiply(Index from, const Eigen::Ref<const Vector>& v, Eigen::Ref<Vector> w) {
    const Index size = v.size();
    const Index tasks = std::clamp<Index>(size / task_columns, 1, most_tasks);
    const auto bound = [&](Index task) {
      const double share = static_cast<double>(task) / static_cast<double>(tasks);
      return task == tasks ? size : static_cast<Index>(static_cast<double>(size) * (1 - std::sqrt(1 - share))) / 4 * 4;
    };
    for_each_task(tasks, [&](Index task) {
      auto sum = sums_.col(task).head(size);
      sum.setZero();
      kernels::add_symmetric_product({.matrix = &matrix_(from, from),
                                      .stride = matrix_.outerStride(),
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

  /// The corner from `from` on <- itself - V W' - W V'.
  void update(Index from) {
    const Index size = matrix_.rows() - from;
    if (size == 0) {
      return;
    }
    left_.pack(v_.bottomRows(size));
    left_.pack(w_.bottomRows(size), reflections_at_once);
    right_.pack(w_.bottomRows(size));
    right_.pack(v_.bottomRows(size), reflections_at_once);
    linear::subtract_products(left_, right_, 0, matrix_.bottomRightCorner(size, size));
  }

  Matrix& matrix_;
  Matrix v_;  // [n x reflections_at_once], rows of the matrix
  Matrix w_;
  Matrix sums_;
  linear::Strips left_;
  linear::Strips right_;
  Tridiagonal result_;
};

}  // namespace

Vector symmetric_eigenvalues(Matrix matrix) {
  assert(matrix.rows() == matrix.cols());
  const Index n = matrix.rows();
  if (n == 0) {
    return {};
  }
  double scale = 0;
  bool finite = true;
  for (Index j = 0; j < n; ++j) {
    const auto column = matrix.col(j).tail(n - j);
    finite = finite && column.allFinite();
    scale = std::max(scale, column.cwiseAbs().maxCoeff());
  }
  Vector none = Vector::Constant(n, std::numeric_limits<double>::quiet_NaN());
  if (!finite) {
    return none;
  }
  // Squares must not overflow or vanish, and the QR steps take a number beside the diagonal for 0 by comparing its
  // square with the diagonal, which has a meaning where the largest entry is about 1. A power of 2 rounds nothing.
  scale = scale == 0 ? 1 : std::ldexp(1.0, std::ilogb(scale));
  matrix /= scale;
  const Tridiagonal reduced = Reduction(matrix).run();
  Eigen::SelfAdjointEigenSolver<Matrix> solver;
  solver.computeFromTridiagonal(reduced.diagonal, reduced.beside, Eigen::EigenvaluesOnly);
  return solver.info() == Eigen::Success ? Vector(scale * solver.eigenvalues()) : none;
}

}  // namespace mfld
