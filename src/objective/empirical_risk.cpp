#include "mfld/objective/empirical_risk.hpp"

#include <algorithm>

namespace mfld {

namespace {

std::span<const double> targets_of(const Dataset& data) {
  return {data.train_targets.data(), static_cast<std::size_t>(data.num_train())};
}

}  // namespace

template <class Scalar>
EmpiricalRisk<Scalar>::EmpiricalRisk(const Network& network, const Risk& risk, const Dataset& data)
    : network_(&network), risk_(&risk), data_(&data), inputs_(data.train_inputs) {}

template <class Scalar>
double EmpiricalRisk<Scalar>::weight(Index num_particles, Index batch_size) const {
  return risk_->drift_weight(*network_, num_particles, batch_size, num_samples());
}

template <class Scalar>
void EmpiricalRisk<Scalar>::outputs(const Particles<Scalar>& particles, std::span<double> outputs) {
  network_->outputs(particles, inputs_, outputs, workspace_);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::field(std::span<const double> outputs, std::span<double> coefficients) const {
  CurrentField(risk_->loss(), targets_of(*data_)).coefficients(0, outputs, coefficients);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift(const Particles<Scalar>& particles, Drift& drift, std::span<double> outputs,
                                  const Finish& finish) {
  const CurrentField field(risk_->loss(), targets_of(*data_));
  network_->drift(particles, inputs_, field, weight(particles.rows(), num_samples()), Accumulate::assign, drift,
                  outputs, workspace_, finish);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift_from(std::span<const double> coefficients, const Particles<Scalar>& particles,
                                       Drift& drift, const Finish& finish) {
  network_->drift(particles, inputs_, GivenField(coefficients), network_->scaling().drift_factor(particles.rows()),
                  Accumulate::assign, drift, {}, workspace_, finish);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::gather(Batch<Scalar>& batch) const {
  if (batch.targets.size() != batch.samples.size()) {
    batch.targets.resize(batch.samples.size());
    batch.inputs = PackedInputs<Scalar>(std::ssize(batch.samples), data_->input_dim());
  }
  batch.inputs.gather(inputs_, batch.samples);
  std::transform(batch.samples.begin(), batch.samples.end(), batch.targets.begin(),
                 [this](Index i) { return data_->train_targets[i]; });
}

template <class Scalar>
void EmpiricalRisk<Scalar>::drift(const Batch<Scalar>& batch, const Particles<Scalar>& particles, Drift& drift,
                                  const Finish& finish) {
  network_->drift(particles, batch.inputs, CurrentField(risk_->loss(), batch.targets),
                  weight(particles.rows(), std::ssize(batch.samples)), Accumulate::assign, drift, {}, workspace_,
                  finish);
}

template <class Scalar>
void EmpiricalRisk<Scalar>::subtract_from(std::span<const double> coefficients, const Batch<Scalar>& batch,
                                          const Particles<Scalar>& particles, Drift& drift, const Finish& finish) {
  network_->drift(particles, batch.inputs, GivenField(coefficients),
                  -weight(particles.rows(), std::ssize(batch.samples)), Accumulate::add, drift, {}, workspace_, finish);
}

template class EmpiricalRisk<double>;
template class EmpiricalRisk<float>;

}  // namespace mfld
