#include "runs/shared_record.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mfld/core/divided_rows.hpp"

namespace mfld::runs {

namespace {

template <class Number>
void share(Ranks& ranks, Number& number) {
  ranks.broadcast(std::as_writable_bytes(std::span(&number, 1)), 0);
}

/// Rows of a matrix of the checkpoint that rank 0 writes.
struct Request {
  std::int64_t matrix = -1;  // its place in the list; -1: it has all
  Index first = 0;
  Index count = 0;
};

RowRange part_of(const Request& request, RowRange own) {
  return {std::max(request.first, own.first), std::min(request.first + request.count, own.last)};
}

std::span<std::byte> bytes_of(double* numbers, Index count) {
  return std::as_writable_bytes(std::span(numbers, static_cast<std::size_t>(count)));
}

}  // namespace

std::optional<RunSummary> SharedRecord::earlier_summary() const {
  return record_ == nullptr ? std::nullopt : record_->earlier_summary();
}

bool SharedRecord::has_experiment() const {
  bool has = record_ != nullptr && record_->has_experiment();
  share(*ranks_, has);
  return has;
}

std::filesystem::path SharedRecord::present_path() const {
  std::string path = record_ == nullptr ? std::string() : record_->present_path().string();
  std::size_t size = path.size();
  share(*ranks_, size);
  path.resize(size);
  ranks_->broadcast(std::as_writable_bytes(std::span(path)), 0);
  return path;
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

void SharedRecord::append_trajectory(TrajectoryFrame frame) {
  if (record_ != nullptr) {
    record_->append_trajectory(std::move(frame));
  }
}

void SharedRecord::finish_trajectory() {
  if (record_ != nullptr) {
    record_->finish_trajectory();
  }
}

void SharedRecord::write_checkpoint(const LentCheckpoint& checkpoint) {
  if (record_ == nullptr) {
    lend_rows(checkpoint);
    return;
  }
  LentCheckpoint whole = checkpoint;
  for (std::size_t index = 0; index < whole.matrices.size(); ++index) {
    LentMatrix& matrix = whole.matrices[index].second;
    if (matrix.is_of_particles()) {
      const auto collected = [this, own = matrix, index](Index first, Index count) {
        return collect(own, static_cast<std::int64_t>(index), first, count);
      };
      matrix = LentMatrix(matrix.rows(), matrix.cols(), collected);
    }
  }
  record_->write_checkpoint(whole);
  Request over;
  share(*ranks_, over);
}

/// Of rank 0: those rows of a matrix, whoever has them.
Inputs SharedRecord::collect(const LentMatrix& matrix, std::int64_t index, Index first, Index count) const {
  Request request = {index, first, count};
  share(*ranks_, request);
  Inputs rows(count, matrix.cols());
  for (int rank = 0; rank < ranks_->count(); ++rank) {
    const RowRange part = part_of(request, rows_of(row_cuts_, rank));
    if (part.count() <= 0 || matrix.cols() == 0) {
      continue;
    }
    if (rank == 0) {
      rows.middleRows(part.first - first, part.count()) = matrix.block(part.first, part.count());
    } else {
      ranks_->receive(bytes_of(rows.row(part.first - first).data(), part.count() * matrix.cols()), rank);
    }
  }
  return rows;
}

/// Of the others: what rank 0 asks for, until it has all.
void SharedRecord::lend_rows(const LentCheckpoint& checkpoint) const {
  Request request;
  for (share(*ranks_, request); request.matrix >= 0; share(*ranks_, request)) {
    const LentMatrix& matrix = checkpoint.matrices[static_cast<std::size_t>(request.matrix)].second;
    const RowRange part = part_of(request, rows_of(row_cuts_, ranks_->rank()));
    if (part.count() > 0 && matrix.cols() > 0) {
      Inputs rows = matrix.block(part.first, part.count());
      ranks_->send(bytes_of(rows.data(), rows.size()), 0);
    }
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
