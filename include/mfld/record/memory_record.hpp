#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mfld/record/run_record.hpp"

namespace mfld {

/// What a run leaves, kept in memory: a run without a directory.
class MemoryRecord final : public RunRecord {
 public:
  /// The rows of metrics.csv.
  struct Rows {
    std::vector<std::int64_t> step;
    std::vector<std::int64_t> phase;
    std::vector<double> time;
    std::vector<std::int64_t> gradient_evaluations;
    std::vector<double> values;  // [rows x columns], row by row
  };

  const std::vector<std::string>& columns() const { return columns_; }
  const Rows& rows() const { return rows_; }
  const TrajectoryInfo& trajectory() const { return trajectory_; }
  const std::vector<TrajectoryFrame>& frames() const { return frames_; }  // none where there is no trajectory
  bool has_predictions() const { return !outputs_.empty(); }
  const std::vector<double>& outputs() const { return outputs_; }  // of the test samples
  const std::vector<double>& outputs_std() const { return std_; }  // theirs, or empty
  const RunSummary& summary() const { return summary_; }

  /// Begins with what an earlier session recorded, which the run goes on from.
  void remember(Rows rows, std::vector<TrajectoryFrame> frames);

  std::optional<RunSummary> earlier_summary() const override { return std::nullopt; }
  bool has_experiment() const override { return true; }  // its caller has it
  std::filesystem::path present_path() const override { return {}; }

  void write_experiment(const std::string& /*text*/) override {}
  void remove_experiment() override {}
  void start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) override;
  LastRow continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                           std::int64_t last_step) override;
  void append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                      std::span<const double> values) override;
  void start_trajectory(const TrajectoryInfo& info, const Dataset& data, const std::atomic<bool>* stop) override;
  std::int64_t continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info, std::int64_t last_step,
                                   const std::atomic<bool>* stop) override;
  void append_trajectory(TrajectoryFrame frame) override { frames_.push_back(std::move(frame)); }
  void finish_trajectory() override {}
  void write_checkpoint(const LentCheckpoint& /*checkpoint*/) override {}
  void keep_checkpoint(std::int64_t /*step*/) override {}
  void write_predictions(const std::vector<std::string>& comments, const Dataset& data, std::span<const double> outputs,
                         std::span<const double> std) override;
  void write_summary(const RunSummary& summary) override { summary_ = summary; }

 private:
  std::vector<std::string> columns_;
  Rows rows_;
  TrajectoryInfo trajectory_;
  std::vector<TrajectoryFrame> frames_;
  std::vector<double> outputs_;
  std::vector<double> std_;
  RunSummary summary_;
};

}  // namespace mfld
