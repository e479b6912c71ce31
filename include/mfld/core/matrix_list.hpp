#pragma once
#include "mfld/core/particles.hpp"

namespace mfld {

struct MatrixShape {
  Index rows = 0;
  Index cols = 0;
  bool of_particles = false;  // a row for each

  double size() const { return static_cast<double>(rows) * static_cast<double>(cols); }
  friend bool operator==(const MatrixShape& a, const MatrixShape& b) { return a.rows == b.rows && a.cols == b.cols; }
};

/// What the shapes of all matrices of a run depend on. A part of a run that carries matrices from step to step lists
/// them in one place, `for_each_matrix(self, sizes, visit)`, which calls
///   visit(name, matrix, shape)
/// for each, whether it has memory yet or not: names are unique over all parts ("snapshot/drift"), the matrix is a
/// Particles<double> or a Particles<float>. Checkpoints, their check, the way back from them and the count of memory
/// are loops over that list.
struct RunSizes {
  Index num_particles = 0;   // N
  Index num_parameters = 0;  // p
  Index num_samples = 0;     // n, or other terms of the objective
  Index per_term = 1;        // K, coefficients of each

  MatrixShape per_parameter() const { return {num_particles, num_parameters, true}; }
  MatrixShape coefficients() const { return {num_samples, per_term, false}; }
};

}  // namespace mfld
