#include "mfld/objective/empirical_risk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/uniform_real_distribution.hpp>
#include <cassert>

#include "mfld/core/random.hpp"

namespace mfld {

namespace {

/// values <- those of the samples, in their order.
void pick(std::span<const Index> samples, SampleSpan<const double> all, std::vector<double>& values) {
  values.resize(samples.size() * static_cast<std::size_t>(all.per_sample()));
  auto to = values.begin();
  for (const Index sample : samples) {
    const std::span<const double> of_sample = all.samples(sample, 1).values();
    to = std::copy(of_sample.begin(), of_sample.end(), to);
  }
}

}  // namespace

template <class Scalar>
EmpiricalRisk<Scalar>::EmpiricalRisk(const Model& model, const Risk& risk, const Dataset& data, Ranks* ranks)
    : model_(&model), risk_(risk), data_(&data), inputs_(data.train_inputs), workspace_(ranks) {}

template <class Scalar>
SampleSpan<const double> EmpiricalRisk<Scalar>::targets() const {
  if (!noisy_targets_.empty()) {
    return noisy_targets_;
  }
  return {data_->train_targets.data(), static_cast<std::size_t>(data_->num_train())};
}

template <class Scalar>
void EmpiricalRisk<Scalar>::set_label_noise(double level, std::uint64_t seed, std::int64_t step) {
  if (level == 0) {
    noisy_targets_.clear();
    return;
  }
  RandomStream stream(seed, Purpose::step_label, static_cast<std::uint64_t>(step));
  boost::random::uniform_real_distribution<double> noise(-level, level);
  noisy_targets_.resize(static_cast<std::size_t>(num_terms()));
  std::transform(data_->train_targets.begin(), data_->train_targets.end(), noisy_targets_.begin(),
                 [&](double y) { return y + noise(stream); });
}

template <class Scalar>
std::string EmpiricalRisk<Scalar>::describe(Index num_particles) const {
  return fmt::format("{}; {}", model_->describe(num_particles), risk_.describe());
}

template <class Scalar>
double EmpiricalRisk<Scalar>::weight(Index num_particles, Index batch_size) const {
  return risk_.drift_weight(model_->network(), num_particles, batch_size, num_terms());
}

template <class Scalar>
double EmpiricalRisk<Scalar>::value(const Particles<Scalar>& particles) {
  outputs_.resize(static_cast<std::size_t>(num_terms()));
  outputs(particles, outputs_);
  return risk_.value(outputs_, targets());
}

template <class Scalar>
void EmpiricalRisk<Scalar>::coefficients(const Particles<Scalar>& particles, SampleSpan<double> coefficients) {
  outputs(particles, coefficients);
  CurrentField(risk_.loss(), targets()).coefficients(0, coefficients, coefficients);
}

template <class Scalar>
double EmpiricalRisk<Scalar>::term_weight() const {
  return risk_.scale(num_terms()) / static_cast<double>(num_terms());
}

template <class Scalar>
void EmpiricalRisk<Scalar>::outputs(const Particles<Scalar>& particles, SampleSpan<double> outputs) {
  model_->outputs(particles, inputs_, outputs, workspace_);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::neuron_outputs(std::span<const Index> samples, const Particles<Scalar>& particles,
                                           Particles<Scalar>& values) {
  assert(model_->tangent_point() == nullptr);
  gather(samples);
  model_->network().neuron_outputs(particles, batch_inputs_, values, workspace_);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift_and_outputs(const Particles<Scalar>& particles, Drift& drift,
                                              SampleSpan<double> outputs, const Finish& finish) {
  model_->drift(particles, inputs_, CurrentField(risk_.loss(), targets()), weight(particles.rows(), num_terms()),
                Accumulate::assign, drift, outputs, workspace_, finish);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift(const Particles<Scalar>& particles, Drift& drift, SampleSpan<double> coefficients,
                                  const Finish& finish) {
  drift_and_outputs(particles, drift, coefficients, finish);
  if (!coefficients.empty()) {
    CurrentField(risk_.loss(), targets()).coefficients(0, coefficients, coefficients);
  }
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift_from(SampleSpan<const double> coefficients, const Particles<Scalar>& particles,
                                       Drift& drift, const Finish& finish) {
  model_->drift(particles, inputs_, GivenField(coefficients),
                model_->network().scaling().drift_factor(particles.rows()), Accumulate::assign, drift, {}, workspace_,
                finish);
}

/// Nothing where these samples were the last ones: who corrects an estimate asks twice.
template <class Scalar>
void EmpiricalRisk<Scalar>::gather(std::span<const Index> samples) {
  if (std::equal(samples.begin(), samples.end(), batch_.begin(), batch_.end())) {
    return;
  }
  if (batch_.size() != samples.size()) {
    batch_inputs_ = PackedInputs<Scalar>(std::ssize(samples), data_->input_dim());
  }
  batch_.assign(samples.begin(), samples.end());
  batch_inputs_.gather(inputs_, batch_);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift_of(std::span<const Index> terms, const Particles<Scalar>& particles, Drift& drift,
                                     const Finish& finish) {
  gather(terms);
  pick(batch_, targets(), batch_values_);
  model_->drift(particles, batch_inputs_, CurrentField(risk_.loss(), batch_values_),
                weight(particles.rows(), std::ssize(batch_)), Accumulate::assign, drift, {}, workspace_, finish);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::subtract(std::span<const Index> terms, SampleSpan<const double> coefficients,
                                     const Particles<Scalar>& particles, Drift& drift, const Finish& finish) {
  gather(terms);
  pick(batch_, coefficients, batch_values_);
  model_->drift(particles, batch_inputs_, GivenField(batch_values_), -weight(particles.rows(), std::ssize(batch_)),
                Accumulate::add, drift, {}, workspace_, finish);
}

template class EmpiricalRisk<double>;
template class EmpiricalRisk<float>;

}  // namespace mfld
