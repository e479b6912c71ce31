#include "python/session.hpp"

#include "python/computing.hpp"

namespace mfld::python {

Session session_of(const Source& source, const py::object& loss, int num_threads) {
  const RunPlan& run = single_run(source.plan);
  Session session;
  if (!loss.is_none()) {
    session.loss = std::make_unique<OwnLoss>(loss);
  }
  Attention attention;
  Surroundings surroundings(source.plan.folder(), &attention.stop());
  surroundings.arrays = source.arrays;
  surroundings.loss = session.loss.get();
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(num_threads), [&] {
      session.experiment = std::make_unique<Experiment>(build_experiment(run.config, surroundings));
    });
  });
  return session;
}

}  // namespace mfld::python
