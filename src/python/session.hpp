#pragma once
#include <memory>

#include "mfld/config/experiment.hpp"
#include "python/own_loss.hpp"
#include "python/values.hpp"

namespace mfld::python {

/// One experiment that Python gave, built, with what it refers to.
struct Session {
  std::unique_ptr<OwnLoss> loss;  // outlives the experiment
  std::unique_ptr<Experiment> experiment;
};

/// `loss` None, or in place of its own. InvalidInput also where there are several runs.
Session session_of(const Source& source, const py::object& loss, int num_threads);

}  // namespace mfld::python
