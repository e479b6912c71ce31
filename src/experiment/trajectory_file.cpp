#include "experiment/trajectory_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

constexpr const char* values = "/particles/neurons/position/value";
constexpr const char* steps = "/particles/neurons/position/step";
constexpr const char* times = "/particles/neurons/position/time";
constexpr const char* count = "/mfld/num_frames";

/// Frames that fit into 64 KiB.
std::int64_t first_capacity(std::int64_t num_values) {
  return std::clamp<std::int64_t>(65536 / (8 * num_values), 1, 512);
}

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
}

void write_rows(Hdf5File& file, const std::string& name, const Inputs& rows) {
  file.write<double>(name, {rows.rows(), rows.cols()}, {rows.data(), static_cast<std::size_t>(rows.size())});
}

void write_vector(Hdf5File& file, const std::string& name, const Vector& numbers) {
  file.write<double>(name, {numbers.size()}, {numbers.data(), static_cast<std::size_t>(numbers.size())});
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

TrajectoryFile::TrajectoryFile(const FilePlace& place, const TrajectoryInfo& info, const Dataset& data)
    : place_(place), rows_(std::ssize(info.particles), std::ssize(info.parameter_names)) {
  assert(rows_.size() > 0);
  Hdf5File file = Hdf5File::create(temporary_place());
  write_h5md_group(file);
  write_particles_group(file, info);
  file.write("/parameters/names", info.parameter_names);
  file.write_attribute("/parameters", "step_size", info.step_size);
  write_data_group(file, data);
  capacity_ = first_capacity(rows_.size());
  reserve(file, capacity_);
  file.flush();
  file.rename(place_);
  file_ = std::move(file);
}

TrajectoryFile::TrajectoryFile(const FilePlace& place, std::int64_t num_frames, const TrajectoryInfo& info,
                               std::int64_t last_step)
    : place_(place), rows_(std::ssize(info.particles), std::ssize(info.parameter_names)), num_frames_(num_frames) {
  const Hdf5File file = Hdf5File::open(place);
  std::int64_t present = 0;
  file.read<std::int64_t>(count, {&present, 1});
  const Hdf5File::Shape shape = file.shape(values);
  if (present < num_frames || shape.size() != 3 || shape[0] < num_frames) {
    throw FileError(fmt::format("cannot continue {}: it has {} frames and the checkpoint counts {}",
                                place.path.string(), present, num_frames));
  }
  if (shape[1] != rows_.rows() || shape[2] != rows_.cols()) {
    throw FileError(fmt::format("cannot continue {}: its frames hold {} x {} numbers and the experiment's {} x {}",
                                place.path.string(), shape[1], shape[2], rows_.rows(), rows_.cols()));
  }
  if (num_frames > 0) {
    file.read_rows<std::int64_t>(steps, num_frames - 1, {&last_step_, 1});
  }
  if (last_step_ > last_step) {
    throw FileError(
        fmt::format("cannot continue {}: frame {} is of step {}, and the checkpoint counts frames to step {}",
                    place.path.string(), num_frames, last_step_, last_step));
  }
  remake(file, std::max(num_frames + 1, first_capacity(rows_.size())));
}

void TrajectoryFile::reserve(Hdf5File& file, std::int64_t capacity) const {
  file.reserve<double>(values, {capacity, rows_.rows(), rows_.cols()});
  file.reserve<std::int64_t>(steps, {capacity});
  file.reserve<double>(times, {capacity});
  file.reserve<std::int64_t>(count, {1});
  file.write_rows<std::int64_t>(count, 0, std::array{num_frames_});
}

void TrajectoryFile::make_final(Hdf5File& file) const {
  file.make_growing<double>(values, {num_frames_, rows_.rows(), rows_.cols()});
  file.make_growing<std::int64_t>(steps, {num_frames_});
  file.make_growing<double>(times, {num_frames_});
  file.write<std::int64_t>(count, {1}, std::array{num_frames_});
}

void TrajectoryFile::remake(const Hdf5File& from, std::int64_t capacity) {
  Hdf5File file = Hdf5File::create(temporary_place());
  for (const char* object : {"/h5md", "/particles/neurons/box", "/particles/neurons/id", "/parameters", "/data"}) {
    file.copy(from, object);
  }
  if (capacity > num_frames_) {
    reserve(file, capacity);
  } else {
    make_final(file);
  }
  for (std::int64_t frame = 0; frame < num_frames_; ++frame) {
    double time = 0;
    from.read_rows<double>(values, frame, {rows_.data(), static_cast<std::size_t>(rows_.size())});
    from.read_rows<std::int64_t>(steps, frame, {&last_step_, 1});
    from.read_rows<double>(times, frame, {&time, 1});
    write_frame(file, frame, last_step_, time);
  }
  file.flush();
  file.rename(place_);
  file_ = std::move(file);
  capacity_ = capacity;
}

void TrajectoryFile::write_frame(Hdf5File& file, std::int64_t frame, std::int64_t step, double time) const {
  file.write_rows<double>(values, frame, {rows_.data(), static_cast<std::size_t>(rows_.size())});
  file.write_rows<std::int64_t>(steps, frame, {&step, 1});
  file.write_rows<double>(times, frame, {&time, 1});
}

void TrajectoryFile::append(std::int64_t step, double time, const Eigen::Ref<const Matrix>& positions) {
  assert(positions.rows() == rows_.rows() && positions.cols() == rows_.cols());
  if (num_frames_ == capacity_) {
    file_->flush();
    remake(Hdf5File::open(place_), 2 * capacity_);
  }
  rows_ = positions;
  write_frame(*file_, num_frames_, step, time);
  file_->write_rows<std::int64_t>(count, 0, std::array{num_frames_ + 1});
  ++num_frames_;
  last_step_ = step;
}

void TrajectoryFile::finish() {
  file_->flush();
  remake(Hdf5File::open(place_), num_frames_);
  file_.reset();
}

}  // namespace mfld
