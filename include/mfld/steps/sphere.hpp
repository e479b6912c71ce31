#pragma once
#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The geodesic step of the Langevin equation on a sphere, the one of radius R_j about 0 on which particle j is where
/// the phase begins (src/README.md, equation 17; of the trained columns, the others do not count):
///   w = -eta g_j + sqrt(2 T eta) xi_j^(k),   u = w - theta_j (theta_j . w) / R_j^2,
///   theta_j <- cos(|u| / R_j) theta_j + R_j sin(|u| / R_j) u / |u|:
/// drift and noise in the tangent space, and along the great circle of their sum. What rounding leaves is scaled to
/// R_j, so that no number of steps drifts off. Stationary law proportional to exp(-potential / T) with respect to the
/// uniform law on the sphere, biased O(eta); a penalty from 0 has no part in it. A particle at 0 stays there. Carries
/// the radii; one normal a coordinate from the stream (seed, noise, k).
template <class Scalar>
class Sphere {
 public:
  static constexpr StepWords words = {
      .name = "sphere",
      .update =
          "w = -eta g + sqrt(2 eta T) xi^(k), u = w - theta (theta.w) / R^2, theta <- cos(|u| / R) theta + R sin(|u| "
          "/ R) u / |u|, R = |theta| where the phase begins",
      .cold_update =
          "w = -eta g, u = w - theta (theta.w) / R^2, theta <- cos(|u| / R) theta + R sin(|u| / R) u / |u|, R "
          "= |theta| where the phase begins",
      .noise = "sqrt(2 eta T)",
      .source = "Jorgensen, Z. Wahrscheinlichkeitstheorie verw. Gebiete 1975"};
  static double noise_amplitude(const StepOptions& options) { return overdamped_noise(options); }

  /// Takes the radii.
  void begin(const StepContext<Scalar>& context);
  Index move(const StepContext<Scalar>& context, Index first, Index last);

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("radii", self.radii_, MatrixShape{sizes.num_particles, 1, true});
  }

 private:
  Particles<double> radii_;  // [N x 1]
};

}  // namespace mfld
