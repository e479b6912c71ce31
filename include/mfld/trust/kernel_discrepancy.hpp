#pragma once
#include "mfld/objective/median_distance.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

/// (1 + |x|^2 / width^2)^(-1/2), for which the discrepancy also sees mass that escapes [Gorham & Mackey, ICML 2017].
struct InverseMultiquadric {
  double width;  // > 0
};

struct KernelDiscrepancy {
  double mean = 0;  // mean over pairs j != l of W(theta_j, theta_l), the U-statistic
  double bias = 0;  // its value under the stationary law of the N particles
  /// 0 in the mean exactly under that law, for every N; may be below 0.
  double squared() const { return mean - bias; }
};

/// Squared kernel Stein discrepancy of the particles from the proximal Gibbs law of their own outputs: how stationary
/// they are, without any density [Liu, Lee & Jordan, ICML 2016, for a fixed target]. With the scores s_j = -g_j /
/// lambda2, g_j the full drift (src/README.md, equation 4) and k the kernel,
///   W_jl = s_j.s_l k + s_j.grad_l k + s_l.grad_j k + tr grad_j grad_l k .
/// Every score depends on the whole cloud; under exp(-N F / lambda2), by parts,
///   E W_jl = (1 / (lambda2 N)) E[k(theta_j, theta_l) w sum_i l''_i grad h_i(theta_j).grad h_i(theta_l)],   j != l,
/// whose mean over pairs is `bias`. Exact for a width that does not depend on the particles, else up to another O(1/N).
/// Exists for unbounded neurons too. particles [N x p], N >= 2; drift [N x p]; outputs [n]. Mean-field scaling.
/// Cost O(N^2 p) over at most 10^4 particles, and O(M^2 n) for the bias over at most M = 500; more are thinned evenly.
KernelDiscrepancy kernel_gradient_discrepancy(const MeanFieldProblem& problem, const Particles<double>& particles,
                                              const Drift& drift, const Vector& outputs, InverseMultiquadric kernel);

}  // namespace mfld
