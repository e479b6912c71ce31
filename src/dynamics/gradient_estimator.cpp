#include "mfld/dynamics/gradient_estimator.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cassert>
#include <functional>
#include <numeric>

namespace mfld {

void draw_batch(std::uint64_t seed, std::int64_t step, Index num_samples, Sampling sampling, std::span<Index> batch) {
  const auto size = static_cast<Index>(batch.size());
  RandomStream stream(seed, Purpose::batch, static_cast<std::uint64_t>(step));
  const auto draw = [&stream](Index last) { return boost::random::uniform_int_distribution<Index>(0, last)(stream); };
  if (sampling == Sampling::with_replacement) {
    std::generate(batch.begin(), batch.end(), [&] { return draw(num_samples - 1); });
    std::sort(batch.begin(), batch.end());
    return;
  }
  assert(size <= num_samples);
  if (size == num_samples) {
    std::iota(batch.begin(), batch.end(), Index{0});
    return;
  }
  // Floyd: the i-th draw from [0, n - size + i] joins the batch, or its upper end does if it is already there.
  // The batch is kept sorted, so membership is a binary search and the result needs no sorting.
  for (Index i = 0; i < size; ++i) {
    const Index upper = num_samples - size + i;
    const Index candidate = draw(upper);
    const auto end = batch.begin() + i;
    const auto place = std::lower_bound(batch.begin(), end, candidate);
    if (place != end && *place == candidate) {
      *end = upper;  // larger than all before
    } else {
      std::copy_backward(place, end, end + 1);
      *place = candidate;
    }
  }
}

namespace {

const Particles<double>& in_double(const Particles<double>& particles) { return particles; }
Particles<double> in_double(const Particles<float>& particles) { return particles.cast<double>(); }

}  // namespace

template <class Scalar>
GradientEstimator<Scalar>::GradientEstimator(const Network& network, const EmpiricalRisk& risk, const Dataset& data)
    : network_(&network), risk_(&risk), data_(&data), train_(data.train_inputs) {}

template <class Scalar>
std::int64_t GradientEstimator<Scalar>::estimate(const Phase& phase, std::int64_t step, std::int64_t step_in_phase,
                                                 std::uint64_t batch_seed, const Particles<Scalar>& particles,
                                                 Drift& drift, const Finish& finish) {
  const Index num_samples = data_->num_train();
  switch (phase.method->estimator) {
    case Estimator::full:
      full(particles, drift, {}, finish);
      return num_samples;
    case Estimator::minibatch:
      minibatch(phase, step, step_in_phase, batch_seed, particles, drift, finish);
      return phase.batch_size;
    case Estimator::svrg:
      if (step_in_phase % phase.snapshot_every == 0) {
        // The correction vanishes here: the estimate is the full drift, exactly.
        take_snapshot(particles, drift, finish);
        return num_samples;
      }
      minibatch(phase, step, step_in_phase, batch_seed, particles, drift, {});
      correct_by_snapshot(drift, finish);
      return 2 * phase.batch_size;
    case Estimator::natural:
      return natural(phase, particles, drift, finish) ? num_samples : -1;
  }
  return 0;
}

template <class Scalar>
void GradientEstimator<Scalar>::full(const Particles<Scalar>& particles, Drift& drift, std::span<double> outputs,
                                     const Finish& finish) {
  const CurrentField field(risk_->loss(), {data_->train_targets.data(), static_cast<std::size_t>(data_->num_train())});
  const double weight = risk_->drift_weight(*network_, particles.rows(), data_->num_train(), data_->num_train());
  network_->drift(particles, train_, field, weight, Accumulate::assign, drift, outputs, workspace_, finish);
}

template <class Scalar>
void GradientEstimator<Scalar>::choose_batch(const Phase& phase, std::int64_t step, std::int64_t step_in_phase,
                                             std::uint64_t batch_seed) {
  const auto size = static_cast<std::size_t>(phase.batch_size);
  if (batch_.size() != size) {
    batch_.resize(size);
    batch_targets_.resize(size);
    batch_field_.resize(size);
    batch_inputs_ = PackedInputs<Scalar>(phase.batch_size, data_->input_dim());
  }
  if (phase.sampling == Sampling::one_pass) {
    const Index first = phase.first_sample + step_in_phase * phase.batch_size;
    assert(first + phase.batch_size <= data_->num_train());
    std::iota(batch_.begin(), batch_.end(), first);
  } else {
    draw_batch(batch_seed, step, data_->num_train(), phase.sampling, batch_);
  }
}

template <class Scalar>
void GradientEstimator<Scalar>::minibatch(const Phase& phase, std::int64_t step, std::int64_t step_in_phase,
                                          std::uint64_t batch_seed, const Particles<Scalar>& particles, Drift& drift,
                                          const Finish& finish) {
  choose_batch(phase, step, step_in_phase, batch_seed);
  batch_inputs_.gather(train_, batch_);
  std::transform(batch_.begin(), batch_.end(), batch_targets_.begin(),
                 [this](Index i) { return data_->train_targets[i]; });
  batch_weight_ = risk_->drift_weight(*network_, particles.rows(), phase.batch_size, data_->num_train());
  network_->drift(particles, batch_inputs_, CurrentField(risk_->loss(), batch_targets_), batch_weight_,
                  Accumulate::assign, drift, {}, workspace_, finish);
}

template <class Scalar>
void GradientEstimator<Scalar>::take_snapshot(const Particles<Scalar>& particles, Drift& drift, const Finish& finish) {
  snapshot_.particles = particles;
  snapshot_.drift.resize(particles.rows(), particles.cols());
  snapshot_.field.resize(static_cast<std::size_t>(data_->num_train()));
  const auto copy = [&](Index first, Index last) {
    drift.middleRows(first, last - first) = snapshot_.drift.middleRows(first, last - first);
    if (finish) {
      finish(first, last);
    }
  };
  full(particles, snapshot_.drift, snapshot_.field, std::cref(copy));
  const CurrentField field(risk_->loss(), {data_->train_targets.data(), static_cast<std::size_t>(data_->num_train())});
  field.coefficients(0, snapshot_.field, snapshot_.field);
  snapshot_.taken = true;
}

template <class Scalar>
void GradientEstimator<Scalar>::correct_by_snapshot(Drift& drift, const Finish& finish) {
  assert(snapshot_.taken);
  std::transform(batch_.begin(), batch_.end(), batch_field_.begin(),
                 [this](Index i) { return snapshot_.field[static_cast<std::size_t>(i)]; });
  const auto add = [&](Index first, Index last) {
    drift.middleRows(first, last - first) += snapshot_.drift.middleRows(first, last - first);
    if (finish) {
      finish(first, last);
    }
  };
  network_->drift(snapshot_.particles, batch_inputs_, GivenField(batch_field_), -batch_weight_, Accumulate::add, drift,
                  {}, workspace_, std::cref(add));
}

template <class Scalar>
bool GradientEstimator<Scalar>::natural(const Phase& phase, const Particles<Scalar>& particles, Drift& drift,
                                        const Finish& finish) {
  const auto num_samples = static_cast<std::size_t>(data_->num_train());
  residual_.resize(num_samples);
  coefficients_.resize(num_samples);
  network_->outputs(particles, train_, residual_, workspace_);
  std::transform(residual_.begin(), residual_.end(), data_->train_targets.begin(), residual_.begin(),
                 [](double u, double y) { return u - y; });
  if (!natural_.solve(*network_, in_double(particles), data_->train_inputs, phase.damping, residual_, coefficients_)) {
    return false;
  }
  network_->drift(particles, train_, GivenField(coefficients_), network_->scaling().drift_factor(particles.rows()),
                  Accumulate::assign, drift, {}, workspace_, finish);
  return true;
}

template class GradientEstimator<double>;
template class GradientEstimator<float>;

}  // namespace mfld
