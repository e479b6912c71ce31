#include "runs/shared_record.hpp"

namespace mfld::runs {

namespace {

template <class Number>
void share(Ranks& ranks, Number& number) {
  ranks.broadcast(std::as_writable_bytes(std::span(&number, 1)), 0);
}

}  // namespace

std::optional<RunSummary> SharedRecord::earlier_summary() const {
  return record_ == nullptr ? std::nullopt : record_->earlier_summary();
}

std::filesystem::path SharedRecord::present_path() const {
  return record_ == nullptr ? std::filesystem::path() : record_->present_path();
}

void SharedRecord::write_experiment(const std::string& text) {
  if (record_ != nullptr) {
    record_->write_experiment(text);
  }
}

void SharedRecord::remove_experiment() {
  if (record_ != nullptr) {
    record_->remove_experiment();
  }
}

void SharedRecord::start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) {
  if (record_ != nullptr) {
    record_->start_metrics(comments, columns);
  }
}

LastRow SharedRecord::continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                                       std::int64_t last_step) {
  LastRow last;
  last.values.resize(columns.size());
  if (record_ != nullptr) {
    last = record_->continue_metrics(num_rows, columns, last_step);
  }
  share(*ranks_, last.step);
  ranks_->broadcast(std::as_writable_bytes(std::span(last.values)), 0);
  return last;
}

void SharedRecord::append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                                  std::span<const double> values) {
  if (record_ != nullptr) {
    record_->append_metrics(step, phase, time, gradient_evaluations, values);
  }
}

void SharedRecord::start_trajectory(const TrajectoryInfo& info, const Dataset& data, const std::atomic<bool>* stop) {
  if (record_ != nullptr) {
    record_->start_trajectory(info, data, stop);
  }
}

std::int64_t SharedRecord::continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info,
                                               std::int64_t last_step, const std::atomic<bool>* stop) {
  std::int64_t step = record_ == nullptr ? 0 : record_->continue_trajectory(num_frames, info, last_step, stop);
  share(*ranks_, step);
  return step;
}

void SharedRecord::append_trajectory(const TrajectoryFrame& frame) {
  if (record_ != nullptr) {
    record_->append_trajectory(frame);
  }
}

void SharedRecord::finish_trajectory() {
  if (record_ != nullptr) {
    record_->finish_trajectory();
  }
}

void SharedRecord::write_checkpoint(const LentCheckpoint& checkpoint) {
  if (record_ != nullptr) {
    record_->write_checkpoint(checkpoint);
  }
}

void SharedRecord::keep_checkpoint(std::int64_t step) {
  if (record_ != nullptr) {
    record_->keep_checkpoint(step);
  }
}

void SharedRecord::write_predictions(const std::vector<std::string>& comments, const Dataset& data,
                                     std::span<const double> outputs, std::span<const double> std) {
  if (record_ != nullptr) {
    record_->write_predictions(comments, data, outputs, std);
  }
}

void SharedRecord::write_summary(const RunSummary& summary) {
  if (record_ != nullptr) {
    record_->write_summary(summary);
  }
}

}  // namespace mfld::runs
