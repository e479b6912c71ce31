#include "python/session.hpp"

#include "python/computing.hpp"

namespace mfld::python {

Surroundings Session::surroundings() const {
  Surroundings result;
  if (experiment && !experiment->folder.empty()) {
    result.folder = experiment->folder;
  }
  result.arrays = arrays;
  own->add_to(result);
  return result;
}

Session session_of(const Source& source, const py::dict& own, int num_threads) {
  const RunPlan& run = single_run(source.plan);
  Session session;
  session.own = std::make_shared<OwnParts>(own);
  session.arrays = source.arrays;
  Attention attention;
  Surroundings surroundings = session.surroundings().in(source.plan.folder());
  surroundings.stop = &attention.stop();
  compute_attentively(attention, [&] {
    with_threads_of(threads_allowed(num_threads), [&] {
      session.experiment = std::make_unique<Experiment>(build_experiment(run.config, surroundings));
    });
  });
  return session;
}

}  // namespace mfld::python
