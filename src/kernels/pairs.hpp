#pragma once
#include "mfld/core/particles.hpp"

/// Sums over pairs of points, what sources do to each particle of a tile: plain functions before the vector code, like
/// kernels.hpp.
namespace mfld::kernels {

/// Particles come in tiles, [number][pair_tile]: a multiple of two of the longest vectors. Lanes beyond the last
/// particle hold any finite numbers and are not read.
inline constexpr Index pair_tile = 32;

/// Harmonics of a periodic kernel, and the most coordinates it can have.
inline constexpr int num_harmonics = 5;
inline constexpr Index most_periodic = 16;

enum class PairKernelKind { gaussian, inverse_multiquadric, periodic };

///   gaussian              exp(-rate |x - z|^2)
///   inverse_multiquadric  (1 + rate |x - z|^2)^(-1/2)
///   periodic              prod_c P(cos(x_c - z_c)), P a polynomial
struct PairKernel {
  PairKernelKind kind = PairKernelKind::gaussian;
  double rate = 1;
  double polynomial[num_harmonics + 1] = {};  // of P, the constant first
};

/// values <- sum_l k(x_j, z_l), gradients <- sum_l grad k(x_j, z_l) in x_j, over the sources in their order. A point is
/// the d numbers x_c; for a periodic kernel the 2 d numbers cos x_c, then sin x_c. Partial sums of 32 sources are in
/// the precision of the points, all others in double.
template <class Scalar>
struct PairTask {
  PairKernel kernel;
  Index dimension;          // d
  const Scalar* particles;  // [d or 2 d][pair_tile]
  const Scalar* sources;    // [num_sources][d or 2 d]
  Index num_sources;
  double* values;     // [pair_tile]
  double* gradients;  // [d][pair_tile], or nullptr
};

/// What the Stein kernel W of a radial k = phi(|x - z|^2) is made of (src/README.md, equation 14). With the difference
/// x - z, s the scores, and derivatives of phi in |x - z|^2,
///   W = phi s.s' - 2 phi' (s - s').(x - z) - 2 d phi' - 4 phi'' |x - z|^2,   grad_x W = J^T through + direct,
///   through = phi s' - 2 phi' (x - z),
///   direct = -2 phi' (s - s')
///            + 2 (x - z) [phi' s.s' - 2 phi'' (s - s').(x - z) - (2 d + 4) phi'' - 4 phi''' |x - z|^2]
/// each summed over the sources. A point is x_c, then s_c.
template <class Scalar>
struct SteinTask {
  PairKernel kernel;  // not periodic
  Index dimension;
  const Scalar* particles;  // [2 d][pair_tile]
  const Scalar* sources;    // [num_sources][2 d]
  Index num_sources;
  double* values;   // [pair_tile] sum_l W
  double* through;  // [d][pair_tile], or nullptr with the next
  double* direct;   // [d][pair_tile]
};

void sum_pairs(const PairTask<double>& task);
void sum_pairs(const PairTask<float>& task);
void sum_pairs(const SteinTask<double>& task);
void sum_pairs(const SteinTask<float>& task);

}  // namespace mfld::kernels
