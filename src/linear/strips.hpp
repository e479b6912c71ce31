#pragma once
#include <vector>

#include "kernels/products.hpp"

namespace mfld::linear {

/// A tall matrix by strips of rows, as the kernels read it.
class Strips {
 public:
  /// Room for rows x columns.
  Strips(Index rows, Index columns);

  /// Takes a matrix of at most so many rows and of exactly so many columns; in parallel over strips.
  void pack(const Eigen::Ref<const Matrix>& matrix, Index first_column = 0);
  void unpack(Eigen::Ref<Matrix> matrix) const;

  /// [column][strip_rows]
  double* strip(Index index) { return lines_[static_cast<std::size_t>(index * columns_)].numbers; }
  const double* strip(Index index) const { return lines_[static_cast<std::size_t>(index * columns_)].numbers; }
  /// Numbers from one strip to the next.
  Index stride() const { return columns_ * kernels::strip_rows; }
  Index columns() const { return columns_; }

 private:
  struct alignas(64) Line {
    double numbers[kernels::strip_rows] = {};
  };
  Index columns_;
  std::vector<Line> lines_;
};

inline Index num_strips(Index rows) { return (rows + kernels::strip_rows - 1) / kernels::strip_rows; }

/// The lower triangle of a square matrix <- itself - left right', in fixed tiles: the same bits on any number of
/// threads. Its first row is that of strip `first_strip`; what is above the diagonal becomes meaningless.
void subtract_products(const Strips& left, const Strips& right, Index first_strip, Eigen::Ref<Matrix> matrix);

}  // namespace mfld::linear
