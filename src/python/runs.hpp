#pragma once
#include <cstdint>
#include <string>

#include "python/python.hpp"

namespace mfld::python {

/// How a run is made, beside its experiment.
struct RunArguments {
  py::dict own = {};                 // the parts in Python (own_parts.hpp)
  py::object progress = py::none();  // a function of a dictionary, called about ten times a second
  int num_threads = 0;               // 0: all
  std::string only = {};             // of several runs this one; empty: all
  int jobs = 1;                      // runs of a sweep at a time
  std::int64_t shard = 1;            // of them those of this shard
  std::int64_t num_shards = 1;
  std::string command;  // for experiment.toml
};

/// Makes the run, or all runs, of an experiment in a new directory. OSError and ValueError as the command line words
/// them; a signal stops it with a checkpoint.
void run_in_folder(const py::object& experiment, const py::dict& settings, const std::string& out,
                   const RunArguments& arguments);
/// Makes the run of an experiment in memory: a dictionary of what its directory would hold.
py::dict run_in_memory(const py::object& experiment, const py::dict& settings, const RunArguments& arguments);

/// The runs of an experiment, in order: (name, case, {key that the sweep set: value as TOML}). All are built, so that what
/// is wrong with one is found.
py::list runs_of(const py::object& experiment, const py::dict& settings, const py::dict& own);

}  // namespace mfld::python
