#include "mfld/dynamics/dual_ascent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "mfld/core/random.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/trust/neuron_values.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

namespace {

/// Coordinates whose neuron values are made at once: few enough for 32 MB of them, and as evenly as can be.
Index num_at_once(Index num_particles, std::int64_t num_steps) {
  constexpr Index most_values = Index{1} << 22;
  const Index most = std::clamp<Index>(most_values / num_particles, 1, 32);
  const Index num_times = (num_steps - 1) / most + 1;
  return (num_steps - 1) / num_times + 1;
}

SampleSpan<double> span_of_variables(Matrix& variables) {
  return {{variables.data(), static_cast<std::size_t>(variables.size())}, variables.cols()};
}

}  // namespace

template <class Scalar>
std::int64_t DualAscent<Scalar>::prepare(const EstimateContext<Scalar>& context, Particles<Scalar>& particles) {
  if (context.step_in_phase == 0 || !context.phase.begins_iteration(context.step_in_phase)) {
    return 0;
  }
  const std::int64_t num_coordinates = ascend(context);
  if (std::isfinite(weights_.effective_size())) {  // else the drift is not, which ends the run
    RandomStream stream(context.batch_seed, Purpose::resampling, static_cast<std::uint64_t>(context.step));
    systematic_counts(weights_.weights(), boost::random::uniform_01<double>()(stream), counts_);
    resample(counts_, particles);
  }
  return num_coordinates;
}

/// Moves coordinates and weights; returns how many.
template <class Scalar>
std::int64_t DualAscent<Scalar>::ascend(const EstimateContext<Scalar>& context) {
  const Phase& phase = context.phase;
  auto& risk = dynamic_cast<EmpiricalRisk<Scalar>&>(context.objective);
  const Loss& loss = risk.risk().loss();
  const Index num_particles = context.particles.rows();
  const double half_range = range_of(risk.model().network().neuron()) / 2;
  const double slope = risk.term_weight() / phase.temperature_at(context.step_in_phase);
  const double enough = phase.effective_share * static_cast<double>(num_particles);
  RandomStream stream(context.batch_seed, Purpose::coordinate, static_cast<std::uint64_t>(context.step));
  const boost::random::uniform_int_distribution<Index> uniform(0, risk.num_terms() - 1);
  coordinates_.resize(static_cast<std::size_t>(num_at_once(num_particles, phase.coordinate_steps)));
  weights_.reset(num_particles);
  for (std::int64_t count = 0;;) {
    std::generate(coordinates_.begin(), coordinates_.end(), [&] { return uniform(stream); });
    risk.neuron_outputs(coordinates_, context.particles, values_);
    for (std::size_t k = 0; k < coordinates_.size(); ++k) {
      const std::span<const Scalar> values(values_.col(static_cast<Index>(k)).data(),
                                           static_cast<std::size_t>(num_particles));
      double& dual = variables_(coordinates_[k], 0);
      const double label = risk.targets().values()[static_cast<std::size_t>(coordinates_[k])];
      const double best = loss.best_dual({dual, label, weights_.mean(values), slope * half_range * half_range});
      weights_.tilt(-slope * (best - dual), values);
      dual = best;
      if (++count == phase.coordinate_steps || !(weights_.effective_size() >= enough)) {
        return count;
      }
    }
  }
}

template <class Scalar>
Estimate DualAscent<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  Objective<Scalar>& objective = context.objective;
  if (variables_.size() == 0) {
    auto* const risk = dynamic_cast<EmpiricalRisk<Scalar>*>(&objective);
    if (risk == nullptr || dual_ascent_unavailable(risk->model(), risk->risk().loss())) {
      return {0,
              "dual coordinate ascent is that of the risk of a network of bounded neurons, not linearised and all of "
              "it trained, with the squared, logistic or huber loss, and this objective is another one"};
    }
    variables_.setZero(risk->num_terms(), 1);
  }
  scratch_ = objective.term_weight() * variables_;
  objective.drift_from(span_of_variables(scratch_), context.particles, context.drift, context.finish);
  return {objective.num_terms()};
}

template <class Scalar>
std::string DualAscent<Scalar>::describe(const Phase& phase) {
  return fmt::format(
      "all samples every step, outer iterations of {} steps each; before each but the first at most {} of the dual "
      "variables, drawn uniformly, fewer once the weighted particles are worth fewer than {} N, then systematic "
      "resampling; g = 0 at the start of the phase",
      phase.inner_steps, phase.coordinate_steps, phase.effective_share);
}

template class DualAscent<double>;
template class DualAscent<float>;

std::optional<std::string> dual_ascent_unavailable(const Model& model, const Loss& loss) {
  if (auto reason = mean_field_unavailable(model)) {
    return reason;
  }
  if (std::isinf(range_of(model.network().neuron()))) {
    return "needs a bounded neuron (bounded-r or sigma with activation tanh, erf or sigmoid; parity)";
  }
  if (!loss.ascends_in_dual()) {
    return "needs a loss with a step of its dual variables: squared, logistic or huber";
  }
  return std::nullopt;
}

}  // namespace mfld
