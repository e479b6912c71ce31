#include "experiment/trajectory_file.hpp"

#include <cassert>
#include <cstdlib>

namespace mfld {

namespace {

const char* const position = "/particles/neurons/position";

/// The three parts H5MD demands of every file: its own version, who made it, and with what.
void write_h5md_group(Hdf5File& file) {
  const char* user = std::getenv("USER");
  file.make_group("/h5md/author");
  file.make_group("/h5md/creator");
  file.write_attribute("/h5md", "version", std::vector<std::int64_t>{1, 1});
  file.write_attribute("/h5md/author", "name", std::string(user != nullptr ? user : "unknown"));
  file.write_attribute("/h5md/creator", "name", std::string("mfld"));
  file.write_attribute("/h5md/creator", "version", std::string(MFLD_VERSION));
}

void write_particles_group(Hdf5File& file, const TrajectoryInfo& info) {
  const auto num_particles = std::ssize(info.particles);
  const auto num_parameters = std::ssize(info.parameter_names);
  // Parameter space has no walls.
  file.make_group("/particles/neurons/box");
  file.write_attribute("/particles/neurons/box", "dimension", std::int64_t{num_parameters});
  file.write_attribute("/particles/neurons/box", "boundary",
                       std::vector<std::string>(info.parameter_names.size(), "none"));
  const std::vector<std::int64_t> ids(info.particles.begin(), info.particles.end());
  file.write<std::int64_t>("/particles/neurons/id", {num_particles}, ids);
  file.make_group(position);
  file.write_growing<double>(std::string(position) + "/value", {num_particles, num_parameters});
  file.write_growing<std::int64_t>(std::string(position) + "/step", {});
  file.write_growing<double>(std::string(position) + "/time", {});
}

void write_rows(Hdf5File& file, const std::string& name, const Inputs& rows) {
  file.write<double>(name, {rows.rows(), rows.cols()}, {rows.data(), static_cast<std::size_t>(rows.size())});
}

void write_vector(Hdf5File& file, const std::string& name, const Vector& values) {
  file.write<double>(name, {values.size()}, {values.data(), static_cast<std::size_t>(values.size())});
}

void write_data_group(Hdf5File& file, const Dataset& data) {
  file.make_group("/data");
  file.write_attribute("/data", "description", data.description);
  write_rows(file, "/data/train_inputs", data.train_inputs);
  write_vector(file, "/data/train_targets", data.train_targets);
  write_rows(file, "/data/test_inputs", data.test_inputs);
  write_vector(file, "/data/test_targets", data.test_targets);
  if (data.teacher) {
    write_rows(file, "/data/teacher_directions", data.teacher->directions);
    write_vector(file, "/data/teacher_amplitudes", data.teacher->amplitudes);
  }
  if (data.relevant_subspace.cols() > 0) {
    write_rows(file, "/data/relevant_subspace", data.relevant_subspace);
  }
}

}  // namespace

TrajectoryFile::TrajectoryFile(const std::filesystem::path& path, const TrajectoryInfo& info, const Dataset& data)
    : file_(Hdf5File::create(path)), rows_(std::ssize(info.particles), std::ssize(info.parameter_names)) {
  assert(rows_.size() > 0);
  write_h5md_group(file_);
  write_particles_group(file_, info);
  file_.write("/parameters/names", info.parameter_names);
  file_.write_attribute("/parameters", "step_size", info.step_size);
  write_data_group(file_, data);
  file_.flush();
}

void TrajectoryFile::append(std::int64_t step, double time, const Eigen::Ref<const Matrix>& positions) {
  assert(positions.rows() == rows_.rows() && positions.cols() == rows_.cols());
  rows_ = positions;
  const std::string prefix = position;
  file_.append_row<double>(prefix + "/value", {rows_.data(), static_cast<std::size_t>(rows_.size())});
  file_.append_row<std::int64_t>(prefix + "/step", {&step, 1});
  file_.append_row<double>(prefix + "/time", {&time, 1});
  file_.flush();
}

}  // namespace mfld
