#include "mfld/trust/log_sobolev.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>

#include "mfld/trust/neuron_values.hpp"

namespace mfld {

namespace {

/// sup - inf of h less what is linear in theta, over theta at one input, or a bound of it.
double oscillation(const Neuron& neuron) {
  const NeuronKind kind = neuron.kind;
  if (kind == NeuronKind::linear || (kind == NeuronKind::sigma && neuron.activation == Activation::linear)) {
    return 0;
  }
  return kind == NeuronKind::parity_unbounded ? neuron.bound : range_of(neuron);
}

}  // namespace

std::optional<std::string> log_sobolev_unavailable(const Network& network) {
  if (std::isinf(oscillation(network.neuron()))) {
    return "needs a neuron that is bounded but for linear terms (bounded-r or sigma with a bounded activation, parity, "
           "parity-unbounded, linear)";
  }
  return std::nullopt;
}

double log_sobolev_bound(const MeanFieldProblem& problem, const Vector& dual) {
  const double oscillation_of_sum = problem.sample_weight() * dual.lpNorm<1>() * oscillation(problem.network->neuron());
  return 2 * problem.penalty / problem.temperature * std::exp(-oscillation_of_sum / problem.temperature);
}

DecayRate decay_rate(std::span<const double> times, std::span<const double> values, std::span<const double> errors,
                     double confidence) {
  const auto count = static_cast<Index>(values.size());
  assert(count >= 3 && times.size() == values.size() && errors.size() == values.size());
  const Eigen::Map<const Vector> t(times.data(), count);
  const Eigen::Map<const Vector> v(values.data(), count);
  const Eigen::Map<const Vector> e(errors.data(), count);
  assert((v.array() > 0).all() && (e.array() > 0).all());
  const Vector weights = (v.array() / e.array()).square();
  const Vector logs = v.array().log();
  const double mean_time = weights.dot(t) / weights.sum();
  const double mean_log = weights.dot(logs) / weights.sum();
  const Vector from_mean = t.array() - mean_time;
  const double spread = weights.dot(from_mean.cwiseAbs2());
  const double slope = weights.cwiseProduct(from_mean).dot(logs) / spread;
  const Vector residuals = (logs.array() - mean_log).matrix() - slope * from_mean;
  const double degrees = static_cast<double>(count) - 2;
  const double error = std::sqrt(weights.dot(residuals.cwiseAbs2()) / degrees / spread);
  const boost::math::students_t law(degrees);
  const double width = boost::math::quantile(law, 0.5 + 0.5 * confidence) * error;
  return {-slope, -slope - width, -slope + width};
}

}  // namespace mfld
