#include "mfld/objective/penalty.hpp"

#include <cmath>

namespace mfld {

double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty) {
  if (penalty.coefficient == 0) {
    return 0;
  }
  double sum = 0;
  for (Index column = 0; column < particles.cols(); ++column) {
    if (network.trains(column)) {
      sum += penalty.anchor == nullptr ? particles.col(column).squaredNorm()
                                       : (particles.col(column) - penalty.anchor->col(column)).squaredNorm();
    }
  }
  return penalty.coefficient * network.scaling().penalty_factor(particles.rows()) * sum;
}

template <class Scalar>
void add_penalty(const std::vector<unsigned char>& trained, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift) {
  const double twice = 2 * penalty.coefficient;
  for (Index column = 0; column < drift.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      const auto position = particles.col(column).template cast<double>();
      if (penalty.anchor == nullptr) {
        drift.col(column) += twice * position;
      } else {
        drift.col(column) += twice * (position - penalty.anchor->col(column).template cast<double>());
      }
    }
  }
}

template void add_penalty(const std::vector<unsigned char>&, const Particles<double>&, const Penalty<double>&, Drift&);
template void add_penalty(const std::vector<unsigned char>&, const Particles<float>&, const Penalty<float>&, Drift&);

double drift_norm(const Drift& drift) { return std::sqrt(drift.squaredNorm() / static_cast<double>(drift.rows())); }

}  // namespace mfld
