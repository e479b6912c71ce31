#pragma once
#include <string>

#include "mfld/core/particles.hpp"

namespace mfld {

/// How the sum over neurons is scaled and at which speed particles move (src/README.md, equation 2).
enum class ScalingKind { mean_field, ntk, standard, alpha };

/// f(x) = output_factor * sum_j h(theta_j; x) and v_j = drift_factor/n sum_i l'_i grad h(theta_j; x_i).
///
///   kind        output_factor   drift_factor   one unit of step_size * steps is
///   mean-field  1/N             1              mean-field time (drift = N times the plain gradient)
///   ntk         1/sqrt(N)       1/sqrt(N)      kernel time (drift = the plain gradient); f moves at the same speed
///   alpha       alpha/N         1/alpha        the family that contains both (alpha = 1 and alpha = sqrt(N))
///   standard    1               1              plain gradient time
struct Scaling {
  ScalingKind kind = ScalingKind::mean_field;
  double alpha = 1;  // > 0; only read by the kind `alpha`

  double output_factor(Index num_particles) const;
  double drift_factor(Index num_particles) const;

  /// The objective whose preconditioned gradient the drift is has the penalty
  /// lambda1 * penalty_factor * sum_j |theta_j|^2, with penalty_factor = output_factor / drift_factor:
  /// 1/N in the mean-field scaling (the mean), 1 in ntk and standard (the sum), alpha^2/N between.
  double penalty_factor(Index num_particles) const {
    return output_factor(num_particles) / drift_factor(num_particles);
  }

  std::string describe() const;
};

}  // namespace mfld
