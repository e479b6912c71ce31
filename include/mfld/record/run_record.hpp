#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mfld/core/particles.hpp"
#include "mfld/dynamics/ending.hpp"
#include "mfld/record/checkpoint.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// Where a branch began.
struct Parent {
  std::string directory;
  std::int64_t step = 0;
  std::int64_t seed = 0;  // of the parent's noise
  std::uint64_t experiment_hash = 0;
};

/// How a run ended, for summary.json.
struct RunSummary {
  RunEnd end;                       // running from a checkpoint on until then
  std::string message;              // where and why, one sentence
  std::vector<std::string> advice;  // what to change where it disappoints, a sentence each
  double time = 0;
  std::int64_t gradient_evaluations = 0;
  std::optional<Parent> parent;  // of a branch
  std::int64_t sessions = 1;     // times the run was begun or resumed, as far as they left a summary
  double wall_seconds = 0;       // of all sessions; of one that was killed, up to its last checkpoint
  double step_seconds = 0;       // the parts: of the last session
  double pass_seconds = 0;       // passes of the network that observables need
  double observe_seconds = 0;    // the rest of what they need
  // What the steps waited for files.
  double write_seconds = 0;
  std::vector<std::string> columns;  // of metrics.csv after step, phase, time, gradient_evaluations
  std::vector<double> final_values;  // one per column; a non-finite number becomes null in the JSON
};

/// The last row of a metrics.csv that is continued.
struct LastRow {
  std::int64_t step = -1;  // -1: there is none
  std::vector<double> values;
};

/// What a trajectory holds besides the positions.
struct TrajectoryInfo {
  std::vector<Index> particles;              // which particles, ascending
  std::vector<std::string> parameter_names;  // p names: "r", "w_1", .., "b"
  double step_size = 0;                      // stored for reference
  bool velocities = false;                   // whether its frames have them
};

struct TrajectoryFrame {
  std::int64_t step = 0;
  double time = 0;
  Matrix positions;   // [particles x p]
  Matrix velocities;  // [particles x p], or empty where TrajectoryInfo has none

  /// In the file.
  std::size_t num_bytes() const {
    return sizeof(step) + sizeof(time) +
           sizeof(double) * static_cast<std::size_t>(positions.size() + velocities.size());
  }
};

/// Where a run leaves what it finds: a run directory, which has the words on each of these, or memory. Knows no
/// mathematics.
class RunRecord {
 public:
  virtual ~RunRecord() = default;

  /// What an earlier session left.
  virtual std::optional<RunSummary> earlier_summary() const = 0;
  /// Whether the text of the experiment need not be written any more.
  virtual bool has_experiment() const = 0;
  /// Where it is now; empty where that is nowhere.
  virtual std::filesystem::path present_path() const = 0;

  virtual void write_experiment(const std::string& text) = 0;
  virtual void remove_experiment() = 0;

  virtual void start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) = 0;
  virtual LastRow continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                                   std::int64_t last_step) = 0;
  virtual void append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                              std::span<const double> values) = 0;

  virtual void start_trajectory(const TrajectoryInfo& info, const Dataset& data, const std::atomic<bool>* stop) = 0;
  virtual std::int64_t continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info, std::int64_t last_step,
                                           const std::atomic<bool>* stop) = 0;
  virtual void append_trajectory(TrajectoryFrame frame) = 0;
  virtual void finish_trajectory() = 0;

  virtual void write_checkpoint(const LentCheckpoint& checkpoint) = 0;
  /// The one just written, of this step, stays when others follow.
  virtual void keep_checkpoint(std::int64_t step) = 0;
  virtual void write_predictions(const std::vector<std::string>& comments, const Dataset& data,
                                 std::span<const double> outputs, std::span<const double> std) = 0;
  virtual void write_summary(const RunSummary& summary) = 0;

 protected:
  RunRecord() = default;
  RunRecord(const RunRecord&) = default;
  RunRecord(RunRecord&&) = default;
  RunRecord& operator=(const RunRecord&) = default;
  RunRecord& operator=(RunRecord&&) = default;
};

}  // namespace mfld
