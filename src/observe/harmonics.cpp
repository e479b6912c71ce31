#include "mfld/observe/harmonics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "mfld/core/parallel.hpp"
#include "mfld/ntk/spectrum.hpp"

namespace mfld {

namespace {

/// sum_j r_j P_k(x . x_j) for one point x.                                              [max_degree + 1]
Eigen::RowVectorXd zonal_sums(const Eigen::Ref<const Vector>& cosines, const Vector& values, Index input_dim,
                              int max_degree) {
  Eigen::RowVectorXd sums = Eigen::RowVectorXd::Zero(max_degree + 1);
  const double p = static_cast<double>(input_dim);
  for (Index j = 0; j < cosines.size(); ++j) {
    double previous = 0;
    double current = 1;
    for (int k = 0; k <= max_degree; ++k) {
      sums[k] += values[j] * current;
      const double next = next_legendre(k, p, cosines[j], current, previous);
      previous = current;
      current = next;
    }
  }
  return sums;
}

}  // namespace

bool rows_are_unit_vectors(const Inputs& inputs) { return ((inputs.rowwise().norm().array() - 1).abs() <= 1e-9).all(); }

Vector harmonic_sizes(const Inputs& inputs, const Vector& values, int max_degree) {
  assert(values.size() == inputs.rows());
  const Index n = inputs.rows();
  Matrix of_rows(n, max_degree + 1);
  for_each_task(n, [&](Index i) {
    const Vector cosines = inputs * inputs.row(i).transpose();
    of_rows.row(i) = values[i] * zonal_sums(cosines, values, inputs.cols(), max_degree);
  });
  Vector sizes(max_degree + 1);
  for (int k = 0; k <= max_degree; ++k) {
    const double mean = of_rows.col(k).sum() / (static_cast<double>(n) * static_cast<double>(n));
    sizes[k] = std::sqrt(num_harmonics(inputs.cols(), k) * std::max(mean, 0.0));  // rounding may make 0 negative
  }
  return sizes;
}

}  // namespace mfld
