#include "experiment/disk_space.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

std::string size_text(double bytes) {
  constexpr std::array<const char*, 4> units = {"bytes", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && bytes >= 1024; ++unit) {
    bytes /= 1024;
  }
  return fmt::format("{:.4g} {}", bytes, units[unit]);
}

/// What a trajectory takes on the disk beyond its first frames: what comes again goes there.
double bytes_behind(const std::filesystem::path& trajectory, double first_frames) {
  constexpr double block = 512;
  struct stat attributes {};
  return ::stat(trajectory.c_str(), &attributes) != 0
             ? 0
             : std::max(0.0, block * static_cast<double>(attributes.st_blocks) - first_frames);
}

}  // namespace

void check_disk_space(const Experiment& experiment, const std::filesystem::path& directory, const Checkpoint* start) {
  const std::int64_t num_frames = experiment.num_frames(start == nullptr ? 0 : start->step);
  std::error_code unknown;
  const auto space = std::filesystem::space(directory, unknown);
  if (num_frames == 0 || unknown || space.capacity == 0) {
    return;
  }
  const double recorded =
      start == nullptr ? 0 : static_cast<double>(start->trajectory_frames) * experiment.frame_bytes();
  const double needed = static_cast<double>(num_frames) * experiment.frame_bytes();
  const double free = static_cast<double>(space.available) + bytes_behind(directory / "trajectory.h5", recorded);
  if (needed <= free) {
    return;
  }
  const std::string reason =
      fmt::format("{} frames of {} particles take {} and {} are free in {}", num_frames, experiment.tracked.size(),
                  size_text(needed), size_text(free), directory.string());
  if (std::filesystem::exists(directory / "experiment.toml", unknown)) {
    throw FileError(
        fmt::format("cannot continue {}: {}; make room there", (directory / "trajectory.h5").string(), reason));
  }
  throw InvalidInput(fmt::format("observe.trajectory: {}; record fewer particles or fewer frames", reason));
}

}  // namespace mfld
