#pragma once
#include "mfld/core/particles.hpp"

/// Distances of points to their nearest ones, all pairs: plain functions before the vector code, like kernels.hpp.
namespace mfld::kernels {

/// Points come in tiles: [column][nearest_tile], a multiple of two of the longest vectors.
inline constexpr Index nearest_tile = 64;

/// For every point of `queries`, its num_least smallest squared distances to points so far: `least` [num_least]
/// [nearest_tile], ascending, which those to the first `num_candidates` of `candidates` enter. Sums of squared
/// differences in the order of the columns: 0 for equal points.
struct NearestTask {
  const double* queries;
  const double* candidates;
  Index num_candidates;
  Index num_columns;
  Index num_least;
  double* least;
};

void nearest_squares(const NearestTask& task);

}  // namespace mfld::kernels
