#pragma once
#include <filesystem>

#include "mfld/core/hdf5_file.hpp"
#include "mfld/experiment/run_directory.hpp"

namespace mfld {

/// trajectory.h5, in the layout of H5MD 1.1 (P. de Buyl, P. H. Colberg, F. Hoefling, "H5MD: a structured, efficient,
/// and portable file format for molecular data", Comput. Phys. Commun. 185 (2014) 1546): particles are neurons and
/// their space is the parameter space.
class TrajectoryFile {
 public:
  TrajectoryFile(const std::filesystem::path& path, const TrajectoryInfo& info, const Dataset& data);

  /// positions [particles x p]. The position is written before its step and time: a reader takes as many frames as all
  /// three hold.
  void append(std::int64_t step, double time, const Eigen::Ref<const Matrix>& positions);

 private:
  Hdf5File file_;
  Inputs rows_;  // positions, one row per particle in memory too
};

}  // namespace mfld
