#include "mfld/experiment/run_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "experiment/posix_file.hpp"
#include "experiment/summary_json.hpp"
#include "experiment/trajectory_file.hpp"
#include "mfld/core/error.hpp"

namespace mfld {

namespace {

/// Every line of `text` as a comment of its own.
std::string comment_lines(std::string_view text) {
  std::string result;
  while (true) {
    const std::size_t end = text.find('\n');
    result += fmt::format("# {}\n", text.substr(0, end));
    if (end == std::string_view::npos) {
      return result;
    }
    text.remove_prefix(end + 1);
  }
}

/// The shortest text that reads back to the same double; a sign of "not a number" means nothing and is dropped.
void append_number(fmt::memory_buffer& row, double value) {
  if (std::isnan(value)) {
    fmt::format_to(std::back_inserter(row), ",nan");
  } else {
    fmt::format_to(std::back_inserter(row), ",{}", value);
  }
}

/// step, phase, time and gradient_evaluations.
constexpr std::size_t num_own_columns = 4;

LastRow parse_row(const std::string& row) {
  LastRow result;
  result.step = std::strtoll(row.c_str(), nullptr, 10);
  std::size_t column = 0;
  for (std::size_t comma = row.find(','); comma != std::string::npos; comma = row.find(',', comma + 1)) {
    if (++column >= num_own_columns) {
      result.values.push_back(std::strtod(row.c_str() + comma + 1, nullptr));
    }
  }
  return result;
}

/// `path` under a second name, so that neither is missing at any moment; renamed where the file system has no links.
void keep_as(const std::filesystem::path& path, const std::filesystem::path& temporary,
             const std::filesystem::path& kept) {
  std::error_code error;
  std::filesystem::remove(temporary, error);
  std::filesystem::create_hard_link(path, temporary, error);
  rename_file(error ? path : temporary, kept);
}

/// What a run leaves that was killed before it had an experiment.toml: half of the first file it writes.
bool is_leftover(const std::filesystem::directory_entry& entry) {
  const std::filesystem::path name = entry.path().filename();
  return name == "experiment.new.toml" || name == "checkpoint.new.h5";
}

}  // namespace

struct RunDirectory::Files {
  std::filesystem::path path;
  std::optional<PosixFile> lock;
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();

  /// Whether a loss would cost more than making it lasting, which takes milliseconds a file: thousands of short runs
  /// would otherwise do little else. A killed process loses neither; only a machine that stops within the first second
  /// does.
  Write write() const {
    return std::chrono::steady_clock::now() - opened > std::chrono::seconds(1) ? Write::lasting : Write::passing;
  }
  std::optional<PosixFile> metrics;
  std::size_t num_columns = 0;
  fmt::memory_buffer row;
  std::optional<TrajectoryFile> trajectory;
};

RunDirectory::RunDirectory() : files_(std::make_unique<Files>()) {}
RunDirectory::~RunDirectory() = default;
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;

RunDirectory RunDirectory::create(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status)) {
    if (!std::filesystem::is_directory(status)) {
      throw InvalidInput(fmt::format("output directory {} is a file; give a new or empty directory", path.string()));
    }
    const std::filesystem::directory_iterator files(path, error);
    if (!error && !std::all_of(begin(files), end(files), is_leftover)) {
      throw InvalidInput(
          fmt::format("output directory {} exists and is not empty; give a new or empty directory", path.string()));
    }
  } else {
    std::filesystem::create_directories(path, error);
  }
  if (error) {
    throw FileError(fmt::format("cannot make directory {}: {}", path.string(), error.message()));
  }
  return reopen(path);
}

RunDirectory RunDirectory::reopen(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    throw FileError(fmt::format("cannot make directory {}: {}", path.string(), error.message()));
  }
  RunDirectory result;
  result.files_->path = path;
  result.files_->lock = PosixFile::open_stream(path);
  if (!result.files_->lock->try_lock()) {
    throw FileError(fmt::format("cannot write into {}: another process is running there", path.string()));
  }
  return result;
}

const std::filesystem::path& RunDirectory::path() const { return files_->path; }

void RunDirectory::write_experiment(const std::string& text) {
  replace_file(path() / "experiment.new.toml", path() / "experiment.toml", text, files_->write());
}

void RunDirectory::start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) {
  std::string head;
  for (const std::string& comment : comments) {
    head += comment_lines(comment);
  }
  head += "step,phase,time,gradient_evaluations";
  for (const std::string& column : columns) {
    head += ',' + column;
  }
  head += '\n';
  files_->metrics = PosixFile::create(path() / "metrics.new.csv");
  files_->num_columns = columns.size();
  files_->metrics->append(head);
  files_->metrics->rename(path() / "metrics.csv");
}

