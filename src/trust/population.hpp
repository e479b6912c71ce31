#pragma once
#include <vector>

#include "mfld/trust/neuron_values.hpp"
#include "mfld/trust/proximal_gibbs.hpp"
#include "trust/normal_mixture.hpp"

namespace mfld::trust {

/// log q[g] = -(psi + lambda1 |theta|^2) / lambda2, psi the first variation of dual variables g (proximal_gibbs.hpp).
class GibbsDensity {
 public:
  GibbsDensity(const MeanFieldProblem& problem, const Vector& dual);

  /// At thetas [S x p], with its gradient [S x p]. psi is that of single precision. Cost: a drift and HiddenSums. [S]
  Vector operator()(const Particles<double>& thetas, Particles<double>& slope);

 private:
  MeanFieldProblem problem_;
  double precision_;  // 1 / the variance of nu
  std::vector<double> coefficients_;
  double coefficient_sum_;
  HiddenSums<float> sums_;
  PackedInputs<float> inputs_;
  KernelWorkspace<float> workspace_;
};

/// How a population was led: the powers, ascending to 1, and the size of the moves after each but the last. powers is
/// empty where it did not arrive.
struct Path {
  std::vector<double> powers;
  std::vector<double> sizes;
};

/// Weighted points of the law of density q[g] / int q[g].
struct Population {
  Particles<double> thetas;  // [2 num_pairs x p]
  Vector weights;            // [2 num_pairs], their sum is 1
  double log_integral = 0;   // the logarithm of an unbiased estimate of int q[g], where the path was given
  Path path = {};
};

/// Pairs of points drawn from `start` and led along start^(1 - power) q[g]^power to power 1 by sequential Monte Carlo
/// [Del Moral, Doucet & Jasra, J. Royal Statistical Society B 2006]: at every power they are weighted, resampled evenly
/// where their effective number is below half of them, and moved by a Langevin proposal in the lengths of `start` that
/// is accepted or not, so that the law of the power is kept [Roberts & Tweedie, Bernoulli 1996].
/// With a path, that is the one taken: then the estimate is unbiased. Without, powers are made as they go, such that
/// the logarithms of the weights vary by 0.2 from one to the next, and the moves such that 0.6 of them are accepted;
/// that path can be given to others. After 100 powers it gives up: log_integral is not a number, path is empty.
/// What neither `start` nor the moves reach is not seen: of an integral with a share s there, log(1 - s) is missing.
/// Cost: a GibbsDensity and a log_density at all points a power.
Population lead(const NormalMixture& start, GibbsDensity& target, Index num_pairs, RandomStream& stream,
                const Path* path = nullptr);

/// The logarithm of the mean of exp(logs), less the first-order bias that a logarithm of a mean has: jackknife over the
/// terms [Quenouille 1956; Tukey 1958]. K >= 2 independent terms.
struct LogMean {
  double value = 0;
  double standard_error = 0;
};
LogMean log_mean(const Vector& logs);

}  // namespace mfld::trust
