#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>

#include "core/child_process.hpp"
#include "mfld/experiment/run_directory.hpp"

namespace mfld {

/// What a run asks of the trajectory that it goes on with.
struct TrajectoryEnd {
  std::int64_t num_frames = 0;
  std::int64_t last_step = 0;
};

/// Opens a trajectory to be continued in a child, if this program can have one: the HDF5 library is not safe on damaged
/// files, and a trajectory, which grows in place, has no checksum. Throws FileError where the child does not survive
/// that, or cannot be had; Interrupted. What the attempt itself throws is left to the real one.
void try_trajectory(const std::filesystem::path& path, const TrajectoryInfo& info, const TrajectoryEnd& end,
                    const std::atomic<bool>* stop);

/// In the child.
void serve_trajectory(Channel& parent);

inline constexpr ChildWork trajectory_work = {"trajectory", serve_trajectory};

}  // namespace mfld
