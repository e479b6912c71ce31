#include "mfld/trust/certificate.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "mfld/objective/penalty.hpp"
#include "mfld/trust/neuron_values.hpp"

namespace mfld {

namespace {

/// Standard error of a mean over particles whose terms have neighbour distances in them.
double error_of_mean(const Vector& terms) {
  const auto num_terms = static_cast<double>(terms.size());
  const double variance = (terms.array() - terms.mean()).square().sum() / (num_terms - 1);
  return neighbour_inflation * std::sqrt(variance / num_terms);
}

/// What the particles contribute to L(mu) + D(g_mu) at first order.                                          [N]
Vector gap_variation(const MeanFieldProblem& problem, const Particles<double>& particles,
                     std::span<const double> outputs, const Vector& dual, const Vector& gibbs_outputs,
                     const Vector& distances) {
  const Dataset& data = *problem.data;
  Vector coefficients = dual;
  for (Index i = 0; i < dual.size(); ++i) {
    const double output = outputs[static_cast<std::size_t>(i)];
    coefficients[i] +=
        problem.risk->loss().second_derivative(output, data.train_targets[i]) * (output - gibbs_outputs[i]);
  }
  coefficients *= problem.sample_weight();
  const auto d = static_cast<double>(particles.cols());
  return first_variation(*problem.network, particles, data.train_inputs, coefficients) +
         problem.penalty * particles.rowwise().squaredNorm() -
         (problem.temperature * d * distances.array().log()).matrix();
}

/// The standard error of the proximal gap at outputs of p_mu that come from its nodes.
double proximal_gap_error(const MeanFieldProblem& problem, const ProximalGibbs& gibbs, const Vector& dual,
                          const Vector& gibbs_outputs) {
  const Vector slopes =
      problem.sample_weight() *
      (dual_of(problem, {gibbs_outputs.data(), static_cast<std::size_t>(gibbs_outputs.size())}) - dual);
  Vector terms = first_variation<float>(*problem.network, gibbs.nodes, problem.data->train_inputs, slopes);
  terms.array() -= gibbs.weights.dot(terms);
  return gibbs.method == Integration::quadrature
             ? gibbs.standard_error * std::sqrt(gibbs.weights.dot(terms.cwiseAbs2()))
             : gibbs.weights.cwiseProduct(terms).norm();
}

}  // namespace

Vector dual_of(const MeanFieldProblem& problem, std::span<const double> outputs) {
  Vector dual(static_cast<Index>(outputs.size()));
  CurrentField(problem.risk->loss(), {problem.data->train_targets.data(), outputs.size()})
      .coefficients(0, outputs, {dual.data(), outputs.size()});
  return dual;
}

double dual_value(const MeanFieldProblem& problem, const Vector& dual, const ProximalGibbs& gibbs) {
  double conjugates = 0;
  for (Index i = 0; i < dual.size(); ++i) {
    conjugates += problem.risk->loss().conjugate(dual[i], problem.data->train_targets[i]);
  }
  return problem.sample_weight() * conjugates + problem.temperature * gibbs.log_integral;
}

double fenchel_gap(const MeanFieldProblem& problem, std::span<const double> outputs, const Vector& dual) {
  assert(static_cast<Index>(outputs.size()) == dual.size());
  const Loss& loss = problem.risk->loss();
  double sum = 0;
  for (Index i = 0; i < dual.size(); ++i) {
    const double output = outputs[static_cast<std::size_t>(i)];
    const double target = problem.data->train_targets[i];
    // Each term is positive, whatever rounding says.
    sum += std::max(0.0, loss.value(output, target) + loss.conjugate(dual[i], target) - dual[i] * output);
  }
  return problem.sample_weight() * sum;
}

double proximal_gap(const MeanFieldProblem& problem, std::span<const double> outputs,
                    std::span<const double> gibbs_outputs) {
  assert(outputs.size() == gibbs_outputs.size());
  const Loss& loss = problem.risk->loss();
  const std::span<const double> targets(problem.data->train_targets.data(), outputs.size());
  const auto count = static_cast<Index>(outputs.size());
  const Eigen::Map<const Vector> from(outputs.data(), count);
  const Eigen::Map<const Vector> to(gibbs_outputs.data(), count);
  return problem.sample_weight() *
         (loss.sum(gibbs_outputs, targets) - loss.sum(outputs, targets) - dual_of(problem, outputs).dot(to - from));
}

Certificate certificate(const MeanFieldProblem& problem, const Particles<double>& particles,
                        std::span<const double> outputs, const IntegrationOptions& options, Index k) {
  Certificate result = certificate_of_outputs(problem, outputs, options);
  add_gap(problem, particles, outputs, result, k);
  return result;
}

Certificate certificate_of_outputs(const MeanFieldProblem& problem, std::span<const double> outputs,
                                   const IntegrationOptions& options) {
  const Dataset& data = *problem.data;
  const Index num_samples = data.num_train();
  assert(static_cast<Index>(outputs.size()) == num_samples);
  const Vector dual = dual_of(problem, outputs);
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Certificate result{.gibbs = proximal_gibbs(problem, dual, options), .gibbs_outputs = {}, .entropy = {}};
  result.entropy.value = result.free_energy = result.dual_gap = result.dual_gap_error = none;
  const bool has_conjugate = problem.risk->loss().own == nullptr;
  result.dual_bound = has_conjugate ? -dual_value(problem, dual, result.gibbs) : none;
  result.dual_bound_error = problem.temperature * result.gibbs.standard_error;
  result.fixed_point_residual = result.proximal_gap = result.proximal_gap_error = none;
  if (!result.gibbs.reason.empty()) {
    return result;
  }
  result.gibbs_outputs =
      weighted_outputs(*problem.network, result.gibbs.nodes, result.gibbs.weights, data.train_inputs);
  const Eigen::Map<const Vector> own_outputs(outputs.data(), num_samples);
  result.fixed_point_residual =
      std::sqrt((own_outputs - result.gibbs_outputs).squaredNorm() / static_cast<double>(num_samples));
  result.proximal_gap = proximal_gap(problem, outputs, {result.gibbs_outputs.data(), outputs.size()});
  result.proximal_gap_error = proximal_gap_error(problem, result.gibbs, dual, result.gibbs_outputs);
  return result;
}

void add_gap(const MeanFieldProblem& problem, const Particles<double>& particles, std::span<const double> outputs,
             Certificate& certificate, Index k) {
  const bool has_neighbours = particles.rows() > k && particles.allFinite();
  const Vector distances = has_neighbours ? neighbour_distances(particles, k) : Vector();
  certificate.entropy = has_neighbours ? entropy_of(distances, particles.cols(), k) : entropy(particles, k);
  const double objective = problem.risk->value(outputs, {problem.data->train_targets.data(), outputs.size()}) +
                           penalty_value(*problem.network, particles, {problem.penalty});
  certificate.free_energy = objective - problem.temperature * certificate.entropy.value;
  certificate.dual_gap = certificate.free_energy - certificate.dual_bound;
  if (certificate.gibbs.reason.empty() && certificate.entropy.exists() && problem.risk->loss().own == nullptr) {
    const Vector terms =
        gap_variation(problem, particles, outputs, dual_of(problem, outputs), certificate.gibbs_outputs, distances);
    certificate.dual_gap_error = std::hypot(error_of_mean(terms), certificate.dual_bound_error);
  }
}

}  // namespace mfld
