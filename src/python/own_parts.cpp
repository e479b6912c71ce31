#include "python/own_parts.hpp"

#include <fmt/format.h>

#include <utility>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/model/network.hpp"
#include "python/arrays.hpp"

namespace mfld::python {

namespace {

/// What the function says to a look at the moment. With the GIL.
py::object ask(const py::handle& function, Moment& moment) {
  const auto look = std::make_shared<Look>(moment);
  struct Closing {
    Look* look;
    ~Closing() { look->close(); }
  } const closing{look.get()};
  return function(py::cast(look));
}

double number_of(const std::string& name, const py::object& answer) {
  const py::float_ number = py::reinterpret_steal<py::float_>(PyNumber_Float(answer.ptr()));
  if (!number) {
    PyErr_Clear();
    throw InvalidInput(fmt::format("observables: \"{}\" returned {}, and must return a number", name,
                                   std::string(py::str(py::type::handle_of(answer).attr("__name__")))));
  }
  return number;
}

bool truth_of(const py::object& answer) {
  const int truth = PyObject_IsTrue(answer.ptr());
  if (truth < 0) {
    throw py::error_already_set();
  }
  return truth != 0;
}

py::object part(const py::dict& parts, const char* name) {
  return parts.contains(name) ? py::object(parts[name]) : py::none();
}

void require_callable(const py::handle& function, const std::string& name) {
  if (PyCallable_Check(function.ptr()) == 0) {
    throw InvalidInput(fmt::format("{}: must be a function of a look", name));
  }
}

}  // namespace

Moment& Look::moment() const {
  if (moment_ == nullptr) {
    throw std::runtime_error("this look is over: it is of the moment at which the function was called");
  }
  return *moment_;
}

std::int64_t Look::step() const { return moment().step(); }

py::object Look::particles() {
  const Particles<double>& now = moment().whole_particles();
  if (!particles_) {
    particles_ = array_of(now);
  }
  return particles_;
}

py::object Look::initial_particles() const { return array_of(*moment().scene().initial); }

py::array_t<double> Look::drift() {
  Moment& now = moment();
  {
    const py::gil_scoped_release released;
    now.whole_drift();
  }
  return array_of(now.whole_drift());
}

py::array_t<double> Look::train_outputs() {
  Moment& now = moment();
  {
    const py::gil_scoped_release released;
    now.train_outputs();
  }
  return array_of(now.train_outputs());
}

py::array_t<double> Look::test_outputs() {
  Moment& now = moment();
  {
    const py::gil_scoped_release released;
    now.test_outputs();
  }
  return array_of(now.test_outputs());
}

py::array_t<double> Look::outputs(const py::handle& inputs) {
  Moment& now = moment();
  const Inputs x = matrix_of(inputs, "X");
  const Index input_dim = now.scene().data->input_dim();
  if (x.cols() != input_dim) {
    throw InvalidInput(fmt::format("X: has {} columns, and the inputs of the network have {}", x.cols(), input_dim));
  }
  Vector outputs;
  {
    const py::gil_scoped_release released;
    outputs = outputs_at(*now.scene().model, now.whole_particles(), x);
  }
  return array_of(std::span<const double>(outputs.data(), static_cast<std::size_t>(outputs.size())));
}

double Look::objective() {
  Moment& now = moment();
  const py::gil_scoped_release released;
  return now.objective();
}

OwnParts::OwnParts(const py::dict& parts) {
  if (const py::object loss = part(parts, "loss"); !loss.is_none()) {
    loss_ = std::make_unique<OwnLoss>(loss);
  }
  if (const py::object observables = part(parts, "observables"); !observables.is_none()) {
    if (!py::isinstance<py::dict>(observables)) {
      throw InvalidInput("observables: must be a dictionary {name: function of a look}");
    }
    for (const auto& [name, function] : py::reinterpret_borrow<py::dict>(observables)) {
      add_observable(name, py::reinterpret_borrow<py::object>(function));
    }
  }
  if (until_ = part(parts, "until"); !until_.is_none()) {
    require_callable(until_, "until");
  }
}

OwnParts::~OwnParts() {
  const py::gil_scoped_acquire gil;
  functions_.clear();
  until_ = {};
}

void OwnParts::add_observable(const py::handle& name, const py::object& function) {
  names_.push_back(std::make_unique<std::string>(py::str(name)));
  const std::string& text = *names_.back();
  require_callable(function, "observables." + text);
  functions_.push_back(function);
  Observable row;
  row.name = text;
  row.formula = "a function in Python";
  row.needs = {.particles = true, .all_rows = true, .network = false};
  row.columns = [&text](const Scene& /*scene*/) { return std::vector<std::string>{text}; };
  row.evaluate = [&text, each = py::handle(function)](Moment& moment, std::span<double> values) {
    const py::gil_scoped_acquire gil;
    values[0] = number_of(text, ask(each, moment));
  };
  observables_.push_back(std::move(row));
}

void OwnParts::add_to(Surroundings& surroundings) const {
  surroundings.loss = loss_.get();
  surroundings.observables = observables_.empty() ? nullptr : &observables_;
}

void OwnParts::add_to(RunOptions& options) const {
  if (!until_.is_none()) {
    options.until = [rule = py::handle(until_)](Moment& moment) {
      const py::gil_scoped_acquire gil;
      return truth_of(ask(rule, moment));
    };
    options.notes.emplace_back("phases end by a rule in Python, too");
  }
}

}  // namespace mfld::python
