#include "mfld/trust/wasserstein.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

constexpr Index none = -1;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// Rows that have a column, and dual variables: row_dual + column_dual <= cost, with equality where one has the other.
class Assignment {
 public:
  explicit Assignment(const Matrix& costs)
      : costs_(costs.transpose()),
        size_(costs.rows()),
        column_of_(at(size_), none),
        row_of_(at(size_), none),
        row_dual_(at(size_), 0.0),
        column_dual_(at(size_), 0.0) {}

  std::vector<Index> solve() {
    reduce();
    for (Index row = 0; row < size_; ++row) {
      if (column_of_[at(row)] == none) {
        augment(row);
      }
    }
    return column_of_;
  }

 private:
  /// The largest dual variables of the columns, then those of the rows; each row takes the column of its own if free.
  void reduce() {
    for (Index column = 0; column < size_; ++column) {
      column_dual_[at(column)] = costs_.row(column).minCoeff();
    }
    for (Index row = 0; row < size_; ++row) {
      Index best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (Index column = 0; column < size_; ++column) {
        if (const double rest = costs_(column, row) - column_dual_[at(column)]; rest < least) {
          least = rest;
          best = column;
        }
      }
      row_dual_[at(row)] = least;
      if (row_of_[at(best)] == none) {
        row_of_[at(best)] = row;
        column_of_[at(row)] = best;
      }
    }
  }

  /// The shortest path from a row without a column to a column without a row (Dijkstra); along it every row takes the
  /// next column, and the dual variables of what was reached change so that all stays tight.
  void augment(Index start) {
    std::vector<double> distance(at(size_), std::numeric_limits<double>::infinity());
    std::vector<Index> from(at(size_), none);  // the row that a column is reached from
    std::vector<char> reached(at(size_), 0);
    std::vector<Index> order;
    Index row = start;
    Index column = none;
    double length = 0;
    do {
      double least = std::numeric_limits<double>::infinity();
      Index next = none;
      const double offset = length - row_dual_[at(row)];
      const double* costs = costs_.col(row).data();
      for (Index j = 0; j < size_; ++j) {
        if (reached[at(j)] != 0) {
          continue;
        }
        const double through = offset + costs[j] - column_dual_[at(j)];
        if (through < distance[at(j)]) {
          distance[at(j)] = through;
          from[at(j)] = row;
        }
        if (distance[at(j)] < least) {
          least = distance[at(j)];
          next = j;
        }
      }
      column = next;
      length = least;
      reached[at(column)] = 1;
      order.push_back(column);
      row = row_of_[at(column)];
    } while (row != none);
    row_dual_[at(start)] += length;
    for (const Index each : order) {
      const double slack = length - distance[at(each)];
      column_dual_[at(each)] -= slack;
      if (row_of_[at(each)] != none) {
        row_dual_[at(row_of_[at(each)])] += slack;
      }
    }
    for (Index free = column; free != none;) {
      const Index taker = from[at(free)];
      row_of_[at(free)] = taker;
      std::swap(free, column_of_[at(taker)]);
    }
  }

  Matrix costs_;  // [column, row]: those of a row are neighbours
  Index size_;
  std::vector<Index> column_of_, row_of_;
  std::vector<double> row_dual_, column_dual_;
};

void check_clouds(const Particles<double>& a, const Particles<double>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols() || a.size() == 0) {
    throw InvalidInput(fmt::format(
        "the distance of clouds of {} x {} and {} x {} numbers: both must be of one size, and at least one particle",
        a.rows(), a.cols(), b.rows(), b.cols()));
  }
  if (!a.allFinite() || !b.allFinite()) {
    throw InvalidInput("the distance of clouds: a particle is not finite");
  }
}

std::vector<double> sorted(const Particles<double>& cloud) {
  std::vector<double> numbers(cloud.data(), cloud.data() + cloud.size());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

std::vector<Index> least_assignment(const Matrix& costs) {
  if (costs.rows() != costs.cols() || !costs.allFinite()) {
    throw InvalidInput(
        fmt::format("an assignment of {} x {} costs: they must be square and finite", costs.rows(), costs.cols()));
  }
  return Assignment(costs).solve();
}

double wasserstein2(const Particles<double>& a, const Particles<double>& b) {
  check_clouds(a, b);
  double sum = 0;
  if (a.cols() == 1) {
    const std::vector<double> left = sorted(a);
    const std::vector<double> right = sorted(b);
    for (std::size_t j = 0; j < left.size(); ++j) {
      sum += (left[j] - right[j]) * (left[j] - right[j]);
    }
  } else {
    Matrix costs(a.rows(), a.rows());
    for (Index j = 0; j < b.rows(); ++j) {
      costs.col(j) = (a.rowwise() - b.row(j)).rowwise().squaredNorm();
    }
    const std::vector<Index> columns = least_assignment(costs);
    for (Index i = 0; i < a.rows(); ++i) {
      sum += costs(i, columns[at(i)]);
    }
  }
  return std::sqrt(sum / static_cast<double>(a.rows()));
}

double coupled_distance(const Particles<double>& a, const Particles<double>& b) {
  check_clouds(a, b);
  return std::sqrt((a - b).squaredNorm() / static_cast<double>(a.rows()));
}

}  // namespace mfld
