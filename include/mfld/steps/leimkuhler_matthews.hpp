#pragma once
#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The Leimkuhler-Matthews step ("Rational construction of stochastic numerical methods for molecular sampling", Appl.
/// Math. Res. Express 2013):
///   theta_j <- theta_j - eta g_j + sqrt(2 T eta) (xi_j^(k) + xi_j^(k+1)) / 2.
/// The noise of step k + 1 is used again by the next step; it is a pure function of the step, so nothing is carried.
/// Stationary law biased O(eta^2), and not at all for linear forces: the variance is T / a for every stable eta
/// (eta a < 2). No better an approximation of paths than Euler-Maruyama. Two normals a coordinate from the streams
/// (seed, noise, k) and (seed, noise, k + 1); where eta or T change, both have the amplitude of the step. A phase with
/// another step that follows draws the second of them once more; a branch takes other noise from its own step on.
template <class Scalar>
class LeimkuhlerMatthews {
 public:
  static constexpr StepWords words = {.name = "leimkuhler-matthews",
                                      .update = "theta <- theta - eta g + sqrt(2 eta T) (xi^(k) + xi^(k+1)) / 2",
                                      .cold_update = "theta <- theta - eta g",
                                      .noise = "sqrt(2 eta T)",
                                      .source = "Leimkuhler & Matthews, Appl. Math. Res. Express 2013"};
  static double noise_amplitude(const StepOptions& options) { return overdamped_noise(options); }

  void begin(const StepContext<Scalar>& /*context*/) {}
  Index move(const StepContext<Scalar>& context, Index first, Index last);

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}
};

}  // namespace mfld
