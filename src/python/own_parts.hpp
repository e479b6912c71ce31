#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mfld/observe/observables.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/task/surroundings.hpp"
#include "python/own_loss.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// What somebody's observable, or rule, looks at: a moment of a run, while it is asked. Afterwards a RuntimeError.
class Look {
 public:
  explicit Look(Moment& moment) : moment_(&moment) {}
  void close() { moment_ = nullptr; }

  std::int64_t step() const;
  py::object particles();  // [N, p] and what follows: copies, made when first asked for
  py::object initial_particles() const;
  py::array_t<double> drift();
  py::array_t<double> train_outputs();
  py::array_t<double> test_outputs();
  py::array_t<double> outputs(const py::handle& inputs);
  double objective();

 private:
  Moment& moment() const;
  Moment* moment_;
  py::object particles_;
};

/// The parts of an experiment that are written in Python: {"loss": object or None, "observables": {name: function of a
/// look}, "until": function of a look or None}. What they raise passes through.
class OwnParts {
 public:
  explicit OwnParts(const py::dict& parts);
  OwnParts(const OwnParts&) = delete;
  OwnParts& operator=(const OwnParts&) = delete;
  ~OwnParts();

  /// They outlive what is built in it.
  void add_to(Surroundings& surroundings) const;
  void add_to(RunOptions& options) const;

 private:
  void add_observable(const py::handle& name, const py::object& function);

  std::unique_ptr<OwnLoss> loss_;
  std::vector<std::unique_ptr<std::string>> names_;  // which rows refer to
  std::vector<Observable> observables_;
  std::vector<py::object> functions_;
  py::object until_ = py::none();
};

}  // namespace mfld::python
