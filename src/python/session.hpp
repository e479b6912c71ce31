#pragma once
#include <memory>

#include "mfld/config/experiment.hpp"
#include "python/own_parts.hpp"
#include "python/values.hpp"

namespace mfld::python {

/// One experiment that Python gave, built, with what it refers to.
struct Session {
  std::shared_ptr<OwnParts> own;  // outlives the experiment
  std::shared_ptr<GivenArrays> arrays;
  std::unique_ptr<Experiment> experiment;

  /// What it was built in, for another like it.
  Surroundings surroundings() const;
};

/// InvalidInput where there are several runs.
Session session_of(const Source& source, const py::dict& own, int num_threads);

}  // namespace mfld::python
