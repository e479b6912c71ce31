#include "mfld/dynamics/svrg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>

#include "mfld/core/divided_rows.hpp"
#include "mfld/dynamics/mini_batch.hpp"

namespace mfld {

template <class Scalar>
Estimate Svrg<Scalar>::estimate(const EstimateContext<Scalar>& context) {
  if (context.step_in_phase % context.phase.snapshot_every == 0) {
    take_snapshot(context);  // where the correction vanishes
    return {context.objective.num_terms()};
  }
  choose_batch(context, batch_);
  const auto leave = [](Index /*first*/, Index /*last*/) {};  // each rank corrects its own rows
  context.objective.drift_of(batch_, context.particles, context.drift, leave);
  correct(context);
  return {2 * context.phase.batch_size};
}

template <class Scalar>
void Svrg<Scalar>::take_snapshot(const EstimateContext<Scalar>& context) {
  copy_rows(context.rows, context.particles, particles_);
  if (drift_.size() == 0) {
    make_room(particles_.rows(), particles_.cols(), drift_);
  }
  field_.resize(context.objective.num_terms(), context.objective.num_coefficients());
  const auto copy = [&](Index first, Index last) {
    context.drift.middleRows(first, last - first) = drift_.middleRows(first, last - first);
    if (context.finish) {
      context.finish(first, last);
    }
  };
  context.objective.drift(context.particles, drift_, field(), std::cref(copy));
}

template <class Scalar>
void Svrg<Scalar>::correct(const EstimateContext<Scalar>& context) {
  assert(particles_.rows() == context.particles.rows());
  const auto add = [&](Index first, Index last) {
    context.drift.middleRows(first, last - first) += drift_.middleRows(first, last - first);
    if (context.finish) {
      context.finish(first, last);
    }
  };
  context.objective.subtract(batch_, field(), particles_, context.drift, std::cref(add));
}

template <class Scalar>
SampleSpan<double> Svrg<Scalar>::field() {
  const std::span<double> values(field_.data(), static_cast<std::size_t>(field_.size()));
  return {values, std::max<Index>(1, field_.cols())};
}

template <class Scalar>
std::string Svrg<Scalar>::describe(const Phase& phase) {
  return fmt::format("{}, a snapshot every {} steps", batches_in_words(phase), phase.snapshot_every);
}

template class Svrg<double>;
template class Svrg<float>;

}  // namespace mfld
