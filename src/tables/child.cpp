#include "mfld/tables/child.hpp"

#include <array>

#include "files/child_process.hpp"
#include "tables/hdf5_work.hpp"

namespace mfld {

void serve_as_child(int argc, char** argv) { files::serve(argc, argv, std::array{tables::hdf5_work}); }

}  // namespace mfld
