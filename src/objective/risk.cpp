#include "mfld/objective/risk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace mfld {

double Risk::value(SampleSpan<const double> outputs, SampleSpan<const double> targets) const {
  assert(outputs.num_samples() == targets.num_samples() && !outputs.empty());
  const double sum = loss_.sum(outputs.values(), targets.values());
  return reduction_ == Reduction::mean ? sum / static_cast<double>(outputs.num_samples()) : sum;
}

double Risk::drift_weight(const Network& network, Index num_particles, Index batch_size, Index num_samples) const {
  assert(batch_size > 0);
  const double kappa = network.scaling().drift_factor(num_particles);
  // Divided last and by the batch alone: for the whole batch the weight of the sum is kappa exactly.
  return kappa * (scale(num_samples) / static_cast<double>(batch_size));
}

std::string Risk::describe() const {
  const char* reduction = reduction_ == Reduction::mean ? "(1/n) sum_i" : "sum_i";
  return fmt::format("R(f) = {} l(f(x_i), y_i), l = {}", reduction, loss_.describe());
}

double mean_loss(const Loss& loss, std::span<const double> outputs, const Vector& targets) {
  return Risk(loss, Reduction::mean).value(outputs, {targets.data(), static_cast<std::size_t>(targets.size())});
}

void CurrentField::coefficients(Index first, SampleSpan<const double> outputs, SampleSpan<double> coefficients) const {
  assert(outputs.num_samples() == coefficients.num_samples());
  loss_->derivatives(outputs.values(), targets_.samples(first, outputs.num_samples()).values(), coefficients.values());
}

void GivenField::coefficients(Index first, SampleSpan<const double> outputs, SampleSpan<double> coefficients) const {
  assert(outputs.num_samples() == coefficients.num_samples());
  const std::span<const double> given = given_.samples(first, outputs.num_samples()).values();
  std::copy(given.begin(), given.end(), coefficients.values().begin());
}

}  // namespace mfld
