#include <Spectra/SymEigsSolver.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "linear/strips.hpp"
#include "linear/symmetric_product.hpp"
#include "mfld/core/error.hpp"
#include "mfld/linear/cholesky.hpp"
#include "mfld/linear/eigenvalues.hpp"

namespace mfld {

namespace {

/// Of smaller matrices, or where more than one eigenvalue in so many is asked for, all of them are sooner there.
constexpr Index least_rows = 400;
constexpr Index fewest_to_one = 25;

/// What Spectra asks of a matrix.
class Product {
 public:
  using Scalar = double;

  Product(const Matrix& matrix, const Watch& watch) : matrix_(&matrix), watch_(&watch), product_(matrix.rows()) {}

  Index rows() const { return matrix_->rows(); }
  Index cols() const { return matrix_->cols(); }
  void perform_op(const double* v, double* w) const {
    watch_->hear(0);
    Eigen::Map<Vector> result(w, rows());
    product_.multiply(*matrix_, Eigen::Map<const Vector>(v, rows()), result);
  }

 private:
  const Matrix* matrix_;
  const Watch* watch_;
  mutable linear::SymmetricProduct product_;  // room for sums
};

struct Pairs {
  Vector values;   // [count] descending
  Matrix vectors;  // [n x count] orthonormal
};

/// Of Frobenius, from the lower triangle.
double norm_of(const Matrix& matrix) {
  double sum = 0;
  for (Index j = 0; j < matrix.cols(); ++j) {
    sum += 2 * matrix.col(j).tail(matrix.rows() - j).squaredNorm() - matrix(j, j) * matrix(j, j);
  }
  return std::sqrt(sum);
}

/// Nothing where the iteration does not converge, or where |A v - value v| is above `tolerance` for a pair; of Spectra
/// half of `relative_tolerance` is asked for.
std::optional<Pairs> lanczos_pairs(const Matrix& matrix, Index count, double relative_tolerance, double tolerance,
                                   const Watch& watch) {
  constexpr int most_restarts = 200;
  Product product(matrix, watch);
  Spectra::SymEigsSolver<Product> solver(product, count, std::min(matrix.rows(), 2 * count + 20));
  try {
    solver.init();  // its numbers are always the same
    if (solver.compute(Spectra::SortRule::LargestAlge, most_restarts, relative_tolerance / 2) < count) {
      return std::nullopt;
    }
  } catch (const Interrupted&) {
    throw;
  } catch (const std::logic_error&) {
    return std::nullopt;
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  Pairs pairs{solver.eigenvalues(), solver.eigenvectors()};
  Vector image(matrix.rows());
  for (Index k = 0; k < count; ++k) {
    product.perform_op(pairs.vectors.col(k).data(), image.data());
    image -= pairs.values(k) * pairs.vectors.col(k);
    if (!(image.norm() <= tolerance)) {
      return std::nullopt;
    }
  }
  return pairs;
}

/// Whether what is left of a matrix without these pairs has no eigenvalue above the least of them by more than the
/// tolerance: whether least + tolerance - (A - V diag(values) V') is positive definite. Overwrites the matrix.
bool are_largest(const Pairs& pairs, double tolerance, Matrix& matrix) {
  const Index count = pairs.values.size();
  matrix = -matrix;
  matrix.diagonal().array() += pairs.values(count - 1) + tolerance;
  linear::Strips left(matrix.rows(), count);
  linear::Strips right(matrix.rows(), count);
  left.pack(pairs.vectors * (-pairs.values).asDiagonal());
  right.pack(pairs.vectors);
  linear::subtract_products(left, right, 0, matrix);
  return cholesky_in_place(matrix);
}

}  // namespace

Vector leading_eigenvalues(const Matrix& matrix, Index count, const Watch& watch) {
  const Index n = matrix.rows();
  assert(n == matrix.cols() && count >= 0 && count <= n);
  const auto from_all = [&] { return symmetric_eigenvalues(matrix, watch).tail(count).reverse().eval(); };
  if (count == 0 || n < least_rows || fewest_to_one * count > n) {
    return from_all();
  }
  const double scale = linear::power_of_two_scale(matrix);
  if (!std::isfinite(scale)) {
    return from_all();
  }
  Matrix scaled = matrix / scale;
  const double relative_tolerance = 4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  const double tolerance = relative_tolerance * norm_of(scaled);
  const std::optional<Pairs> pairs = lanczos_pairs(scaled, count, relative_tolerance, tolerance, watch);
  return pairs && are_largest(*pairs, tolerance, scaled) ? Vector(scale * pairs->values) : from_all();
}

}  // namespace mfld
