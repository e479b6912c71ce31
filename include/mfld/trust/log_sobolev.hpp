#pragma once
#include <optional>
#include <span>
#include <string>

#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

/// Why there is no bound as below for a neuron ("needs ..."), or nullopt.
std::optional<std::string> log_sobolev_unavailable(const Network& network);

/// A lower bound on the constant alpha of the log-Sobolev inequality of the Gibbs law p of dual variables g [n],
///   KL(rho | p) <= I(rho | p) / (2 alpha) for every rho,
///   alpha >= (2 lambda1 / lambda2) exp(-w sum_i |g_i| osc / lambda2),
/// by Holley & Stroock (J. Stat. Phys. 1987): the prior nu has 2 lambda1 / lambda2, terms that are linear in theta only
/// move it, and osc = sup h - inf h of what is left of h(theta; x): 0 for linear neurons, whose bound is exact. Where
/// alpha bounds the constants of p_mu all along the mean-field flow, L(mu_t) - L* falls at least like
/// exp(-2 alpha lambda2 t) [Nitanda, Wu & Suzuki, AISTATS 2022]. Astronomically small at low temperatures (0 once it
/// underflows): a check from one side.
double log_sobolev_bound(const MeanFieldProblem& problem, const Vector& dual);

/// A rate with its confidence interval.
struct DecayRate {
  double rate = 0;
  double low = 0;
  double high = 0;
};

/// The rate of A exp(-rate t) through K >= 3 positive values with standard errors, by least squares of their
/// logarithms, weighted by (value / error)^2. The errors say which values count for how much; the interval, Student's
/// with K - 2 degrees of freedom, comes from how far the values are from the curve. It holds for independent errors
/// that are small beside the values.
DecayRate decay_rate(std::span<const double> times, std::span<const double> values, std::span<const double> errors,
                     double confidence = 0.95);

}  // namespace mfld
