#include "mfld/trust/width_bias.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "mfld/objective/empirical_risk.hpp"

namespace mfld {

WidthBias width_bias(const MeanFieldProblem& problem, const Model& model, const Particles<double>& particles,
                     std::span<const double> outputs) {
  constexpr Index strip = 64;  // samples at a time
  const Loss& loss = problem.risk->loss();
  const Vector& targets = problem.data->train_targets;
  EmpiricalRisk<double> risk(model, *problem.risk, *problem.data);
  const Index n = targets.size();
  const auto width = static_cast<double>(particles.rows());
  Particles<double> values;
  double sum = 0;
  double weighted = loss.own == nullptr ? 0 : std::numeric_limits<double>::quiet_NaN();
  for (Index first = 0; first < n; first += strip) {
    std::vector<Index> samples(static_cast<std::size_t>(std::min(strip, n - first)));
    std::iota(samples.begin(), samples.end(), first);
    values.resize(particles.rows(), std::ssize(samples));
    risk.neuron_outputs(samples, particles, values);
    for (Index i = 0; i < values.cols(); ++i) {
      const double variance = (values.col(i).array() - values.col(i).mean()).square().sum() / (width - 1);
      const double output = outputs[static_cast<std::size_t>(first + i)];
      sum += variance;
      weighted += loss.own == nullptr ? loss.second_derivative(output, targets[first + i]) * variance : 0;
    }
  }
  return {problem.sample_weight() * weighted / (2 * width), std::sqrt(sum / static_cast<double>(n) / width)};
}

}  // namespace mfld
