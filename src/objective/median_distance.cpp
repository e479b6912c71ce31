#include "mfld/objective/median_distance.hpp"

#include <algorithm>
#include <cmath>

namespace mfld {

std::vector<Index> thinned(Index num_rows, Index most) {
  std::vector<Index> rows(static_cast<std::size_t>(std::min(num_rows, most)));
  for (std::size_t k = 0; k < rows.size(); ++k) {
    rows[k] = static_cast<Index>(k) * num_rows / std::ssize(rows);
  }
  return rows;
}

double median_distance(const Particles<double>& points) {
  constexpr Index most = 1000;
  const Matrix theta = points(thinned(points.rows(), most), Eigen::all).transpose();
  std::vector<double> squares;
  squares.reserve(static_cast<std::size_t>(theta.cols() * (theta.cols() - 1) / 2));
  for (Index j = 0; j < theta.cols(); ++j) {
    for (Index l = 0; l < j; ++l) {
      squares.push_back((theta.col(j) - theta.col(l)).squaredNorm());
    }
  }
  const auto middle = squares.begin() + std::ssize(squares) / 2;
  std::nth_element(squares.begin(), middle, squares.end());
  return std::sqrt(*middle);
}

}  // namespace mfld
