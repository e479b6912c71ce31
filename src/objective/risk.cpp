#include "mfld/objective/risk.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

namespace mfld {

double Risk::value(std::span<const double> outputs, std::span<const double> targets) const {
  assert(outputs.size() == targets.size() && !outputs.empty());
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    sum += loss_.value(outputs[i], targets[i]);
  }
  return reduction_ == Reduction::mean ? sum / static_cast<double>(outputs.size()) : sum;
}

double Risk::drift_weight(const Network& network, Index num_particles, Index batch_size, Index num_samples) const {
  assert(batch_size > 0);
  const double kappa = network.scaling().drift_factor(num_particles);
  // Divided last and by the batch alone: for the whole batch the weight of the sum is kappa exactly.
  const double terms = reduction_ == Reduction::mean ? 1 : static_cast<double>(num_samples);
  return kappa * (terms / static_cast<double>(batch_size));
}

std::string Risk::describe() const {
  const char* reduction = reduction_ == Reduction::mean ? "(1/n) sum_i" : "sum_i";
  return fmt::format("R(f) = {} l(f(x_i), y_i), l = {}", reduction, loss_.describe());
}

void CurrentField::coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const {
  assert(outputs.size() == coefficients.size());
  loss_->derivatives(outputs, targets_.subspan(static_cast<std::size_t>(first), outputs.size()), coefficients);
}

void GivenField::coefficients(Index first, std::span<const double> outputs, std::span<double> coefficients) const {
  assert(outputs.size() == coefficients.size());
  const auto given = given_.subspan(static_cast<std::size_t>(first), outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    coefficients[i] = given[i];
  }
}

double penalty_value(const Network& network, const Particles<double>& particles, const Penalty<double>& penalty) {
  if (penalty.coefficient == 0) {
    return 0;
  }
  double sum = 0;
  for (Index column = 0; column < particles.cols(); ++column) {
    if (network.trained()[static_cast<std::size_t>(column)]) {
      sum += penalty.anchor == nullptr ? particles.col(column).squaredNorm()
                                       : (particles.col(column) - penalty.anchor->col(column)).squaredNorm();
    }
  }
  return penalty.coefficient * network.scaling().penalty_factor(particles.rows()) * sum;
}

template <class Scalar>
void add_penalty(const Network& network, const Particles<Scalar>& particles,
                 const std::type_identity_t<Penalty<Scalar>>& penalty, Drift& drift) {
  const double twice = 2 * penalty.coefficient;
  for (Index column = 0; column < drift.cols(); ++column) {
    if (network.trained()[static_cast<std::size_t>(column)] != 0) {
      const auto position = particles.col(column).template cast<double>();
      if (penalty.anchor == nullptr) {
        drift.col(column) += twice * position;
      } else {
        drift.col(column) += twice * (position - penalty.anchor->col(column).template cast<double>());
      }
    }
  }
}

template void add_penalty(const Network&, const Particles<double>&, const Penalty<double>&, Drift&);
template void add_penalty(const Network&, const Particles<float>&, const Penalty<float>&, Drift&);

double drift_norm(const Drift& drift) { return std::sqrt(drift.squaredNorm() / static_cast<double>(drift.rows())); }

}  // namespace mfld
