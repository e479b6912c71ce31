#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/dynamics/estimate.hpp"
#include "mfld/dynamics/importance_weights.hpp"
#include "mfld/model/loss.hpp"

namespace mfld {

/// Particle stochastic dual coordinate ascent (src/README.md, equation 19; Oko, Suzuki, Nitanda & Wu, "Particle
/// stochastic dual coordinate ascent: exponential convergent algorithm for mean field neural network optimization",
/// ICLR 2022). One dual variable g_i a sample, 0 where the phase begins, and particles that are a sample of
///   p[g] ~ exp(-(w sum_i g_i h(.; x_i) + lambda1 |theta|^2) / lambda2),   w = 1/n (1 where the risk is a sum).
/// Outer iterations of inner_steps steps each, counted within the phase. Before the first step of each but the first,
/// up to coordinate_steps times, a uniform i:
///   g_i <- v,  the least of l*(v, y_i) - v E h(.; x_i) + c (v - g_i)^2 / 2,   c = w H^2 / lambda2,
/// which raises the dual objective -D by at least what it promises, for 2H = sup h - inf h bounds the curvature of the
/// log-partition; the expectation is that of importance weights, which are equal at first, and by each step
///   w_j <- w_j exp(-w (v - g_i) h(theta_j; x_i) / lambda2).
/// It stops sooner once their effective sample size is below effective_share N. Then the particles are resampled by
/// the weights, and the steps of the iteration move them in the potential of g, in which they do not interact.
///
/// So weights live within one call, between two steps: whoever looks at a state, an observable, a trajectory or a
/// checkpoint, sees particles that count alike, and none of them has to know of weights. What is given up is the noise
/// of the resampling, a part of that of N draws, which the inner steps wash out anyway. A particle that is replaced
/// takes over position alone: velocity and noise are those of its place.
///
/// Needs the risk of a network, not linearised and all of it trained, of bounded neurons, and a loss with best_dual.
/// Draws from the streams (seed, coordinate, step) and (seed, resampling, step). Cost: n per-sample gradients a step,
/// and one for each coordinate, of which only the outputs are made.
template <class Scalar>
class DualAscent {
 public:
  static constexpr std::string_view formula = "v of the dual variables g";

  /// What comes before a step: coordinates and resampling, where an outer iteration begins. Returns the number of
  /// coordinates that were moved.
  std::int64_t prepare(const EstimateContext<Scalar>& context, Particles<Scalar>& particles);
  Estimate estimate(const EstimateContext<Scalar>& context);

  static std::string describe(const Phase& phase);

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("dual/variables", self.variables_, sizes.coefficients());
  }

  /// g [n x 1]; empty before the first step.
  const Matrix& variables() const { return variables_; }

 private:
  std::int64_t ascend(const EstimateContext<Scalar>& context);

  Matrix variables_;           // [n x 1]
  Matrix scratch_;             // [n x 1] w g
  ImportanceWeights weights_;  // [N]
  std::vector<Index> coordinates_;
  Particles<Scalar> values_;  // [N x those] h(theta_j; x_i)
  std::vector<Index> counts_;
};

/// Why dual coordinate ascent does not exist for a network and a loss ("needs ..."), or nullopt.
std::optional<std::string> dual_ascent_unavailable(const Model& model, const Loss& loss);

}  // namespace mfld
