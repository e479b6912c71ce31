#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace mfld::python {

namespace py = pybind11;

}  // namespace mfld::python
