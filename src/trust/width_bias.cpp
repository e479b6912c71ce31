#include "mfld/trust/width_bias.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "mfld/objective/empirical_risk.hpp"

namespace mfld {

namespace {

/// V_i of columns of values, of which this process has the own rows.
Vector sample_variances(const Particles<double>& values, RowRange own, Index num_particles, RowSums<double>& sums) {
  const Index count = values.cols();
  const auto totals_of = [&](const auto& number) {
    const auto totals =
        sums.over(num_particles, {.sums = count, .cost = count}, [&](RowRange strip, double* sum, double* /*max*/) {
          const RowRange here = {strip.first - own.first, strip.last - own.first};
          for (Index i = 0; i < count; ++i) {
            sum[i] += StripNumbers(number(here.of(values.col(i)), i)).sum();
          }
        });
    return Vector(Eigen::Map<const Vector>(totals.data(), count));
  };
  const Vector means =
      totals_of([](const auto& column, Index /*i*/) { return column; }) / static_cast<double>(num_particles);
  return totals_of([&](const auto& column, Index i) { return (column - means[i]).square(); }) /
         static_cast<double>(num_particles - 1);
}

}  // namespace

WidthBias width_bias(const MeanFieldProblem& problem, const Model& model, const Particles<double>& particles,
                     std::span<const double> outputs, RowSums<double>& sums) {
  constexpr Index samples_at_once = 64;
  const Loss& loss = problem.risk->loss();
  const Vector& targets = problem.data->train_targets;
  EmpiricalRisk<double> risk(model, *problem.risk, *problem.data);
  const Index n = targets.size();
  const auto width = static_cast<double>(particles.rows());
  const RowRange own = sums.own(particles.rows());
  const Particles<double> own_particles = particles.middleRows(own.first, own.count());
  Particles<double> values;
  double sum = 0;
  double weighted = loss.own == nullptr ? 0 : std::numeric_limits<double>::quiet_NaN();
  for (Index first = 0; first < n; first += samples_at_once) {
    std::vector<Index> samples(static_cast<std::size_t>(std::min(samples_at_once, n - first)));
    std::iota(samples.begin(), samples.end(), first);
    risk.neuron_outputs(samples, own_particles, values);
    const Vector of_samples = sample_variances(values, own, particles.rows(), sums);
    for (Index i = 0; i < of_samples.size(); ++i) {
      const double output = outputs[static_cast<std::size_t>(first + i)];
      sum += of_samples[i];
      weighted += loss.own == nullptr ? loss.second_derivative(output, targets[first + i]) * of_samples[i] : 0;
    }
  }
  return {problem.sample_weight() * weighted / (2 * width), std::sqrt(sum / static_cast<double>(n) / width)};
}

}  // namespace mfld
