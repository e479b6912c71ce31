#pragma once

namespace mfld {

/// The first statement of a main that reads data from HDF5 files. The HDF5 library is not safe on
/// damaged files, and so this program is started once more to meet them: then the call does that and ends the process.
/// In any other process it returns at once. A program that never calls it reads such files itself, and goes down with
/// the library where that fails on one.
void serve_as_child(int argc, char** argv);

}  // namespace mfld
