#include "mfld/linear/eigenvalues.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/Householder>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "linear/strips.hpp"
#include "linear/symmetric_product.hpp"

namespace mfld {

namespace {

constexpr Index reflections_at_once = 32;

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
        product_(matrix.rows()),
        left_(matrix.rows(), 2 * reflections_at_once),
        right_(matrix.rows(), 2 * reflections_at_once),
        result_{Vector(matrix.rows()), Vector(matrix.rows() - 1)} {}

  /// Q' A Q = T
  Tridiagonal run(const Watch& watch) {
    const Index n = matrix_.rows();
    for (Index first = 0; first < n; first += reflections_at_once) {
      const Index width = std::min(reflections_at_once, n - first);
      const double left = static_cast<double>(n - first) / static_cast<double>(n);
      watch.hear(1 - left * left * left);
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
    product_.multiply(matrix_.bottomRightCorner(below, below), v, w);
    const auto before_v = v_.block(at + 1, 0, below, i);
    const auto before_w = w_.block(at + 1, 0, below, i);
    const Vector of_w = before_w.transpose() * v;
    const Vector of_v = before_v.transpose() * v;
    w.noalias() -= before_v * of_w;
    w.noalias() -= before_w * of_v;
    w *= tau;
    w -= tau / 2 * w.dot(v) * v;
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
  linear::SymmetricProduct product_;
  linear::Strips left_;
  linear::Strips right_;
  Tridiagonal result_;
};

}  // namespace

Vector symmetric_eigenvalues(Matrix matrix, const Watch& watch) {
  assert(matrix.rows() == matrix.cols());
  const Index n = matrix.rows();
  if (n == 0) {
    return {};
  }
  const double scale = linear::power_of_two_scale(matrix);
  Vector none = Vector::Constant(n, std::numeric_limits<double>::quiet_NaN());
  if (!std::isfinite(scale)) {
    return none;
  }
  // The QR steps take a number beside the diagonal for 0 by comparing its square with the diagonal, which has a meaning
  // where the largest entry is about 1.
  matrix /= scale;
  const Tridiagonal reduced = Reduction(matrix).run(watch);
  Eigen::SelfAdjointEigenSolver<Matrix> solver;
  solver.computeFromTridiagonal(reduced.diagonal, reduced.beside, Eigen::EigenvaluesOnly);
  return solver.info() == Eigen::Success ? Vector(scale * solver.eigenvalues()) : none;
}

}  // namespace mfld
