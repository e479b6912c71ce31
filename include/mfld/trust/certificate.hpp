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

/// P(p) + D(g) for the law p = p[g] of the dual g_i = l'(f_i, y_i) of outputs f, whose own outputs are gibbs_outputs:
///   w sum_i [l(f_p,i) - l(f_i) - g_i (f_p,i - f_i)] >= L(p) - L*,   w = 1/n (1 if R is a sum),
/// exactly, for any f and any convex differentiable l [Nitanda, Wu & Suzuki, AISTATS 2022; Oko, Suzuki, Nitanda & Wu,
/// ICLR 2022]: with l*(g_i) = g_i f_i - l(f_i) it is fenchel_gap of g and f_p, and in the two objectives the entropy of
/// p and log int q[g] cancel. A Bregman distance: >= 0 but for rounding, and 0 where f_p = f alone if l is strictly
/// convex. Needs l and l' alone. outputs, gibbs_outputs [n].
double proximal_gap(const MeanFieldProblem& problem, std::span<const double> outputs,
                    std::span<const double> gibbs_outputs);

/// How far the law mu that the particles are drawn from is from the optimum. What does not exist is not a number.
struct Certificate {
  ProximalGibbs gibbs;              // p_mu: of the dual g_i = l'(f(x_i), y_i)
  Vector gibbs_outputs;             // f_p_mu at the training samples; none where gibbs has a reason
  EntropyEstimate entropy;          // of mu
  double free_energy = 0;           // F - lambda2 entropy, an estimate of L(mu)
  double dual_bound = 0;            // -D(g) <= L*, without any entropy; errs upward where log int q is sampled
  double dual_bound_error = 0;      // standard error of the integral in it
  double dual_gap = 0;              // L(mu) + D(g) = lambda2 KL(mu | p_mu) >= L(mu) - L*
  double dual_gap_error = 0;        // standard error of particles and integral
  double fixed_point_residual = 0;  // sqrt(1/n sum_i (f(x_i) - f_{p_mu}(x_i))^2)
  double proximal_gap = 0;          // L(p_mu) + D(g) >= L(p_mu) - L*: of p_mu, not of mu
  double proximal_gap_error = 0;    // standard error of f_p in it
};

/// The certificate of particles [N x p] whose outputs on the training samples are outputs [n]. Of a loss of one's own,
/// whose conjugate is not known, there are the free energy, the residual and the proximal gap.
/// mu* = p_mu* alone has the gap 0. The gap is estimated: it may be below 0 by its error, to which the bias of the
/// entropy (entropy.hpp) comes, and O(1/N) for f is that of N particles; the residual has a floor O(1/sqrt N), and
/// O(1/sqrt(effective sample size)) where sampled. The error of the gap is that of the mean over particles of
///   w sum_i [g_i + l''_i (f - f_p)(x_i)] h(theta_j; x_i) + lambda1 |theta_j|^2 - lambda2 p log eps_j,
/// the first variation of L(mu) + D(g_mu): near the optimum much smaller than the errors of its parts, which cancel.
/// The proximal gap is exact for g whatever it comes from, so that N has no part in its error: N particles only keep
/// it from 0, by about w sum_i l''_i (delta_i + (K l'' delta)_i)^2 / 2 at stationarity, delta their noise in f and K =
/// Cov_{p_mu}(h, h) / (n lambda2). What errs is f_p, which is sampled: with nodes s of weight v_s the standard error is
///   (sum_s v_s^2 (a_s - a)^2)^(1/2),  a_s = w sum_i [l'(f_p,i) - g_i] h(theta_s; x_i),  a = sum_s v_s a_s,
/// and at second order w sum_i l''_i Var(f_p,i) / 2 comes to the gap in the mean, to the safe side. By quadrature it is
/// (sum_s v_s (a_s - a)^2)^(1/2) times the last change of the logarithm of the integral.
/// Cost beside proximal_gibbs: first_variation at the particles, weighted_outputs and first_variation in single
/// precision at its nodes, and the neighbours.
Certificate certificate(const MeanFieldProblem& problem, const Particles<double>& particles,
                        std::span<const double> outputs, const IntegrationOptions& options = {}, Index k = 3);

/// The part of it that outputs alone tell: without entropy, free_energy, dual_gap and dual_gap_error, which are not
/// numbers.
Certificate certificate_of_outputs(const MeanFieldProblem& problem, std::span<const double> outputs,
                                   const IntegrationOptions& options = {});

/// Adds those to what the outputs of the particles tell.
void add_gap(const MeanFieldProblem& problem, const Particles<double>& particles, std::span<const double> outputs,
             Certificate& certificate, Index k = 3);

}  // namespace mfld
