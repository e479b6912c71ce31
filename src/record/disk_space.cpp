#include "record/disk_space.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"

namespace mfld::record {

namespace {

std::string size_text(double bytes) {
  constexpr std::array<const char*, 4> units = {"bytes", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && bytes >= 1024; ++unit) {
    bytes /= 1024;
  }
  return fmt::format("{:.4g} {}", bytes, units[unit]);
}

/// Of a file system, for us; nothing where it does not say.
struct Room {
  double capacity = 0;
  double free = 0;
};

std::optional<Room> room_in(const FilePlace& directory) {
  struct statvfs space {};
  const int descriptor = ::openat(directory.directory, directory.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool known = descriptor >= 0 && ::fstatvfs(descriptor, &space) == 0 && space.f_blocks > 0;
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  const auto block = static_cast<double>(space.f_frsize);
  return known ? std::optional<Room>(
                     {block * static_cast<double>(space.f_blocks), block * static_cast<double>(space.f_bavail)})
               : std::nullopt;
}

/// What a trajectory takes on the disk beyond its first frames: what comes again goes there.
double bytes_behind(const FilePlace& trajectory, double first_frames) {
  constexpr double block = 512;
  struct stat attributes {};
  return ::fstatat(trajectory.directory, trajectory.name.c_str(), &attributes, 0) != 0
             ? 0
             : std::max(0.0, block * static_cast<double>(attributes.st_blocks) - first_frames);
}

}  // namespace

void check_disk_space(const Experiment& experiment, const FilePlace& directory, const Checkpoint* start) {
  const std::int64_t num_frames = experiment.num_frames(start == nullptr ? 0 : start->step);
  const std::optional<Room> room = num_frames == 0 ? std::nullopt : room_in(directory);
  if (!room) {
    return;
  }
  const FilePlace trajectory = directory / "trajectory.h5";
  const double recorded =
      start == nullptr ? 0 : static_cast<double>(start->trajectory_frames) * experiment.frame_bytes();
  const double needed = static_cast<double>(num_frames) * experiment.frame_bytes();
  const double free = room->free + bytes_behind(trajectory, recorded);
  if (needed <= free) {
    return;
  }
  const std::string reason =
      fmt::format("{} frames of {} particles take {} and {} are free in {}", num_frames, experiment.tracked.size(),
                  size_text(needed), size_text(free), directory.path.string());
  if (files::exists(directory / "experiment.toml")) {
    throw FileError(fmt::format("cannot continue {}: {}; make room there", trajectory.path.string(), reason));
  }
  if (needed > room->capacity) {
    throw InvalidInput(fmt::format("observe.trajectory: {}; record fewer particles or fewer frames", reason));
  }
  throw NoRoom(
      fmt::format("observe.trajectory: {}; make room there, or record fewer particles or fewer frames", reason));
}

}  // namespace mfld::record
