#include "mfld/steps/euler_maruyama.hpp"

#include "mfld/steps/steps.hpp"
#include "steps/step_task.hpp"

namespace mfld {

template <class Scalar>
Index EulerMaruyama<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  return run_step(step_task(context, first, last), context);
}

template class EulerMaruyama<double>;
template class EulerMaruyama<float>;

template <class Scalar>
std::optional<Index> euler_maruyama_step(const StepOptions& options, const Drift& drift,
                                         const std::vector<unsigned char>& trained, Particles<Scalar>& particles,
                                         const Particles<Scalar>* anchor) {
  AnyStep<Scalar> rule = EulerMaruyama<Scalar>();
  StepOfAll<Scalar> step(rule, {options, drift, trained, particles, anchor});
  for_each_run(particles.rows(), [&step](Index first, Index last) { step.move(first, last); });
  return step.first_bad_particle();
}

template std::optional<Index> euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                                  Particles<double>&, const Particles<double>*);
template std::optional<Index> euler_maruyama_step(const StepOptions&, const Drift&, const std::vector<unsigned char>&,
                                                  Particles<float>&, const Particles<float>*);

}  // namespace mfld
