#include "mfld/model/scaling.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

namespace mfld {

double Scaling::output_factor(Index num_particles) const {
  assert(num_particles > 0);
  const auto n = static_cast<double>(num_particles);
  switch (kind) {
    case ScalingKind::mean_field:
      return 1 / n;
    case ScalingKind::ntk:
      return 1 / std::sqrt(n);
    case ScalingKind::standard:
      return 1;
    case ScalingKind::alpha:
      return alpha / n;
  }
  return 1;
}

double Scaling::drift_factor(Index num_particles) const {
  assert(num_particles > 0);
  switch (kind) {
    case ScalingKind::mean_field:
    case ScalingKind::standard:
      return 1;
    case ScalingKind::ntk:
      return 1 / std::sqrt(static_cast<double>(num_particles));
    case ScalingKind::alpha:
      return 1 / alpha;
  }
  return 1;
}

std::string Scaling::describe() const {
  switch (kind) {
    case ScalingKind::mean_field:
      return "mean-field: f = (1/N) sum_j h(theta_j), drift = N times the plain gradient (kappa = 1), "
             "time = mean-field time";
    case ScalingKind::ntk:
      return "ntk: f = (1/sqrt(N)) sum_j h(theta_j), drift = the plain gradient (kappa = 1/sqrt(N)), time = kernel "
             "time";
    case ScalingKind::standard:
      return "standard: f = sum_j h(theta_j), drift = the plain gradient (kappa = 1), time = plain gradient time";
    case ScalingKind::alpha:
      return fmt::format(
          "alpha: f = (alpha/N) sum_j h(theta_j), drift = N/alpha^2 times the plain gradient (kappa = 1/alpha), "
          "alpha = {} (1 is mean-field, sqrt(N) is ntk), time = the time in which f moves at mean-field speed",
          alpha);
  }
  return {};
}

}  // namespace mfld
