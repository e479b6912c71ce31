#include "mfld/dynamics/leimkuhler_matthews.hpp"

#include "dynamics/step_task.hpp"

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
