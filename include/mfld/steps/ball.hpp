#pragma once
#include <optional>
#include <string>

#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The Euler-Maruyama step of mirrored Langevin dynamics in the ball of `radius` R about 0 (src/README.md, equation 18;
/// Hsieh, Kavis, Rolland & Cevher, NeurIPS 2018), of the trained columns: with the mirror map whose dual is
/// R^2 log cosh(|y| / R), the particle is
///   theta = R tanh(|y| / R) y / |y|,   J = d theta / d y,
///   y_j <- y_j - eta (J' g_j - T grad log det J) + sqrt(2 T eta) xi_j^(k):
/// an unconstrained step for the law of y, whose image is proportional to exp(-potential / T) in the ball, with no mass
/// at its boundary. Near 0 it is the Euler-Maruyama step. Stationary law biased O(eta). No phase begins with a
/// particle outside. Carries y; one normal a coordinate from the stream (seed, noise, k).
template <class Scalar>
class Ball {
 public:
  static constexpr StepWords words = {
      .name = "ball",
      .update =
          "y <- y - eta (J' g - T grad log det J) + sqrt(2 eta T) xi^(k), theta = R tanh(|y| / R) y / |y|, J = d "
          "theta / d y, R = radius",
      .cold_update =
          "y <- y - eta (J' g - T grad log det J), theta = R tanh(|y| / R) y / |y|, J = d theta / d y, R = "
          "radius",
      .noise = "sqrt(2 eta T)",
      .source = "Hsieh, Kavis, Rolland & Cevher, NeurIPS 2018"};
  static double noise_amplitude(const StepOptions& options) { return overdamped_noise(options); }

  /// Takes y.
  void begin(const StepContext<Scalar>& context);
  std::optional<Index> first_bad(RowRange rows) const;
  static std::string failure(Index particle);
  Index move(const StepContext<Scalar>& context, Index first, Index last);

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("mirror_positions", self.mirror_, sizes.per_parameter());
  }

 private:
  Particles<double> mirror_;  // [N x p] y; 0 in columns that are not trained
};

}  // namespace mfld
