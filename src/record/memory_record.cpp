#include "mfld/record/memory_record.hpp"

#include <utility>

#include "mfld/core/error.hpp"

namespace mfld {

void MemoryRecord::start_metrics(const std::vector<std::string>& /*comments*/,
                                 const std::vector<std::string>& columns) {
  columns_ = columns;
}

void MemoryRecord::remember(Rows rows, std::vector<TrajectoryFrame> frames) {
  rows_ = std::move(rows);
  frames_ = std::move(frames);
}

LastRow MemoryRecord::continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                                       std::int64_t /*last_step*/) {
  const auto count = static_cast<std::size_t>(num_rows);
  if (rows_.step.size() < count || rows_.values.size() != rows_.step.size() * columns.size()) {
    throw FileError("cannot continue: the recorded rows are not those that the checkpoint counts");
  }
  columns_ = columns;
  rows_.step.resize(count);
  rows_.phase.resize(count);
  rows_.time.resize(count);
  rows_.gradient_evaluations.resize(count);
  rows_.values.resize(count * columns.size());
  return {rows_.step.back(), {rows_.values.end() - std::ssize(columns), rows_.values.end()}};
}

std::int64_t MemoryRecord::continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info,
                                               std::int64_t /*last_step*/, const std::atomic<bool>* /*stop*/) {
  const auto count = static_cast<std::size_t>(num_frames);
  if (frames_.size() < count) {
    throw FileError("cannot continue: the recorded frames are fewer than the checkpoint counts");
  }
  trajectory_ = info;
  frames_.resize(count);
  return frames_.back().step;
}

void MemoryRecord::append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                                  std::span<const double> values) {
  rows_.step.push_back(step);
  rows_.phase.push_back(phase);
  rows_.time.push_back(time);
  rows_.gradient_evaluations.push_back(gradient_evaluations);
  rows_.values.insert(rows_.values.end(), values.begin(), values.end());
}

void MemoryRecord::start_trajectory(const TrajectoryInfo& info, const Dataset& /*data*/,
                                    const std::atomic<bool>* /*stop*/) {
  trajectory_ = info;
}

void MemoryRecord::write_predictions(const std::vector<std::string>& /*comments*/, const Dataset& /*data*/,
                                     std::span<const double> outputs, std::span<const double> std) {
  outputs_.assign(outputs.begin(), outputs.end());
  std_.assign(std.begin(), std.end());
}

}  // namespace mfld
