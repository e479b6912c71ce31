#pragma once
#include <vector>

#include "mfld/record/memory_record.hpp"
#include "mfld/task/dataset.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// What a run recorded, as arrays by name.
py::dict data_of(const Dataset& data);
/// The rows of metrics.csv: names, and columns by name.
py::dict rows_of(const MemoryRecord& record);
/// positions [frames, particles, p], velocities, steps, times, ids, names; None without a trajectory.
py::object trajectory_of(const MemoryRecord& record);
py::object predictions_of(const MemoryRecord& record);

/// The way back: of columns step, phase, time, gradient_evaluations [rows] and values [rows, columns], and of what
/// `trajectory_of` gives.
MemoryRecord::Rows rows_from(const py::dict& columns);
std::vector<TrajectoryFrame> frames_from(const py::object& trajectory);

}  // namespace mfld::python
