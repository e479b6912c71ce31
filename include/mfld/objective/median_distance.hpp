#pragma once
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Median distance of two points, rows, over all pairs of at most 1000 of them, evenly spaced: the width of a kernel to
/// take if nothing is known. 0 where most are in one point. Two points at least.
double median_distance(const Particles<double>& points);

/// Evenly spaced rows, at most `most`: for points that are exchangeable.
std::vector<Index> thinned(Index num_rows, Index most);

}  // namespace mfld
