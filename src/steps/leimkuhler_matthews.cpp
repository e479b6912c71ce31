#include "mfld/steps/leimkuhler_matthews.hpp"

#include "steps/step_task.hpp"

namespace mfld {

template <class Scalar>
Index LeimkuhlerMatthews<Scalar>::move(const StepContext<Scalar>& context, Index first, Index last) {
  kernels::StepTask task = step_task(context, first, last);
  task.averages_noise = true;
  return run_step(task, context);
}

template class LeimkuhlerMatthews<double>;
template class LeimkuhlerMatthews<float>;

}  // namespace mfld
