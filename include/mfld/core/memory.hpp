#pragma once
#include <filesystem>

namespace mfld {

/// Bytes that this process can still allocate without swapping: the least of MemAvailable of /proc/meminfo and of what
/// the limits of its control group and of those above leave free, where memory that holds files counts as free. Both
/// versions of control groups are read, below `root`. Infinity where the system says nothing.
double available_memory(const std::filesystem::path& root = "/");

}  // namespace mfld
