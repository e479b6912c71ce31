#include "mfld/dynamics/dual_average.hpp"

#include <fmt/format.h>

#include <cassert>

namespace mfld {

namespace {

/// t of the outer iteration that a step belongs to.
double outer_iteration(const Phase& phase, std::int64_t step_in_phase) {
  const std::int64_t num_complete = step_in_phase / phase.inner_steps;
  return static_cast<double>(num_complete + 1);
}

SampleSpan<double> span_of(Matrix& coefficients) {
  return {{coefficients.data(), static_cast<std::size_t>(coefficients.size())}, coefficients.cols()};
}

}  // namespace

template <class Scalar>
Estimate DualAverage<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  Objective<Scalar>& objective = context.objective;
  if (objective.num_coefficients() == 0) {
    return {0, "dual averaging is that of coefficients of the objective's terms, and this objective has none"};
  }
  if (coefficients_.size() == 0) {
    coefficients_.setZero(objective.num_terms(), objective.num_coefficients());
  }
  if (context.step_in_phase % context.phase.inner_steps == 0) {
    blend_in(context, outer_iteration(context.phase, context.step_in_phase));
  }
  scratch_ = objective.term_weight() * coefficients_;
  objective.drift_from(span_of(scratch_), context.particles, context.drift, context.finish);
  return {objective.num_terms()};
}

template <class Scalar>
void DualAverage<Scalar>::blend_in(const EstimateContext<Scalar>& context, double t) {
  scratch_.resizeLike(coefficients_);
  context.objective.coefficients(context.particles, span_of(scratch_));
  if (const Index fresh = context.phase.fresh_samples; fresh > 0) {
    keep_fresh(static_cast<Index>(t) - 1, fresh);
  }
  coefficients_ = t / (t + 2) * coefficients_ + 2 * t / ((t + 1) * (t + 2)) * scratch_;
}

/// The mean over the samples of this iteration, an estimate of that over all: theirs alone, n / |I| times.
template <class Scalar>
void DualAverage<Scalar>::keep_fresh(Index iteration, Index size) {
  const Index first = iteration * size * scratch_.cols();  // in the order of SampleSpan
  assert(first + size * scratch_.cols() <= scratch_.size());
  const double weight = static_cast<double>(scratch_.rows()) / static_cast<double>(size);
  Eigen::Map<Vector> values(scratch_.data(), scratch_.size());
  values.head(first).setZero();
  values.segment(first, size * scratch_.cols()) *= weight;
  values.tail(values.size() - first - size * scratch_.cols()).setZero();
}

template <class Scalar>
double DualAverage<Scalar>::penalty_factor(const Phase& phase, std::int64_t step_in_phase) {
  const double t = outer_iteration(phase, step_in_phase);
  return t / (t + 2);
}

template <class Scalar>
std::string DualAverage<Scalar>::describe(const Phase& phase) {
  return fmt::format(
      "all samples every step, outer iterations t = 1, 2, ... of {} steps each, in which the penalty is t / (t + 2) "
      "times as large{}",
      phase.inner_steps,
      phase.fresh_samples > 0
          ? fmt::format("; iteration t takes the coefficients of the next {} samples alone, each once",
                        phase.fresh_samples)
          : "");
}

template <class Scalar>
void keep_iterate(double num_iterations, RandomStream stream, RowRange rows, const Particles<Scalar>& particles,
                  Particles<double>& sample) {
  assert(sample.rows() == particles.rows() && sample.cols() == particles.cols());
  constexpr double num_words = 0x1p32;
  const double below = num_words * 2 * (num_iterations + 1) / (num_iterations * (num_iterations + 3));
  for (Index j = 0; j < rows.last; ++j) {
    if (static_cast<double>(stream()) < below && j >= rows.first) {
      sample.row(j) = particles.row(j).template cast<double>();
    }
  }
}

template void keep_iterate(double, RandomStream, RowRange, const Particles<double>&, Particles<double>&);
template void keep_iterate(double, RandomStream, RowRange, const Particles<float>&, Particles<double>&);

template class DualAverage<double>;
template class DualAverage<float>;

}  // namespace mfld
