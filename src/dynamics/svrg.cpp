#include "mfld/dynamics/svrg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>

#include "mfld/dynamics/mini_batch.hpp"

namespace mfld {

template <class Scalar>
Estimate Svrg<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  if (context.step_in_phase % context.phase.snapshot_every == 0) {
    take_snapshot(context);  // where the correction vanishes
    return {context.objective.num_samples()};
  }
  choose_batch(context, batch_);
  context.objective.drift(batch_, context.particles, context.drift, {});
  correct(context);
  return {2 * context.phase.batch_size};
}

template <class Scalar>
void Svrg<Scalar>::take_snapshot(const EstimateContext<Scalar>& context) {
  particles_ = context.particles;
  drift_.resize(particles_.rows(), particles_.cols());
  field_.resize(context.objective.num_samples(), 1);
  const auto copy = [&](Index first, Index last) {
    context.drift.middleRows(first, last - first) = drift_.middleRows(first, last - first);
    if (context.finish) {
      context.finish(first, last);
    }
  };
  const std::span<double> field(field_.data(), static_cast<std::size_t>(field_.size()));
  context.objective.drift(context.particles, drift_, field, std::cref(copy));
  context.objective.field(field, field);
}

template <class Scalar>
void Svrg<Scalar>::correct(const EstimateContext<Scalar>& context) {
  assert(particles_.rows() == context.particles.rows());
  batch_field_.resize(batch_.samples.size());
  std::transform(batch_.samples.begin(), batch_.samples.end(), batch_field_.begin(),
                 [this](Index i) { return field_(i, 0); });
  const auto add = [&](Index first, Index last) {
    context.drift.middleRows(first, last - first) += drift_.middleRows(first, last - first);
    if (context.finish) {
      context.finish(first, last);
    }
  };
  context.objective.subtract_from(batch_field_, batch_, particles_, context.drift, std::cref(add));
}

template <class Scalar>
std::string Svrg<Scalar>::describe(const Phase& phase) {
  return fmt::format("{}, a snapshot every {} steps", batches_in_words(phase), phase.snapshot_every);
}

template class Svrg<double>;
template class Svrg<float>;

}  // namespace mfld
