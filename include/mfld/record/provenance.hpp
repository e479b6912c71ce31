#pragma once
#include <string>
#include <vector>

namespace mfld {

/// "0.1.0"
std::string version();

/// Program, compiler, machine, time and command, one a line: what a result needs besides its experiment to be made
/// again.
std::vector<std::string> provenance(const std::string& command);

}  // namespace mfld
