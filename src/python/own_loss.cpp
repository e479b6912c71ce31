#include "python/own_loss.hpp"

#include <utility>
#include <vector>

#include "mfld/core/error.hpp"
#include "python/arrays.hpp"

namespace mfld::python {

namespace {

const OwnLoss& own(const Loss& loss) { return static_cast<const OwnLoss&>(*loss.own); }

}  // namespace

OwnLoss::OwnLoss(py::object object) : LossInfo{}, loss_(std::move(object)) {
  for (const char* function : {"value", "derivative"}) {
    if (!py::hasattr(loss_, function)) {
      throw InvalidInput(std::string("loss: has no ") + function + "(outputs, targets)");
    }
  }
  name_ = "own: " + std::string(py::str(py::type::handle_of(loss_).attr("__name__")));
  formula_ = py::hasattr(loss_, "formula") ? std::string(py::str(loss_.attr("formula"))) : "that of Python's object";
  name = name_;
  formula = [](const Loss& loss) { return own(loss).formula_; };
  sum = [](const Loss& loss, std::span<const double> u, std::span<const double> y) {
    std::vector<double> values(u.size());
    {
      const py::gil_scoped_acquire gil;
      copy_to(own(loss).loss_.attr("value")(array_of(u), array_of(y)), "loss.value", values);
    }
    double result = 0;
    for (const double each : values) {
      result += each;
    }
    return result;
  };
  derivatives = [](const Loss& loss, std::span<const double> u, std::span<const double> y, std::span<double> slopes) {
    const py::gil_scoped_acquire gil;
    copy_to(own(loss).loss_.attr("derivative")(array_of(u), array_of(y)), "loss.derivative", slopes);
  };
}

OwnLoss::~OwnLoss() {
  const py::gil_scoped_acquire gil;
  loss_ = {};
}

}  // namespace mfld::python
