#pragma once
#include <memory>
#include <string>
#include <vector>

#include "mfld/config/sweep.hpp"
#include "mfld/config/value.hpp"
#include "mfld/task/given_arrays.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// An experiment as Python has it: dictionaries, lists, strings and numbers (numpy's, too), as in an experiment file.
/// Arrays are data and particles (task.train_inputs, ..., network.init.particles), which go into `arrays`, and the
/// value is their text; anywhere else they are lists. InvalidInput names the key and what it cannot be.
Value value_of(const py::handle& object, const std::string& path, GivenArrays& arrays);

/// The experiment in a file, by its path, or in a dictionary, with keys set as `--set` does; and its arrays. Paths in a
/// dictionary start at the current folder. only: of several runs the one whose directory would be called so; empty:
/// all.
struct Source {
  Plan plan;
  std::shared_ptr<GivenArrays> arrays;
};
Source read_source(const py::object& experiment, const py::dict& settings, const std::string& only = {});

/// The run of it; InvalidInput where there are several.
const RunPlan& single_run(const Plan& plan);

}  // namespace mfld::python
