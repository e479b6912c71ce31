#pragma once
#include <cstdint>
#include <optional>

#include "mfld/core/hdf5_file.hpp"
#include "mfld/experiment/run_directory.hpp"

namespace mfld {

/// trajectory.h5, in the layout of H5MD 1.1 (P. de Buyl, P. H. Colberg, F. Hoefling, "H5MD: a structured, efficient,
/// and portable file format for molecular data", Comput. Phys. Commun. 185 (2014) 1546): particles are neurons and
/// their space is the parameter space.
///
/// The file never passes through a state that cannot be read. It is made under another name and renamed when it is
/// whole; frames go into space that was set aside, and count from the moment that /mfld/num_frames, one number, says
/// so. When the space is used up, the file is made again with twice as much.
class TrajectoryFile {
 public:
  TrajectoryFile(const FilePlace& place, const TrajectoryInfo& info, const Dataset& data);
  /// An existing file with its first `num_frames` frames, to be continued. Throws FileError if it has fewer, or not the
  /// shape that `info` says, or if those go beyond `last_step`.
  TrajectoryFile(const FilePlace& place, std::int64_t num_frames, const TrajectoryInfo& info, std::int64_t last_step);

  /// positions [particles x p]
  void append(std::int64_t step, double time, const Eigen::Ref<const Matrix>& positions);
  /// Makes the file as H5MD wants it, with as much room as there are frames and free to grow. Nothing can be appended
  /// then.
  void finish();

  /// -1 if there is no frame.
  std::int64_t last_step() const { return last_step_; }

 private:
  void reserve(Hdf5File& file, std::int64_t capacity) const;
  void make_final(Hdf5File& file) const;
  void write_frame(Hdf5File& file, std::int64_t frame, std::int64_t step, double time) const;
  /// The frames of `from` in a new file of the same name with room for `capacity`; the final file where that is
  /// no more than there are.
  void remake(const Hdf5File& from, std::int64_t capacity);
  FilePlace temporary_place() const { return place_.beside("trajectory.new.h5"); }

  FilePlace place_;
  Inputs rows_;  // positions, one row per particle in memory too
  std::int64_t capacity_ = 0;
  std::int64_t num_frames_ = 0;
  std::int64_t last_step_ = -1;
  std::optional<Hdf5File> file_;
};

}  // namespace mfld
