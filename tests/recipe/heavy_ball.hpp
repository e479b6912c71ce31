#pragma once
#include <cmath>

#include "mfld/core/matrix_list.hpp"
#include "mfld/steps/step.hpp"

namespace mfld {

/// u_j <- e u_j - eta g_j + sqrt(T (1 - e^2)) xi_j,   theta_j <- theta_j + eta u_j,   e = exp(-friction eta).
/// Carries the velocities u [N x p], 0 where a phase begins.
template <class Scalar>
class HeavyBall {
 public:
  static constexpr StepWords words = {
      .name = "heavy-ball",
      .update =
          "velocity <- e velocity - eta g + sqrt(T (1 - e^2)) xi^(k), e = exp(-friction eta); theta <- theta + "
          "eta velocity",
      .cold_update = "velocity <- e velocity - eta g, e = exp(-friction eta); theta <- theta + eta velocity",
      .noise = "sqrt(T (1 - e^2))",
      .source = "Polyak, 1964",
      .first_velocities = "0"};
  static double noise_amplitude(const StepOptions& options) {
    return std::sqrt(-options.temperature * std::expm1(-2 * options.friction * options.step_size));
  }

  const Particles<Scalar>& velocities() const { return velocities_; }
  static Particles<Scalar> starting_velocities(const StepOptions& /*options*/, RowRange rows,
                                               const std::vector<unsigned char>& trained) {
    return Particles<Scalar>::Zero(rows.count(), std::ssize(trained));
  }

  void begin(const StepContext<Scalar>& context) {
    velocities_.setZero(context.particles.rows(), context.particles.cols());
  }

  Index move(const StepContext<Scalar>& context, Index first, Index last) {
    const StepOptions& options = context.options;
    const double e = std::exp(-options.friction * options.step_size);
    const double amplitude = noise_amplitude(options);
    Particles<Scalar> xi = Particles<Scalar>::Zero(last - first, context.particles.cols());
    if (amplitude > 0) {
      langevin_noise(options.noise_seed, options.step, first, xi);
    }
    for (Index column = 0; column < context.particles.cols(); ++column) {
      if (context.trained[static_cast<std::size_t>(column)] == 0) {
        continue;
      }
      for (Index j = first; j < last; ++j) {
        const double theta = context.particles(j, column);
        const double anchor = context.anchor == nullptr ? 0 : (*context.anchor)(j, column);
        const double g = context.drift(j, column) + 2 * options.penalty * (theta - anchor);
        const double velocity = e * velocities_(j, column) - options.step_size * g + amplitude * xi(j - first, column);
        velocities_(j, column) = static_cast<Scalar>(velocity);
        context.particles(j, column) = static_cast<Scalar>(theta + options.step_size * velocity);
      }
    }
    for (Index j = first; j < last; ++j) {
      if (!context.particles.row(j).allFinite()) {
        return j;
      }
    }
    return -1;
  }

  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("momentum", self.velocities_, sizes.per_parameter());
  }

 private:
  Particles<Scalar> velocities_;
};

}  // namespace mfld
