#pragma once
#include <string>

#include "mfld/model/loss.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// A loss that is written in Python: an object with value(outputs, targets) and derivative(outputs, targets), both of
/// arrays [m] and giving arrays [m]; one call a block of samples, not one a sample. What it raises passes through.
class OwnLoss : public LossInfo {
 public:
  explicit OwnLoss(py::object loss);
  OwnLoss(const OwnLoss&) = delete;
  OwnLoss& operator=(const OwnLoss&) = delete;
  ~OwnLoss();

 private:
  py::object loss_;
  std::string name_;
  std::string formula_;
};

}  // namespace mfld::python
