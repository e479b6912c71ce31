#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// The complete state of a run between two steps, in double (single-precision particles convert exactly).
/// Random numbers need no state: they are functions of the seed and the step.
struct Checkpoint {
  static constexpr std::int64_t format_version = 1;

  std::uint64_t experiment_hash = 0;  // of the resolved experiment
  Particles<double> particles;        // [N x p]
  std::int64_t step = 0;
  std::int64_t phase = 0;
  std::int64_t step_in_phase = 0;
  double time = 0;
  double time_compensation = 0;
  std::int64_t gradient_evaluations = 0;
  std::int64_t metrics_rows = 0;  // rows recorded so far
  std::int64_t trajectory_frames = 0;

  Particles<double> average;  // [N x p] of the iterates of a phase that averages; else empty

  bool has_snapshot = false;             // SVRG
  Particles<double> snapshot_particles;  // [N x p]
  std::vector<double> snapshot_field;    // [n]
  Drift snapshot_drift;                  // [N x p]
};

/// Writes `path` (neither atomically nor lastingly: the caller flushes and renames). Throws FileError.
void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);
/// Throws FileError naming the file and what is wrong: unreadable, another format version, damaged (checksum).
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace mfld
