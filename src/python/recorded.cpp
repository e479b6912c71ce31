#include "python/recorded.hpp"

#include <algorithm>

#include "mfld/core/error.hpp"
#include "python/arrays.hpp"

namespace mfld::python {

namespace {

std::span<const double> span_of(const Vector& vector) {
  return {vector.data(), static_cast<std::size_t>(vector.size())};
}

py::array_t<std::int64_t> integers(const std::vector<std::int64_t>& values) {
  py::array_t<std::int64_t> array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

/// [frames, particles, p]
py::array_t<double> stacked(const std::vector<TrajectoryFrame>& frames, Matrix TrajectoryFrame::*part) {
  const Index num_particles = (frames.front().*part).rows();
  const Index num_parameters = (frames.front().*part).cols();
  py::array_t<double> array({std::ssize(frames), num_particles, num_parameters});
  double* to = array.mutable_data();
  for (const TrajectoryFrame& frame : frames) {
    Eigen::Map<Inputs>(to, num_particles, num_parameters) = frame.*part;
    to += num_particles * num_parameters;
  }
  return array;
}

}  // namespace

py::dict data_of(const Dataset& data) {
  py::dict arrays;
  arrays["train_inputs"] = array_of(data.train_inputs);
  arrays["train_targets"] = array_of(span_of(data.train_targets));
  arrays["test_inputs"] = array_of(data.test_inputs);
  arrays["test_targets"] = array_of(span_of(data.test_targets));
  if (data.teacher) {
    arrays["teacher_directions"] = array_of(data.teacher->directions);
    arrays["teacher_amplitudes"] = array_of(span_of(data.teacher->amplitudes));
  }
  if (data.relevant_subspace.cols() > 0) {
    arrays["relevant_subspace"] = array_of(data.relevant_subspace);
  }
  return arrays;
}

py::object trajectory_of(const MemoryRecord& record) {
  if (record.frames().empty()) {
    return py::none();
  }
  std::vector<std::int64_t> steps;
  std::vector<double> times;
  for (const TrajectoryFrame& frame : record.frames()) {
    steps.push_back(frame.step);
    times.push_back(frame.time);
  }
  const TrajectoryInfo& info = record.trajectory();
  py::dict trajectory;
  trajectory["positions"] = stacked(record.frames(), &TrajectoryFrame::positions);
  trajectory["velocities"] =
      info.velocities ? py::object(stacked(record.frames(), &TrajectoryFrame::velocities)) : py::none();
  trajectory["steps"] = integers(steps);
  trajectory["times"] = array_of(times);
  trajectory["ids"] = integers({info.particles.begin(), info.particles.end()});
  trajectory["names"] = info.parameter_names;
  return trajectory;
}

py::object predictions_of(const MemoryRecord& record) {
  if (!record.has_predictions()) {
    return py::none();
  }
  py::dict predictions;
  predictions["output"] = array_of(record.outputs());
  if (!record.outputs_std().empty()) {
    predictions["std"] = array_of(record.outputs_std());
  }
  return predictions;
}

py::dict rows_of(const MemoryRecord& record) {
  const MemoryRecord::Rows& rows = record.rows();
  py::dict columns;
  columns["step"] = integers(rows.step);
  columns["phase"] = integers(rows.phase);
  columns["time"] = array_of(rows.time);
  columns["gradient_evaluations"] = integers(rows.gradient_evaluations);
  const std::size_t num_columns = record.columns().size();
  for (std::size_t k = 0; k < num_columns; ++k) {
    std::vector<double> values;
    for (std::size_t i = 0; i < rows.step.size(); ++i) {
      values.push_back(rows.values[i * num_columns + k]);
    }
    columns[py::str(record.columns()[k])] = array_of(values);
  }
  return columns;
}

namespace {

template <class Number>
std::vector<Number> column_of(const py::dict& columns, const char* name) {
  const auto array = py::array_t<Number, py::array::c_style | py::array::forcecast>::ensure(columns[name]);
  return {array.data(), array.data() + array.size()};
}

/// Frame i of an array [frames, particles, p].
Matrix frame_of(const py::array_t<double, py::array::c_style | py::array::forcecast>& array, py::ssize_t i) {
  return Eigen::Map<const Inputs>(array.data(i, 0, 0), array.shape(1), array.shape(2));
}

}  // namespace

MemoryRecord::Rows rows_from(const py::dict& columns) {
  MemoryRecord::Rows rows;
  rows.step = column_of<std::int64_t>(columns, "step");
  rows.phase = column_of<std::int64_t>(columns, "phase");
  rows.time = column_of<double>(columns, "time");
  rows.gradient_evaluations = column_of<std::int64_t>(columns, "gradient_evaluations");
  rows.values = column_of<double>(columns, "values");
  return rows;
}

std::vector<TrajectoryFrame> frames_from(const py::object& trajectory) {
  std::vector<TrajectoryFrame> frames;
  if (trajectory.is_none()) {
    return frames;
  }
  using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
  const py::dict parts = trajectory;
  const auto steps = column_of<std::int64_t>(parts, "steps");
  const auto times = column_of<double>(parts, "times");
  const auto positions = Array::ensure(parts["positions"]);
  const py::object velocities = parts["velocities"];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto k = static_cast<py::ssize_t>(i);
    TrajectoryFrame frame = {steps[i], times[i], positions.size() == 0 ? Matrix() : frame_of(positions, k), {}};
    if (!velocities.is_none()) {
      frame.velocities = frame_of(Array::ensure(velocities), k);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

}  // namespace mfld::python
