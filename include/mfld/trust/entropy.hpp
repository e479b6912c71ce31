#pragma once
#include <string>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Neighbours share distances, so that the terms log eps_j are not independent: the error of their mean is larger by
/// this factor, as simulations of normal laws give for k = 1..5 and D <= 5 (1.06 to 1.24); in more dimensions it is
/// larger.
inline constexpr double neighbour_inflation = 1.15;

/// Distance of every particle to its k-th nearest other particle, exactly: by a k-d tree, O(N log N), where N is above
/// 250 2^D, else by all pairs, O(N^2 D), about a nanosecond a pair. Finite particles [N x D], 1 <= k < N. Parallel over
/// particles; the same bits on any thread count.                                                                [N]
Vector neighbour_distances(const Particles<double>& particles, Index k);

struct EntropyEstimate {
  double value = 0;           // H in nats; not a number where there is a reason
  double standard_error = 0;  // of the sampling of the particles, without the bias
  std::string reason;         // why there is no number; empty where there is one

  bool exists() const { return reason.empty(); }
};

/// Differential entropy of the law that the particles are drawn from, by their distances eps_j to the k-th nearest
/// other particle:
///   H = psi(N) - psi(k) + log V_D + (D/N) sum_j log eps_j,   V_D = pi^(D/2) / Gamma(1 + D/2)
/// [Kozachenko & Leonenko, Problems of Information Transmission 1987; k > 1: Goria, Leonenko, Mergel & Novi Inverardi,
/// J. Nonparametric Statistics 2005]. particles [N x D], 1 <= k < N.
/// Ent(mu) of the free energy is -H. Exact under scaling, H(c X) = H(X) + D log c, under translation and permutation.
/// Bias: the density changes within eps ~ (k/N)^(1/D). For a standard normal law, k = 3 and N = 2000 it is -0.002,
/// -0.009, -0.03, -0.07, +0.06, +0.4, +1.0 in D = 1, 2, 3, 5, 10, 15, 20, where the standard error is 0.02 to 0.05: two
/// effects of opposite sign, so that what looks right near D = 8 is not. From D = 5 on only differences mean anything.
/// Larger k: less variance, more bias. The standard error is the deviation of D log eps_j over sqrt(N), times
/// neighbour_inflation.
/// No number, but a reason, for particles that are not finite and for ties (eps_j = 0: k + 1 particles in one point, as
/// after a start in one point): the law has no density, H = -infinity.
EntropyEstimate entropy(const Particles<double>& particles, Index k = 3);

/// The same from distances that are known.                                         distances [N], dimension D >= 1
EntropyEstimate entropy_of(const Vector& distances, Index dimension, Index k);

}  // namespace mfld
