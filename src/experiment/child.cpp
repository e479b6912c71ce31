#include "mfld/experiment/child.hpp"

#include <array>

#include "core/child_process.hpp"
#include "task/hdf5_work.hpp"

namespace mfld {

void serve_as_child(int argc, char** argv) { serve(argc, argv, std::array{tables::hdf5_work}); }

}  // namespace mfld
