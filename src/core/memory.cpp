#include "mfld/core/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace mfld {

namespace {

namespace fs = std::filesystem;

constexpr double unknown = std::numeric_limits<double>::infinity();

/// The number of a file that holds nothing else; `missing` for "max" and where there is no such file.
double number_in(const fs::path& path, double missing) {
  std::ifstream stream(path);
  double number = 0;
  return stream >> number ? number : missing;
}

/// The number behind a word that begins a line.
double number_after(const fs::path& path, std::string_view word, double missing) {
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(word)) {
      return std::strtod(line.c_str() + word.size(), nullptr);
    }
  }
  return missing;
}

/// The names that the two versions of control groups use.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // in memory.stat
};
constexpr GroupFiles version_1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
constexpr GroupFiles version_2 = {"memory.max", "memory.current", "inactive_file "};

/// What a group and those above it leave: a limit binds all that is below it. A process in a container may see its
/// group under a path of the host that is not there; then only the root is.
double left_by_groups(const fs::path& mount, const fs::path& group, const GroupFiles& files) {
  double least = unknown;
  for (fs::path path = (mount / group.relative_path()).lexically_normal();; path = path.parent_path()) {
    const double limit = number_in(path / files.limit, unknown);
    const double usage = number_in(path / files.usage, 0) - number_after(path / "memory.stat", files.reclaimable, 0);
    least = std::min(least, limit - std::max(usage, 0.0));
    if (path == mount || !path.has_relative_path()) {
      return std::max(least, 0.0);
    }
  }
}

}  // namespace

double available_memory(const fs::path& root) {
  double least = number_after(root / "proc/meminfo", "MemAvailable:", unknown) * 1024;
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controllers == ",,") {
      least = std::min(least, left_by_groups(mount, line.substr(second + 1), version_2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(least, left_by_groups(mount / "memory", line.substr(second + 1), version_1));
    }
  }
  return least;
}

}  // namespace mfld
