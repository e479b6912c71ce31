#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// The problem of the mean field: over all laws mu of theta, with f_mu(x) = E_mu h(theta; x), the minimum L* of
///   L(mu) = F(mu) + lambda2 Ent(mu),   F(mu) = R(f_mu) + lambda1 E_mu |theta|^2,   Ent(mu) = int mu log mu
/// [Nitanda, Wu & Suzuki, AISTATS 2022]. Refers to its members.
struct MeanFieldProblem {
  const Network* network;
  const Risk* risk;
  const Dataset* data;
  double penalty;                           // lambda1 > 0, the coefficient of |theta|^2 whatever the penalty mode
  double temperature;                       // lambda2 > 0
  const std::atomic<bool>* stop = nullptr;  // once true, its integrals end with Interrupted; none: nothing stops them

  /// What R multiplies the sum over the samples by: 1/n, or 1.
  double sample_weight() const;
  void stop_if_asked() const { mfld::stop_if_asked(stop, "integrating over a Gibbs law"); }
};

/// Why the network has no such problem ("needs ..."), or nullopt. The penalty and the temperature must be positive too.
std::optional<std::string> mean_field_unavailable(const Model& model);

/// Why exp(-dF/dmu / lambda2) may have no integral for a neuron ("needs ..."), or nullopt.
std::optional<std::string> gibbs_integral_unavailable(const Network& network);

/// The numbers stand in column dual_bound_method of metrics.csv.
enum class Integration { quadrature = 0, monte_carlo = 1, annealed = 2 };
const char* name_of(Integration method);

struct IntegrationOptions {
  std::uint64_t seed = 0;                  // node or chain k draws from stream (seed, certificate, k)
  std::optional<Integration> method = {};  // none: the first that is accurate enough
  Index num_samples = 4096;                // of Monte Carlo; a 32nd to a sixteenth as many annealed chains
  Index most_nodes = 1 << 15;              // of quadrature
};

/// In words: what proximal_gibbs does for this neuron.
std::string describe_integration(const Network& network, const IntegrationOptions& options = {});

/// The Gibbs law of dual variables g in R^n [Oko, Suzuki, Nitanda & Wu, ICLR 2022]:
///   q[g](theta) = exp(-(1/lambda2) (w sum_i g_i h(theta; x_i) + lambda1 |theta|^2)),   w = 1/n (1 if R is a sum),
/// as weighted points, and its integral. With g_i = l'(f_mu(x_i)) it is the proximal Gibbs law p_mu of mu.
struct ProximalGibbs {
  double log_integral = 0;    // log int q[g] dtheta; not a number where there is a reason
  double standard_error = 0;  // of that; for quadrature the change that the last refinement made
  Integration method{};
  double effective_sample_size = 0;  // (sum w)^2 / sum w^2; the number of nodes for quadrature
  Particles<double> nodes;           // [S x p]; r is its mean given (w, b) where h is linear in r
  Vector weights;                    // [S], their sum is 1
  std::string reason;                // why there is no number; empty where there is one
};

/// With nu = N(0, lambda2 / (2 lambda1)), log int q[g] = (p/2) log(pi lambda2 / lambda1) + log E_nu
/// exp(-psi / lambda2), psi the first variation. Where h is linear in r (r-sigma, parity-unbounded), the expectation
/// over r is taken exactly, and what is left has one dimension less: D = p - 1, else p. Given (w, b), r is then normal
/// with the variance of nu and the mean that the nodes have, by which sum_s weight_s h(theta_s; x) is f_p. The
/// expectation over the rest is taken
///   by quadrature, D <= 3: the trapezoidal rule in a ball that holds all but 1e-13 of the mass, refined by sqrt(2)
///     until nothing changes or most_nodes is reached; accepted if the last change of the logarithm is below 0.01. The
///     error falls like exp(-c / step) for analytic neurons, like step^2 for those with a kink;
///   by Monte Carlo from nu, accepted if the effective sample size is at least a tenth of the samples;
///   else by annealed importance sampling [Neal, Statistics and Computing 2001] from nu, over 64 to 384 powers of
///     exp(-psi / lambda2), with preconditioned Crank-Nicolson moves, which leave nu as it is in any dimension; it ends
///     as soon as the effective sample size is below a quarter of the chains: there is no number then.
/// The logarithm of a mean is biased by -variance / 2, and mass that no chain has found is missing: sampled integrals
/// err downward, by more than the standard error where modes are narrow. The draws depend on the seed alone, so that
/// two calls differ by their arguments. dual [n]. Needs both of the above to be nothing; parallel, the same bits on any
/// thread count. Sampled values of psi are those of single precision, whose error is far below that of the samples.
/// Cost: HiddenSums at the nodes: 512 of a pilot, 4096 by Monte Carlo where the pilot's effective share is a twentieth,
/// and at most 20 480 to 49 152 more by annealing; in double precision those of quadrature, and once more all nodes
/// where h is linear in r.
ProximalGibbs proximal_gibbs(const MeanFieldProblem& problem, const Vector& dual,
                             const IntegrationOptions& options = {});

/// `count` draws of the law, to compare particles with: nodes of `gibbs` = proximal_gibbs(problem, dual), resampled
/// evenly by their weights, then moved num_moves times by preconditioned Crank-Nicolson steps that keep the law; r,
/// where h is linear in it, from its normal law given (w, b). Not independent where nodes are repeated: as good as the
/// effective sample size of `gibbs` and the moves make them. Draw k reads stream (seed, gibbs_draw, k): any thread
/// count, same result [count x p]. gibbs without a reason.
Particles<double> gibbs_draws(const MeanFieldProblem& problem, const Vector& dual, const ProximalGibbs& gibbs,
                              Index count, std::uint64_t seed, int num_moves = 32);

}  // namespace mfld
