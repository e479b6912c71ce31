#pragma once
#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// The middle scheme for the kinetic (underdamped) Langevin equation
///   d theta = u dt,   du = -friction u dt - g dt + sqrt(2 friction T) dB,   stationary law mu* x N(0, T I):
///   u_j <- u_j - eta g_j,                            theta_j <- theta_j + eta u_j / 2,
///   u_j <- e u_j + sqrt(T (1 - e^2)) xi_j^(k),       theta_j <- theta_j + eta u_j / 2,     e = exp(-friction eta).
/// One gradient and one normal a coordinate. The positions have the law of the symmetric splitting BAOAB (Leimkuhler &
/// Matthews, Proc. R. Soc. A 2016): biased O(eta^2), and not at all for linear forces; for a force a theta, at
/// stationarity, Var theta = T / a, Var u = T and Cov(theta, u) = eta T / 2 for every stable eta (eta^2 a < 4): the
/// velocities are half a kick behind the positions. At T = 0 it is the heavy-ball method. Fast where friction is about
/// 2 sqrt(a_min) and eta about 1 / sqrt(a_max), over the curvatures a.
/// Carries the velocities [N x p], drawn from N(0, T I) with the stream (seed, velocity, k) where a phase begins; the
/// noise is that of Euler-Maruyama, (seed, noise, k).
template <class Scalar>
class Kinetic {
 public:
  static constexpr StepWords words = {
      .name = "kinetic",
      .update =
          "velocity <- velocity - eta g; theta <- theta + eta velocity / 2; velocity <- e velocity + sqrt(T (1 - "
          "e^2)) xi^(k), e = exp(-friction eta); theta <- theta + eta velocity / 2",
      .cold_update =
          "velocity <- velocity - eta g; theta <- theta + eta velocity / 2; velocity <- e velocity, e = "
          "exp(-friction eta); theta <- theta + eta velocity / 2",
      .noise = "sqrt(T (1 - e^2))",
      .source = "Leimkuhler & Matthews, Proc. R. Soc. A 2016; Fu & Wilson, 2023",
      .first_velocities = "drawn from N(0, T)"};
  static double noise_amplitude(const StepOptions& options) {
    return std::sqrt(-options.temperature * std::expm1(-2 * options.friction * options.step_size));
  }

  /// The velocities that a phase begins with, independent N(0, T I) of the stream (seed, velocity, k) of its first step
  /// k; 0 in columns that are not trained.                                                                  [rows x p]
  static Particles<Scalar> starting_velocities(const StepOptions& options, RowRange rows,
                                               const std::vector<unsigned char>& trained);

  /// Draws the velocities.
  void begin(const StepContext<Scalar>& context);
  Index move(const StepContext<Scalar>& context, Index first, Index last);

  /// [N x p]; 0 in columns that are not trained.
  const Particles<Scalar>& velocities() const { return velocities_; }

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("velocities", self.velocities_, sizes.per_parameter());
  }

 private:
  Particles<Scalar> velocities_;
};

}  // namespace mfld
