#pragma once
#include <string>

#include "mfld/record/run_directory.hpp"

namespace mfld::record {

/// The text of summary.json. A number that is not finite, or a particle that does not exist, is null; bytes that are
/// not UTF-8 become U+FFFD, so that every JSON reader takes the file.
std::string to_json(const RunSummary& summary);

}  // namespace mfld::record
