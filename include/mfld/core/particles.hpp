#pragma once
#include <Eigen/Core>
#include <cstdint>

namespace mfld {

using Index = Eigen::Index;

/// Inputs: one sample per row, rows contiguous.                                   [n x d]
using Inputs = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

/// The ensemble theta_1..theta_N, one neuron per row, one parameter per column.   [N x p]
/// Columns are contiguous, so that a vector register holds one parameter of several particles. Which
/// column means what is the business of `ParameterLayout`; the particles know neither network nor data.
template <class Scalar>
using Particles = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

/// Drift v of every particle, in double whatever the precision of the particles.  [N x p]
using Drift = Particles<double>;

/// Rows of such a matrix, [first, last).
struct RowRange {
  Index first = 0;
  Index last = 0;

  Index count() const { return last - first; }
  friend bool operator==(const RowRange&, const RowRange&) = default;
};

}  // namespace mfld
