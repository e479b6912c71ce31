#pragma once
#include "mfld/core/particles.hpp"

namespace mfld::linear {

/// Products of symmetric matrices, of which the lower triangle is read, with vectors.
class SymmetricProduct {
 public:
  /// For matrices of at most so many rows.
  explicit SymmetricProduct(Index most_rows);

  /// w <- A v. Tasks of about equal work, each with a sum of its own, which are added in their order: the same bits on
  /// any number of threads.
  void multiply(const Eigen::Ref<const Matrix>& matrix, const Eigen::Ref<const Vector>& v, Eigen::Ref<Vector> w);

 private:
  Matrix sums_;  // [row][task]
};

/// The power of 2 next to the largest absolute entry of the lower triangle, by which a matrix is divided so that squares
/// neither overflow nor vanish and no digit is rounded; 1 where all are 0, not a number where one is not finite.
double power_of_two_scale(const Matrix& matrix);

}  // namespace mfld::linear
