#include "mfld/steps/steps.hpp"

#include <boost/mp11/algorithm.hpp>
#include <cassert>

#include "steps/step_task.hpp"

namespace mfld {

template <class Scalar>
AnyStep<Scalar> make_step(StepKind kind) {
  return boost::mp11::mp_with_index<std::variant_size_v<AnyStep<Scalar>>>(
      static_cast<std::size_t>(kind),
      [](auto index) { return AnyStep<Scalar>(std::in_place_index<decltype(index)::value>); });
}

template AnyStep<double> make_step(StepKind);
template AnyStep<float> make_step(StepKind);

template <class Scalar>
StepOfAll<Scalar>::StepOfAll(AnyStep<Scalar>& step, const StepContext<Scalar>& context)
    : step_(&step), context_(context), first_bad_(context.particles.rows()) {
  const auto& particles = context.particles;
  assert(context.drift.rows() == particles.rows() && context.drift.cols() == particles.cols());
  assert(context.anchor == nullptr ||
         (context.anchor->rows() == particles.rows() && context.anchor->cols() == particles.cols()));
  assert(static_cast<Index>(context.trained.size()) == particles.cols());
  check_counters(context.options.step, 0, particles.rows());
}

template <class Scalar>
void StepOfAll<Scalar>::move(Index first, Index last) {
  const Index bad = std::visit([&](auto& rule) { return rule.move(context_, first, last); }, *step_);
  Index known = first_bad_.load();
  while (bad >= 0 && bad < known && !first_bad_.compare_exchange_weak(known, bad)) {
  }
}

template <class Scalar>
std::optional<Index> StepOfAll<Scalar>::first_bad_particle() const {
  return first_bad_ == context_.particles.rows() ? std::nullopt : std::optional(first_bad_.load());
}

template class StepOfAll<double>;
template class StepOfAll<float>;

}  // namespace mfld
