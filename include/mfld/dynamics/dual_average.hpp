#pragma once
#include <string>
#include <string_view>

#include "mfld/core/matrix_list.hpp"
#include "mfld/core/random.hpp"
#include "mfld/dynamics/estimate.hpp"

namespace mfld {

/// Particle dual averaging (src/README.md, equation 15; Nitanda, Wu & Suzuki, "Particle dual averaging: optimization of
/// mean field neural networks with global convergence rate analysis", NeurIPS 2021). Outer iterations t = 1, 2, ... of
/// inner_steps steps each, counted within the phase. The first step of each blends the coefficients of the particles,
/// l'(f_t(x_i), y_i), into the average of the earlier ones,
///   c <- t/(t+2) c + 2t/((t+1)(t+2)) l'(f_t),   that is   c = 2/((t+1)(t+2)) sum_{s <= t} s l'(f_s),
/// and all of them move in the potential of these coefficients, in which the particles do not interact,
///   v_j = drift_factor w sum_i c_i grad h(theta_j; x_i),   w = 1/n (1 where the risk is a sum),
/// with the penalty t/(t+2) times as large: the inner loop samples exp(-(w sum_i c_i h(.; x_i) + t/(t+2) lambda1
/// |theta|^2) / lambda2). With `fresh_samples` B iteration t takes samples (t - 1) B, ..., t B - 1 alone, n / B times:
/// the online version, which sees every sample once. Needs an objective whose terms have coefficients. Draws nothing.
/// Cost: n per-sample gradients a step, and the outputs on n samples at the first of an iteration.
template <class Scalar>
class DualAverage {
 public:
  static constexpr std::string_view formula = "v of the coefficients c = 2 / ((t + 1) (t + 2)) sum_s s l'(f_s)";

  Estimate estimate(const EstimateContext<Scalar>& context);

  static double penalty_factor(const Phase& phase, std::int64_t step_in_phase);
  static std::string describe(const Phase& phase);

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("dual/coefficients", self.coefficients_, sizes.coefficients());
  }

 private:
  void blend_in(const EstimateContext<Scalar>& context, double t);
  void keep_fresh(Index iteration, Index size);

  Matrix coefficients_;  // [n x K] c, in the order of SampleSpan
  Matrix scratch_;       // [n x K] those of the particles, then w c
};

/// The weighted iterate of dual averaging, kept while it runs. With q^(s) the law that iteration s - 1 ended with
/// (q^(1) that of the first particles), the mixture after T iterations is
///   sum_{s = 2}^{T + 1} 2 s / (T (T + 3)) q^(s),
/// and sample is N independent draws of it given the iterates: row j is that of particle j in one of them. When
/// iteration T has ended, row j becomes that of the particles with probability 2 (T + 1) / (T (T + 3)), which leaves
/// the earlier ones their shares; from T = 1 on nothing of the first particles is left. Draw j is word j of the
/// stream, so that runs of other widths choose alike. num_iterations T >= 1; particles, sample [N x p], of which `rows`
/// are kept.
template <class Scalar>
void keep_iterate(double num_iterations, RandomStream stream, RowRange rows, const Particles<Scalar>& particles,
                  Particles<double>& sample);

}  // namespace mfld
