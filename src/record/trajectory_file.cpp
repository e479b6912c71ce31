#include "record/trajectory_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <span>

#include "mfld/core/error.hpp"
#include "mfld/hdf5/hdf5_file.hpp"

namespace mfld::record {

namespace {

/// What grows: steps, times and positions; velocities on request.
enum : std::size_t { steps, times, positions, velocities };

/// Chunks of 64 KiB, and of frames larger than 1 MiB parts. Steps and times have small ones: a short trajectory should
/// not take more space than its frames.
std::vector<hdf5::GrowingSet> growing_sets(const TrajectoryInfo& info) {
  constexpr std::int64_t max_chunk_bytes = std::int64_t{1} << 20;
  constexpr std::int64_t max_rows = 512;
  const auto num_particles = std::ssize(info.particles);
  const auto num_parameters = std::ssize(info.parameter_names);
  const std::int64_t frame_bytes = 8 * num_particles * num_parameters;
  const std::int64_t per_row = std::min((frame_bytes + max_chunk_bytes - 1) / max_chunk_bytes, num_particles);
  const std::int64_t num_together = (num_particles + per_row - 1) / per_row;
  const hdf5::ChunkGrid numbers{{max_rows}, 1};
  const hdf5::ChunkGrid frames{
      {std::clamp<std::int64_t>(65536 / frame_bytes, 1, max_rows), num_together, num_parameters},
      (num_particles + num_together - 1) / num_together};
  std::vector<hdf5::GrowingSet> sets = {{{}, hdf5::Numbers::integers, numbers}, {{}, hdf5::Numbers::reals, numbers}};
  sets.resize(info.velocities ? 4 : 3, {{num_particles, num_parameters}, hdf5::Numbers::reals, frames});
  return sets;
}

std::vector<Hdf5File::Growing> in_file(const std::vector<hdf5::GrowingSet>& sets) {
  constexpr std::array<const char*, 4> names = {"position/step", "position/time", "position/value", "velocity/value"};
  std::vector<Hdf5File::Growing> result;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    result.push_back({fmt::format("/particles/neurons/{}", names[i]), sets[i].item, sets[i].grid.chunk,
                      sets[i].numbers == hdf5::Numbers::integers});
  }
  return result;
}

template <class Value>
std::string_view bytes_of(const Value* numbers, Index count) {
  return {reinterpret_cast<const char*>(numbers), sizeof(Value) * static_cast<std::size_t>(count)};
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

/// Of large data some rows at a time: whoever waits wants to be able to stop.
void write_rows(Hdf5File& file, const std::string& name, const Inputs& rows, const std::atomic<bool>* stop) {
  if (rows.size() == 0) {
    file.write<double>(name, {rows.rows(), rows.cols()}, {});
    return;
  }
  const Index at_once = std::max<Index>(1, (Index{1} << 20) / rows.cols());
  file.reserve<double>(name, {rows.rows(), rows.cols()});
  for (Index first = 0; first < rows.rows(); first += at_once) {
    if (first > 0) {
      stop_if_asked(stop, "writing the data into trajectory.h5");
    }
    const Index count = std::min(at_once, rows.rows() - first);
    file.write_rows<double>(name, first, {rows.row(first).data(), static_cast<std::size_t>(count * rows.cols())});
  }
}

void write_vector(Hdf5File& file, const std::string& name, const Vector& numbers) {
  file.write<double>(name, {numbers.size()}, {numbers.data(), static_cast<std::size_t>(numbers.size())});
}

void write_data_group(Hdf5File& file, const Dataset& data, const std::atomic<bool>* stop) {
  file.make_group("/data");
  file.write_attribute("/data", "description", data.description);
  write_rows(file, "/data/train_inputs", data.train_inputs, stop);
  write_vector(file, "/data/train_targets", data.train_targets);
  write_rows(file, "/data/test_inputs", data.test_inputs, stop);
  write_vector(file, "/data/test_targets", data.test_targets);
  if (data.teacher) {
    write_rows(file, "/data/teacher_directions", data.teacher->directions, stop);
    write_vector(file, "/data/teacher_amplitudes", data.teacher->amplitudes);
  }
  if (data.relevant_subspace.cols() > 0) {
    write_rows(file, "/data/relevant_subspace", data.relevant_subspace, stop);
  }
}

}  // namespace

TrajectoryFile::TrajectoryFile(const FilePlace& place, const TrajectoryInfo& info, const Dataset& data,
                               const std::atomic<bool>* stop)
    : rows_(std::ssize(info.particles), std::ssize(info.parameter_names)), has_velocities_(info.velocities) {
  assert(rows_.size() > 0);
  const std::vector<hdf5::GrowingSet> sets = growing_sets(info);
  const FilePlace temporary = place.beside("trajectory.new.h5");
  Hdf5File file = Hdf5File::create(temporary);
  file.make_growing(in_file(sets));
  if (info.velocities) {  // of the same frames, which H5MD writes so
    file.link("/particles/neurons/position/step", "/particles/neurons/velocity/step");
    file.link("/particles/neurons/position/time", "/particles/neurons/velocity/time");
  }
  write_h5md_group(file);
  write_particles_group(file, info);
  file.write("/parameters/names", info.parameter_names);
  file.write_attribute("/parameters", "step_size", info.step_size);
  write_data_group(file, data, stop);
  file.close();
  file_.emplace(temporary, sets, stop);
  file_->rename(place);
}

TrajectoryFile::TrajectoryFile(const FilePlace& place, std::int64_t num_frames, const TrajectoryInfo& info,
                               std::int64_t last_step, const std::atomic<bool>* stop)
    : rows_(std::ssize(info.particles), std::ssize(info.parameter_names)), has_velocities_(info.velocities) {
  files::make_own(place.beside("trajectory.new.h5"), place);
  file_.emplace(place, growing_sets(info), num_frames, stop);
  std::array<char, sizeof(last_step_)> bytes{};
  file_->read_last(steps, bytes);
  last_step_ = hdf5::load<std::int64_t>({bytes.data(), bytes.size()}, 0);
  if (last_step_ > last_step) {
    throw FileError(
        fmt::format("cannot continue {}: frame {} is of step {}, and the checkpoint counts frames to step {}",
                    place.path.string(), num_frames, last_step_, last_step));
  }
  file_->cut();
}

void TrajectoryFile::append(const TrajectoryFrame& frame) {
  const auto has_shape = [this](const Matrix& matrix) {
    return matrix.rows() == rows_.rows() && matrix.cols() == rows_.cols();
  };
  assert(has_shape(frame.positions) && (has_velocities_ ? has_shape(frame.velocities) : frame.velocities.size() == 0));
  static_cast<void>(has_shape);
  rows_ = frame.positions;
  velocity_rows_ = frame.velocities;
  std::array<std::string_view, 4> rows;
  rows[steps] = bytes_of(&frame.step, 1);
  rows[times] = bytes_of(&frame.time, 1);
  rows[positions] = bytes_of(rows_.data(), rows_.size());
  rows[velocities] = bytes_of(velocity_rows_.data(), velocity_rows_.size());
  file_->append(std::span(rows).first(has_velocities_ ? 4 : 3));
  last_step_ = frame.step;
}

void TrajectoryFile::finish() {
  file_->finish();
  file_.reset();
}

}  // namespace mfld::record