LastRow RunDirectory::continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                                       std::int64_t last_step) {
  const auto metrics = path() / "metrics.csv";
  files_->metrics = PosixFile::open_for_appending(metrics);
  files_->num_columns = columns.size();
  std::ifstream stream(metrics, std::ios::binary);
  std::size_t size = 0;
  std::int64_t rows = -1;  // the names of the columns come first
  std::string row;
  for (std::string line; rows < num_rows && std::getline(stream, line) && !stream.eof();) {
    size += line.size() + 1;
    if (!line.starts_with('#')) {
      ++rows;
      row = std::move(line);
    }
  }
  LastRow last = rows > 0 ? parse_row(row) : LastRow();
  if (rows < num_rows || (rows > 0 && last.values.size() != columns.size())) {
    throw FileError(
        fmt::format("cannot continue {}: it has {} complete rows of {} columns and the checkpoint counts {} of {}",
                    metrics.string(), std::max<std::int64_t>(rows, 0), last.values.size() + num_own_columns, num_rows,
                    columns.size() + num_own_columns));
  }
  if (last.step > last_step) {
    throw FileError(fmt::format("cannot continue {}: row {} is of step {}, and the checkpoint counts rows to step {}",
                                metrics.string(), num_rows, last.step, last_step));
  }
  files_->metrics->truncate(size);
  return last;
}

void RunDirectory::append_metrics(std::int64_t step, std::int64_t phase, double time, std::int64_t gradient_evaluations,
                                  std::span<const double> values) {
  assert(files_->metrics && values.size() == files_->num_columns);
  fmt::memory_buffer& row = files_->row;
  row.clear();
  fmt::format_to(std::back_inserter(row), "{},{}", step, phase);
  append_number(row, time);
  fmt::format_to(std::back_inserter(row), ",{}", gradient_evaluations);
  for (const double value : values) {
    append_number(row, value);
  }
  row.push_back('\n');
  files_->metrics->append({row.data(), row.size()});
}

void RunDirectory::start_trajectory(const TrajectoryInfo& info, const Dataset& data, const std::atomic<bool>* stop) {
  files_->trajectory.emplace(path() / "trajectory.h5", info, data, stop);
}

std::int64_t RunDirectory::continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info,
                                               std::int64_t last_step, const std::atomic<bool>* stop) {
  files_->trajectory.reset();
  return files_->trajectory.emplace(path() / "trajectory.h5", num_frames, info, last_step, stop).last_step();
}

void RunDirectory::finish_trajectory() {
  if (files_->trajectory) {
    files_->trajectory->finish();
    sync_file(path());  // its name
  }
}

void RunDirectory::append_trajectory(std::int64_t step, double time, const Eigen::Ref<const Matrix>& positions) {
  assert(files_->trajectory);
  files_->trajectory->append(step, time, positions);
}

void RunDirectory::write_checkpoint(const LentCheckpoint& checkpoint) {
  const auto fresh = path() / "checkpoint.new.h5";
  const auto current = path() / "checkpoint.h5";
  save_checkpoint(checkpoint, fresh);
  const bool lasting = files_->write() == Write::lasting;
  if (lasting) {
    sync_file(fresh);
    sync_file(path() / "metrics.csv");
    sync_file(path() / "trajectory.h5");
  }
  std::error_code error;
  if (std::filesystem::exists(current, error)) {
    keep_as(current, path() / "checkpoint.kept.h5", path() / "checkpoint.previous.h5");
  }
  rename_file(fresh, current);
  if (lasting) {
    sync_file(path());
  }
}

void RunDirectory::write_predictions(const std::vector<std::string>& comments, const Dataset& data,
                                     std::span<const double> outputs, std::span<const double> std) {
  assert(std::ssize(outputs) == data.num_test() && (std.empty() || std.size() == outputs.size()));
  fmt::memory_buffer text;
  const auto to_text = std::back_inserter(text);
  for (const std::string& comment : comments) {
    fmt::format_to(to_text, "{}", comment_lines(comment));
  }
  for (Index k = 1; k <= data.input_dim(); ++k) {
    fmt::format_to(to_text, "x_{},", k);
  }
  fmt::format_to(to_text, "target,output{}\n", std.empty() ? "" : ",std");
  for (Index i = 0; i < data.num_test(); ++i) {
    for (Index k = 0; k < data.input_dim(); ++k) {
      fmt::format_to(to_text, "{},", data.test_inputs(i, k));
    }
    fmt::format_to(to_text, "{}", data.test_targets(i));
    append_number(text, outputs[static_cast<std::size_t>(i)]);
    if (!std.empty()) {
      append_number(text, std[static_cast<std::size_t>(i)]);
    }
    text.push_back('\n');
  }
  replace_file(path() / "predictions.new.csv", path() / "predictions.csv", {text.data(), text.size()}, files_->write());
}

void RunDirectory::write_summary(const RunSummary& summary) {
  replace_file(path() / "summary.new.json", path() / "summary.json", to_json(summary), files_->write());
}

}  // namespace mfld
