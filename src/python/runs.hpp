#pragma once
#include <string>

#include "mfld/record/memory_record.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// How a run is made, beside its experiment.
struct RunArguments {
  py::object loss = py::none();      // in place of the experiment's
  py::object progress = py::none();  // a function of a dictionary, called about ten times a second
  int num_threads = 0;               // 0: all
  std::string only = {};             // of several runs this one; empty: all
  int jobs = 1;                      // runs of a sweep at a time
  std::string command;               // for experiment.toml
};

/// Makes the run, or all runs, of an experiment in a new directory. OSError and ValueError as the command line words
/// them; a signal stops it with a checkpoint.
void run_in_folder(const py::object& experiment, const py::dict& settings, const std::string& out,
                   const RunArguments& arguments);
/// Makes the run of an experiment in memory: a dictionary of what its directory would hold.
py::dict run_in_memory(const py::object& experiment, const py::dict& settings, const RunArguments& arguments);

/// The rows of metrics.csv as arrays: names, and columns by name.
py::dict rows_of(const MemoryRecord& record);

}  // namespace mfld::python
