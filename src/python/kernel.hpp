#pragma once
#include <optional>
#include <string>

#include "python/python.hpp"

namespace mfld::python {

/// What kernel of infinite width is asked for, as `mfld kernel` has it.
struct KernelArguments {
  std::string convention = "two-layer";
  std::string activation = "relu";
  std::optional<int> depth;
  std::optional<double> weight_variance;
  std::optional<double> bias_variance;
  std::string part = "ntk";
  int num_threads = 0;
};

/// {"ntk": (values [n, m], error), "nngp": ...}, as far as they are asked for. z None: x.
py::dict kernel(const py::object& x, const py::object& z, const KernelArguments& arguments);

/// Kernel ridge regression: {"coefficients" [n], "prediction" [m] or None}.
py::dict kernel_regression(const py::object& train_kernel, const py::object& targets, const py::object& test_kernel,
                           double ridge);

}  // namespace mfld::python
