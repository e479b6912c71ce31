#pragma once
#include <atomic>
#include <cstdint>
#include <optional>

#include "hdf5/growing_file.hpp"
#include "mfld/files/file_place.hpp"
#include "mfld/record/run_directory.hpp"

namespace mfld::record {

/// trajectory.h5, in the layout of H5MD 1.1 (P. de Buyl, P. H. Colberg, F. Hoefling, "H5MD: a structured, efficient,
/// and portable file format for molecular data", Comput. Phys. Commun. 185 (2014) 1546): particles are neurons and
/// their space is the parameter space. It is made under another name and renamed when it is whole; from then on it
/// holds at every moment the frames that were complete.
class TrajectoryFile {
 public:
  /// Throws FileError; Interrupted if `stop` is there and set.
  TrajectoryFile(const FilePlace& place, const TrajectoryInfo& info, const Dataset& data,
                 const std::atomic<bool>* stop);
  /// An existing file with its first `num_frames` frames, to be continued. Throws FileError if it has fewer, or not the
  /// shape that `info` says, or if those go beyond `last_step`, or if it is damaged; Interrupted. Then nothing has
  /// changed.
  TrajectoryFile(const FilePlace& place, std::int64_t num_frames, const TrajectoryInfo& info, std::int64_t last_step,
                 const std::atomic<bool>* stop);

  void append(const TrajectoryFrame& frame);
  /// Gives up the room for further frames. On the disk when it returns. Nothing can be appended then.
  void finish();

  /// -1 if there is no frame.
  std::int64_t last_step() const { return last_step_; }

 private:
  Inputs rows_;           // positions, one row per particle in memory too
  Inputs velocity_rows_;  // the same, or none
  bool has_velocities_;
  std::int64_t last_step_ = -1;
  std::optional<hdf5::GrowingFile> file_;
};

}  // namespace mfld::record
