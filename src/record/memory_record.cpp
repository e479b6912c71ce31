#include "mfld/record/memory_record.hpp"

#include <cassert>

namespace mfld {

void MemoryRecord::start_metrics(const std::vector<std::string>& /*comments*/,
                                 const std::vector<std::string>& columns) {
  columns_ = columns;
}

/// No run goes on from a checkpoint that it could not have written.
LastRow MemoryRecord::continue_metrics(std::int64_t /*num_rows*/, const std::vector<std::string>& /*columns*/,
                                       std::int64_t /*last_step*/) {
  assert(false);
  return {};
}

std::int64_t MemoryRecord::continue_trajectory(std::int64_t /*num_frames*/, const TrajectoryInfo& /*info*/,
                                               std::int64_t /*last_step*/, const std::atomic<bool>* /*stop*/) {
  assert(false);
  return -1;
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
