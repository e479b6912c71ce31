#pragma once
#include <span>

#include "mfld/trust/entropy.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

/// The dual variables of outputs [n]: g_i = l'(f(x_i), y_i).                                                     [n]
Vector dual_of(const MeanFieldProblem& problem, std::span<const double> outputs);

/// D(g) = w sum_i l*(g_i, y_i) + lambda2 log int q[g], w = 1/n (1 if R is a sum): min L = -min_g D(g), so that -D(g) is
/// a lower bound on L* for every dual g in R^n whatever [Oko, Suzuki, Nitanda & Wu, ICLR 2022]. +infinity outside the
/// domain of the conjugates. dual [n]; gibbs = proximal_gibbs(problem, dual).
double dual_value(const MeanFieldProblem& problem, const Vector& dual, const ProximalGibbs& gibbs);

/// w sum_i [l(f_i, y_i) + l*(g_i, y_i) - g_i f_i] >= 0, by Fenchel and Young, and 0 where g_i = l'(f_i) alone: for f
/// the outputs of p[g] ~ q[g] it is L(p[g]) + D(g), without any entropy or integral. outputs, dual [n].
double fenchel_gap(const MeanFieldProblem& problem, std::span<const double> outputs, const Vector& dual);

/// How far the law mu that the particles are drawn from is from the optimum. What does not exist is not a number.
struct Certificate {
  ProximalGibbs gibbs;              // p_mu: of the dual g_i = l'(f(x_i), y_i)
  EntropyEstimate entropy;          // of mu
  double free_energy = 0;           // F - lambda2 entropy, an estimate of L(mu)
  double dual_bound = 0;            // -D(g) <= L*, without any entropy; errs upward where log int q is sampled
  double dual_bound_error = 0;      // standard error of the integral in it
  double dual_gap = 0;              // L(mu) + D(g) = lambda2 KL(mu | p_mu) >= L(mu) - L*
  double dual_gap_error = 0;        // standard error of particles and integral
  double fixed_point_residual = 0;  // sqrt(1/n sum_i (f(x_i) - f_{p_mu}(x_i))^2)
};

/// The certificate of particles [N x p] whose outputs on the training samples are outputs [n].
/// mu* = p_mu* alone has the gap 0. The gap is estimated: it may be below 0 by its error, to which the bias of the
/// entropy (entropy.hpp) comes, and O(1/N) for f is that of N particles; the residual has a floor O(1/sqrt N), and
/// O(1/sqrt(effective sample size)) where sampled. The error of the gap is that of the mean over particles of
///   w sum_i [g_i + l''_i (f - f_p)(x_i)] h(theta_j; x_i) + lambda1 |theta_j|^2 - lambda2 p log eps_j,
/// the first variation of L(mu) + D(g_mu): near the optimum much smaller than the errors of its parts, which cancel.
/// Cost beside proximal_gibbs: first_variation at the particles, weighted_outputs at its nodes, and the neighbours.
Certificate certificate(const MeanFieldProblem& problem, const Particles<double>& particles,
                        std::span<const double> outputs, const IntegrationOptions& options = {}, Index k = 3);

}  // namespace mfld
