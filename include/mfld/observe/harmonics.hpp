#pragma once
#include "mfld/core/particles.hpp"

namespace mfld {

/// Whether every row has norm 1 to 1e-9.
bool rows_are_unit_vectors(const Inputs& inputs);

/// Size of a function in the spherical harmonics of each degree k = 0..max_degree, from its values r at n points of the
/// sphere in dimension d >= 2:
///   sqrt(N(d, k) / n^2 sum_ij r_i r_j P_k(x_i . x_j)),
/// by the addition theorem sqrt(sum_m c_km^2) with c_km = (1/n) sum_i r_i Y_km(x_i) and Y_km orthonormal under the
/// uniform law (Mueller, "Spherical harmonics", 1966, thm. 2). At random points the size of r in degree k is seen up to
/// about |r| sqrt(N(d, k) / n) / sqrt(n), which the terms i = j alone add.
/// inputs [n x d], unit vectors; values [n]. Cost O(n^2 (d + max_degree)). Parallel over rows; the same bits on any
/// thread count.                                                                       [max_degree + 1]
Vector harmonic_sizes(const Inputs& inputs, const Vector& values, int max_degree);

}  // namespace mfld
