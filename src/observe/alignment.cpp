#include "mfld/observe/alignment.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace mfld {

namespace {

/// numerator / denominator, and 0 where both vanish together with the vector they come from. A NaN stays a NaN.
double share(double numerator, double denominator) { return denominator == 0 ? 0 : numerator / denominator; }

/// w_j . direction of each neuron of a strip.
template <class Direction>
StripNumbers products(const Eigen::Ref<const Matrix>& weights, const Direction& direction, RowRange strip) {
  StripNumbers products = StripNumbers::Zero(strip.count());
  for (Index k = 0; k < weights.cols(); ++k) {
    products += direction[k] * strip.of(weights.col(k));
  }
  return products;
}

/// numbers <- cos(w_j, w*), or its absolute value, of w_j . w* and the two lengths.
void to_cosines(const StripNumbers& lengths, double length, CosineSign sign, StripNumbers& numbers) {
  for (Index j = 0; j < numbers.size(); ++j) {
    // Divided one after the other: the product of two small norms could underflow. Rounding may exceed 1.
    const double cosine = std::clamp(share(share(numbers[j], lengths[j]), length), -1.0, 1.0);
    numbers[j] = sign == CosineSign::ignore ? std::abs(cosine) : cosine;
  }
}

/// Numbers in the sums of all tasks at once, at most: 32 MB.
constexpr Index most_numbers = Index{1} << 22U;

/// W' W, some columns at a time.                                                                            [d x d]
Matrix gram_of_columns(const Eigen::Ref<const Matrix>& weights, RowSums<double>& sums) {
  const Index d = weights.cols();
  const Index at_once = std::clamp<Index>(most_numbers / (sums.num_tasks(weights.rows()) * d), 1, d);
  Matrix gram(d, d);
  for (Index first = 0; first < d; first += at_once) {
    const Index count = std::min(at_once, d - first);
    const auto some = sums.over(
        weights.rows(), {.sums = d * count, .cost = d * count}, [&](RowRange strip, double* sum, double* /*max*/) {
          const auto rows = weights.middleRows(strip.first, strip.count());
          Eigen::Map<Matrix>(sum, d, count).noalias() += rows.transpose() * rows.middleCols(first, count);
        });
    std::copy(some.begin(), some.end(), gram.col(first).data());
  }
  return gram;
}

/// The weights of all neurons, whoever has them.                                                            [N x d]
Matrix all_weights(const Eigen::Ref<const Matrix>& weights, RowSums<double>& sums) {
  Matrix all(weights.rows(), weights.cols());
  const RowRange rows = sums.own(weights.rows());
  all.middleRows(rows.first, rows.count()) = weights.middleRows(rows.first, rows.count());
  sums.share(all);
  return all;
}

}  // namespace

CosineSign cosine_sign(Activation activation) { return info(activation).odd ? CosineSign::ignore : CosineSign::keep; }

TeacherMatch teacher_match(const Eigen::Ref<const Matrix>& weights, const double* output_weights,
                           const Matrix& directions, CosineSign sign, RowSums<double>& sums, double near) {
  assert(weights.cols() == directions.cols());
  const Index m = directions.rows();
  const Vector lengths_of_directions = directions.rowwise().norm();
  const auto add = [&](RowRange strip, double* sum, double* best) {
    const StripNumbers lengths = squared_norms(weights, strip).sqrt();
    StripNumbers nearest = StripNumbers::Constant(strip.count(), -1);
    for (Index l = 0; l < m; ++l) {
      StripNumbers cosines = products(weights, directions.row(l), strip);
      to_cosines(lengths, lengths_of_directions[l], sign, cosines);
      best[l] = larger(best[l], cosines.maxCoeff<Eigen::PropagateNaN>());
      nearest = nearest.max(cosines);
    }
    StripNumbers mass = lengths;
    if (output_weights != nullptr) {
      mass *= Eigen::Map<const Eigen::ArrayXd>(output_weights + strip.first, strip.count()).abs();
    }
    sum[0] += mass.sum();
    sum[1] += (nearest > near).select(mass, 0.0).sum();
  };
  const auto totals = sums.over(weights.rows(), {.sums = 2, .maxima = m, .cost = (m + 1) * weights.cols()}, add);
  return {Eigen::Map<const Vector>(totals.data() + 2, m), share(totals[1], totals[0])};
}

SubspaceMatch subspace_match(const Eigen::Ref<const Matrix>& weights, const Matrix& basis, RowSums<double>& sums) {
  assert(weights.cols() == basis.rows());
  const auto add = [&](RowRange strip, double* sum, double* /*max*/) {
    StripNumbers projected = StripNumbers::Zero(strip.count());
    for (Index k = 0; k < basis.cols(); ++k) {
      projected += products(weights, basis.col(k), strip).square();
    }
    const StripNumbers squares = squared_norms(weights, strip);
    sum[0] += projected.binaryExpr(squares, &share).sum();
    sum[1] += projected.sum();
    sum[2] += squares.sum();
  };
  const auto totals = sums.over(weights.rows(), {.sums = 3, .cost = (basis.cols() + 1) * weights.cols()}, add);
  return {totals[0] / static_cast<double>(weights.rows()), share(totals[1], totals[2])};
}

WeightSpectrum weight_spectrum(const Eigen::Ref<const Matrix>& weights, RowSums<double>& sums) {
  const bool of_inputs = weights.cols() <= weights.rows();
  const Matrix all = of_inputs ? Matrix() : all_weights(weights, sums);
  const Matrix gram = of_inputs ? gram_of_columns(weights, sums) : Matrix(all * all.transpose());
  if (!gram.allFinite()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {Vector::Constant(gram.rows(), none), Vector::Constant(weights.cols(), none)};
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
  const Vector leading = solver.eigenvectors().rightCols(1);
  const Vector direction = of_inputs ? leading : Vector(all.transpose() * leading);
  return {solver.eigenvalues().reverse().cwiseMax(0.0).cwiseSqrt(), direction.stableNormalized()};
}

}  // namespace mfld
