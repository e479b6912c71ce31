#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "mfld/trust/certificate.hpp"

namespace mfld {

struct CertifiedGapOptions {
  std::uint64_t seed = 0;
  Index num_pairs = 32768;     // of draws of q
  Index num_points = 512;      // of a population, even
  Index num_populations = 16;  // of the last integral
  int num_duals = 32;          // at which the bound is tried
};

/// How far a law q with an explicit density, the particles smoothed, is from the optimum at most. What does not exist
/// is not a number, and the reason says why.
struct CertifiedGap {
  double gap = 0;           // energy - bound >= L(q) - L*
  double error = 0;         // its standard error
  double energy = 0;        // L(q)
  double energy_error = 0;  // standard error
  double bound = 0;         // -D(g) <= L*
  double bound_error = 0;   // standard error
  Index num_normals = 0;    // of q
  std::string reason = {};
};

/// L(q) + D(g) >= L(q) - L*, as min L = -min D [Oko, Suzuki, Nitanda & Wu, ICLR 2022], for any q and g:
///   q  a mixture of 1, 2, 4, 8 or 16 normal laws, at most one for 8 particles: one for each of as many clusters of the
///      particles, with the weight, the mean and the covariance of its cluster, entries off the diagonal shrunk; of
///      these five the one with the least L(q), by draws that are not used again. Its density is known, so that
///        L(q) = R(f_q) + lambda1 E_q |theta|^2 + lambda2 E_q log q
///      needs no estimate of an entropy: means over num_pairs pairs of draws. R is convex: f_q by a mean errs upward.
///   g  l'(f), f found from the particles' outputs by damped Newton steps on D: f + s (I + C)^-1 (f_p - f), f_p the
///      outputs of p[g] ~ q[g], C the linear response of f_p. Of noisy tries the best; any g gives a bound.
///   log int q[g]  by num_populations independent populations that are led from q to p[g]: the logarithm of the mean of
///      their estimates, each unbiased, less its bias and with its error by the jackknife. There is no number where
///      that error is above 0.5, for then few of them decide. A start too narrow for p[g] leads all of them to too
///      small an integral: as many from the prior N(0, lambda2 / (2 lambda1) I) decide where theirs is larger by 3
///      errors.
/// Errs to the unsafe side where p[g] has mass that neither the starts nor the moves reach: of a share s by
/// -lambda2 log(1 - s).
/// particles [N x p] with the outputs [n] on the training samples, N >= 8. Needs what proximal_gibbs needs. Draws from
/// the streams clustering, smoothed_draw and population of the seed: the same bits on any thread count. Cost: some
/// thousand gradient steps with num_points neurons, and num_pairs n neurons twice.
CertifiedGap certified_gap(const MeanFieldProblem& problem, const Particles<double>& particles,
                           std::span<const double> outputs, const CertifiedGapOptions& options = {});

}  // namespace mfld
