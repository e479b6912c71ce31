#pragma once
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// For every row the column of a permutation that makes sum_i costs(i, column_i) least: the assignment problem,
/// exactly, by shortest augmenting paths [Jonker & Volgenant, Computing 1987] from the dual variables that columns and
/// then rows give by themselves. costs [N x N], finite. O(N^3): about a second for N = 1000, 16 N^2 bytes.
std::vector<Index> least_assignment(const Matrix& costs);

/// Wasserstein-2 distance between the empirical laws of two clouds of one size:
///   min over permutations s of sqrt((1/N) sum_j |a_j - b_s(j)|^2),
/// by sorting in one dimension, else by least_assignment. a, b [N x D], N and D >= 1; InvalidInput for clouds of two
/// sizes or with numbers that are not finite. For two samples of one law it is of the order N^(-1/max(D, 4)), and not
/// 0: compare with that of two samples known to have one law.
double wasserstein2(const Particles<double>& a, const Particles<double>& b);

/// The distance when particle j is matched with particle j, an upper bound: sqrt((1/N) sum_j |a_j - b_j|^2). What
/// coupled runs, which share their noise, have at once.
double coupled_distance(const Particles<double>& a, const Particles<double>& b);

}  // namespace mfld
