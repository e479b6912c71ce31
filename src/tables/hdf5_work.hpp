#pragma once
#include "files/child_process.hpp"

namespace mfld::tables {

/// In a child: reads the table that its parent asks for.
void serve_hdf5_table(files::Channel& parent);

inline constexpr files::ChildWork hdf5_work = {"hdf5-table", serve_hdf5_table};

}  // namespace mfld::tables
