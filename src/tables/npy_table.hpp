#pragma once
#include <cstdint>

#include "tables/packed/byte_source.hpp"
#include "tables/table.hpp"

namespace mfld::tables {

/// The array that so many bytes of a file hold as a .npy (numpy.lib.format, versions 1 to 3).
Table read_npy(const Source& source, ByteSource& bytes, std::uint64_t size, const TableOptions& options);

}  // namespace mfld::tables
