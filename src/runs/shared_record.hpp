#pragma once
#include <utility>
#include <vector>

#include "mfld/core/ranks.hpp"
#include "mfld/record/run_record.hpp"

namespace mfld::runs {

/// The record of a run that several ranks make together: rank 0 writes, and what the others must know of it, it tells
/// them. All ranks make the same calls.
class SharedRecord final : public RunRecord {
 public:
  /// record: that of rank 0; nullptr on the others. row_cuts [P + 1]: which rows of the matrices of particles a rank
  /// has. Refers to the first two.
  SharedRecord(Ranks& ranks, RunRecord* record, std::vector<Index> row_cuts)
      : ranks_(&ranks), record_(record), row_cuts_(std::move(row_cuts)) {}

  std::optional<RunSummary> earlier_summary() const override;
  bool has_experiment() const override;
  std::filesystem::path present_path() const override;
  void write_experiment(const std::string& text) override;
  void remove_experiment() override;
  void start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) override;
  LastRow continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                           std::int64_t last_step) override;
  void append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                      std::span<const double> values) override;
  void start_trajectory(const TrajectoryInfo& info, const Dataset& data, const std::atomic<bool>* stop) override;
  std::int64_t continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info, std::int64_t last_step,
                                   const std::atomic<bool>* stop) override;
  void append_trajectory(TrajectoryFrame frame) override;
  void finish_trajectory() override;
  /// Rows of others come to rank 0 as it writes them, some at a time.
  void write_checkpoint(const LentCheckpoint& checkpoint) override;
  void keep_checkpoint(std::int64_t step) override;
  void write_predictions(const std::vector<std::string>& comments, const Dataset& data, std::span<const double> outputs,
                         std::span<const double> std) override;
  void write_summary(const RunSummary& summary) override;

 private:
  Inputs collect(const LentMatrix& matrix, std::int64_t index, Index first, Index count) const;
  void lend_rows(const LentCheckpoint& checkpoint) const;

  Ranks* ranks_;
  RunRecord* record_;
  std::vector<Index> row_cuts_;
};

}  // namespace mfld::runs
