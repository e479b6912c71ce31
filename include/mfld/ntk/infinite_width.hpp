#pragma once
#include "mfld/core/watch.hpp"
#include "mfld/ntk/kernel_convention.hpp"

namespace mfld {

/// E[sigma(u) sigma(v)] and E[sigma'(u) sigma'(v)] for (u, v) ~ N(0, [[a, c], [c, b]]).
struct DualActivation {
  double value;
  double slope;
  // Upper bounds of the error that quadrature, truncation and their rounding cause: 0 for closed forms, which carry
  // rounding only; infinity where none is known or the number overflowed.
  double value_error;
  double slope_error;
};

/// Closed forms (Cho & Saul 2009; Williams 1997) for relu, relu-right, squared-relu, erf and linear; Mehler's expansion
/// in Hermite polynomials for all others, its coefficients by the trapezoid rule. Their error is bounded by analyticity
/// in a strip (Trefethen & Weideman 2014, thm. 5.1) and the tail of the expansion by Parseval's identity. The bounds of
/// an activation stand in src/kernels/dual_form.cpp; one that has none there is integrated by Gauss-Legendre panels. a,
/// b >= 0, c^2 <= a b up to rounding; a = 0 or b = 0 is a zero vector, where relu has slope 0 and relu-right slope 1.
DualActivation dual_activation(Activation kind, double a, double b, double c);

/// The kernels of an infinitely wide network between two sets of inputs.                         [n x m]
struct InfiniteWidthKernel {
  Matrix nngp;  // covariance of the outputs at the start (conjugate kernel); empty unless asked for
  Matrix ntk;   // tangent kernel; empty unless asked for
  /// Upper bounds of the error of every entry that quadrature, truncation and all rounding on the way cause: 0 for
  /// closed forms, which carry rounding only, infinity where none is known of the activation or an entry overflowed.
  double nngp_error = 0;
  double ntk_error = 0;
};

enum class KernelParts { nngp, ntk, both };

/// Kernel of the rows of x with those of z.
/// x [n x d], z [m x d]. Relative error about 1e-13 for closed forms, also near parallel and antiparallel inputs, whose
/// angle is taken from the difference of the normalised vectors. Zero vectors are allowed. Cost O(n m (d + L)).
/// InvalidInput: shapes, numbers that are not finite, a convention that does not fit, or more memory than is available.
/// Parallel over tiles of 64 x 64 entries; the same bits on any thread count. Interrupted by the watch.
InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          const Inputs& z, KernelParts parts = KernelParts::both,
                                          const Watch& watch = {});

/// Kernel of the rows of x with themselves: symmetric to the bit, each pair computed once.
InfiniteWidthKernel infinite_width_kernel(const KernelConvention& convention, Activation activation, const Inputs& x,
                                          KernelParts parts = KernelParts::both, const Watch& watch = {});

/// k(x, x) of the nngp kernel for the rows of x: the variances of the outputs at the start.         [n]
Vector nngp_variances(const KernelConvention& convention, Activation activation, const Inputs& x);

/// Kernel of unit vectors at the given angles in [0, pi] or cosines in [-1, 1]: [m x 1] each.
InfiniteWidthKernel infinite_width_kernel_at_angles(const KernelConvention& convention, Activation activation,
                                                    const Vector& angles);
InfiniteWidthKernel infinite_width_kernel_at_cosines(const KernelConvention& convention, Activation activation,
                                                     const Vector& cosines);

/// What an n x m kernel asks of the memory, in GiB, and what this machine has left.
double kernel_gib(Index num_rows, Index num_columns, KernelParts parts);
double available_gib();

}  // namespace mfld
