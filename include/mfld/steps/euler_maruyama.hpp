#pragma once
#include <optional>
#include <vector>

#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The Euler-Maruyama step of the overdamped Langevin equation (src/README.md, equation 5):
///   theta_j <- theta_j - eta g_j + sqrt(2 T eta) xi_j^(k),   xi_j ~ N(0, I).
/// Strong order 1 (additive noise); stationary law biased O(eta): for a linear force a theta the variance is
/// T / (a (1 - eta a / 2)). Stable where eta a < 2. Carries nothing; one normal a coordinate from the stream
/// (seed, noise, k).
template <class Scalar>
class EulerMaruyama {
 public:
  static constexpr StepWords words = {.name = "euler-maruyama",
                                      .update = "theta <- theta - eta g + sqrt(2 eta T) xi^(k)",
                                      .cold_update = "theta <- theta - eta g",
                                      .noise = "sqrt(2 eta T)",
                                      .source = "Maruyama, Rend. Circ. Mat. Palermo 1955"};
  static double noise_amplitude(const StepOptions& options) { return overdamped_noise(options); }

  void begin(const StepContext<Scalar>& /*context*/) {}
  /// Moves the particles [first, last); the first of them with a coordinate that is not finite, or -1. May be called at
  /// once for different particles.
  Index move(const StepContext<Scalar>& context, Index first, Index last);

  template <class Self, class Visit>
  static void for_each_matrix(Self& /*self*/, const RunSizes& /*sizes*/, const Visit& /*visit*/) {}
};

/// One step of all particles, in parallel. Returns the first particle with a non-finite coordinate, if there is one.
template <class Scalar>
std::optional<Index> euler_maruyama_step(const StepOptions& options, const Drift& drift,
                                         const std::vector<unsigned char>& trained, Particles<Scalar>& particles,
                                         const Particles<Scalar>* anchor = nullptr);

}  // namespace mfld
