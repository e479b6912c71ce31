#include "python/own_objective.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/steps/step.hpp"
#include "python/arrays.hpp"

namespace mfld::python {

OwnObjective::OwnObjective(py::object objective, Index num_parameters)
    : objective_(std::move(objective)), trained_(static_cast<std::size_t>(num_parameters), 1) {
  for (const char* function : {"value", "drift"}) {
    if (!py::hasattr(objective_, function)) {
      throw InvalidInput(fmt::format("objective: has no {}(theta)", function));
    }
  }
}

OwnObjective::~OwnObjective() {
  const py::gil_scoped_acquire gil;
  objective_ = {};
}

std::string OwnObjective::describe(Index num_particles) const {
  const py::gil_scoped_acquire gil;
  const std::string text =
      py::hasattr(objective_, "formula")
          ? std::string(py::str(objective_.attr("formula")))
          : "value(theta) of " + std::string(py::str(py::type::handle_of(objective_).attr("__name__")));
  return fmt::format("R = {}, v_j = N dR/dtheta_j, N = {} particles of {} parameters", text, num_particles,
                     trained_.size());
}

double OwnObjective::value(const Particles<double>& particles) {
  const py::gil_scoped_acquire gil;
  return py::float_(objective_.attr("value")(view_of(particles, owner_)));
}

void OwnObjective::drift(const Particles<double>& particles, Drift& drift, SampleSpan<double> coefficients,
                         const Finish& finish) {
  assert(coefficients.empty());
  static_cast<void>(coefficients);
  const py::gil_scoped_acquire gil;
  const ReturnedMatrix values(objective_.attr("drift")(view_of(particles, owner_)), "objective.drift", drift.rows(),
                              drift.cols());
  const py::gil_scoped_release released;
  for_each_run(drift.rows(), [&](Index first, Index last) {
    values.copy_rows(first, last, drift);
    if (finish) {
      finish(first, last);
    }
  });
}

void OwnObjective::drift_of(std::span<const Index> /*terms*/, const Particles<double>& /*particles*/, Drift& /*drift*/,
                            const Finish& /*finish*/) {
  assert(false);
}

void OwnObjective::subtract(std::span<const Index> /*terms*/, SampleSpan<const double> /*coefficients*/,
                            const Particles<double>& /*particles*/, Drift& /*drift*/, const Finish& /*finish*/) {
  assert(false);
}

}  // namespace mfld::python
