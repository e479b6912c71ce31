#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/core/ranks.hpp"
#include "mfld/core/tree_sum.hpp"

namespace mfld {

/// So many rows at a time: a number for each of them stays in the nearest cache.
inline constexpr Index strip_rows = 128;

/// One number for each row of a strip, on the stack.
using StripNumbers = Eigen::Array<double, Eigen::Dynamic, 1, Eigen::ColMajor, strip_rows, 1>;

/// |row|^2 of each row of the strip, and of its distance from the row of another matrix.
template <class Matrix>
StripNumbers squared_norms(const Matrix& matrix, RowRange strip) {
  StripNumbers squares = StripNumbers::Zero(strip.count());
  for (Index column = 0; column < matrix.cols(); ++column) {
    squares += strip.of(matrix.col(column)).square();
  }
  return squares;
}
template <class Matrix, class Other>
StripNumbers squared_distances(const Matrix& matrix, const Other& other, RowRange strip) {
  StripNumbers squares = StripNumbers::Zero(strip.count());
  for (Index column = 0; column < matrix.cols(); ++column) {
    squares += (strip.of(matrix.col(column)) - strip.of(other.col(column))).square();
  }
  return squares;
}

/// The larger one; not a number where one of them is none.
inline double larger(double a, double b) { return b > a || std::isnan(b) ? (std::isnan(a) ? a : b) : a; }

/// What is added up over all particles: so many sums, and so many maxima. cost: of a row, in numbers that are read.
struct RowNumbers {
  Index sums = 0;
  Index maxima = 0;
  Index cost = 1;
};

/// Sums and maxima over all particles of what rows of matrices say, where each of several ranks has rows of its own:
/// those that shares_of<Scalar> gives it. Every task of the passes in Scalar adds up its rows in order, strip by strip,
/// and the tasks are added along their tree (tree_sum.hpp): the same bits on any number of threads and ranks. Rows of
/// other ranks are not read. All ranks make the same calls in the same order, of about 2 ceil(log2 P) messages each.
/// One per caller that runs concurrently; allocates only when sizes change.
template <class Scalar>
class RowSums {
 public:
  /// ranks: who adds up together; none: this process alone, which has all rows.
  explicit RowSums(Ranks* ranks = nullptr) : ranks_(ranks) {}

  /// Adds what a strip contributes to sums [S] and raises maxima [M] to it. Called once for every strip of at most
  /// strip_rows rows, from the tasks: at once for different sums and maxima.
  using AddStrip = std::function<void(RowRange strip, double* sums, double* maxima)>;

  /// The totals over num_particles >= 1 rows, of sums that begin at 0 and maxima that begin at minus infinity; valid
  /// until the next call.                                                                                   [S + M]
  std::span<const double> over(Index num_particles, const RowNumbers& numbers, const AddStrip& add);

  /// One sum of what value(strip) gives, one maximum.
  template <class Value>
  double sum(Index num_particles, Index cost, const Value& value) {
    return over(num_particles, {1, 0, cost},
                [&value](RowRange strip, double* sums, double* /*maxima*/) { sums[0] += value(strip); })[0];
  }
  template <class Value>
  double maximum(Index num_particles, Index cost, const Value& value) {
    return over(num_particles, {0, 1, cost}, [&value](RowRange strip, double* /*sums*/, double* maxima) {
      maxima[0] = larger(maxima[0], value(strip));
    })[0];
  }

  /// Of so many particles: the rows that this rank has, and the tasks of all ranks.
  RowRange own(Index num_particles);
  Index num_tasks(Index num_particles);

  /// matrix [N x any], of which each rank has its own rows, <- all of them, on every rank.
  void share(Particles<double>& matrix);

 private:
  void divide(Index num_particles);
  void add_task(Index task, const RowNumbers& numbers, const AddStrip& add);
  void complete(const RowNumbers& numbers);
  void complete_maxima(const RowNumbers& numbers);

  Ranks* ranks_;
  Index num_particles_ = -1;      // that follow
  std::vector<Index> task_rows_;  // [tasks + 1] the first row of each
  std::vector<Index> cuts_;       // [P + 1] the first row of each rank
  TaskRange own_{0, 0};
  SharedSum shared_sum_;
  std::vector<double> parts_;   // [own tasks][S + M]
  std::vector<double> totals_;  // [S + M]
};

}  // namespace mfld
