#include "mfld/record/run_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/comments.hpp"
#include "files/line_reader.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/observe/own_columns.hpp"
#include "record/frame_writer.hpp"
#include "record/summary_json.hpp"
#include "record/trajectory_file.hpp"

namespace mfld {

namespace {

/// The shortest text that reads back to the same double; a sign of "not a number" means nothing and is dropped.
void append_number(fmt::memory_buffer& row, double value) {
  if (std::isnan(value)) {
    fmt::format_to(std::back_inserter(row), ",nan");
  } else {
    fmt::format_to(std::back_inserter(row), ",{}", value);
  }
}

constexpr const char* begun_checkpoint = "checkpoint.h5";

LastRow parse_row(const std::string& row) {
  LastRow result;
  result.step = std::strtoll(row.c_str(), nullptr, 10);
  std::size_t column = 0;
  for (std::size_t comma = row.find(','); comma != std::string::npos; comma = row.find(',', comma + 1)) {
    if (++column >= own_columns.size()) {
      result.values.push_back(std::strtod(row.c_str() + comma + 1, nullptr));
    }
  }
  return result;
}

/// The first rows of a metrics.csv.
struct MetricsHead {
  std::int64_t num_rows = 0;
  std::size_t size = 0;  // with what comes before them
  LastRow last;
};

/// So many of them, or all that there are.
MetricsHead head_of(const FilePlace& metrics, std::int64_t num_rows) {
  files::LineReader lines(files::PosixFile::open_for_reading(metrics));
  MetricsHead head;
  std::int64_t rows = -1;  // the names of the columns come first
  std::string row;
  for (std::string line; rows < num_rows && lines.next(line);) {
    head.size += line.size() + 1;
    if (!line.starts_with('#')) {
      ++rows;
      row = std::move(line);
    }
  }
  if (rows > 0) {
    head.num_rows = rows;
    head.last = parse_row(row);
  }
  return head;
}

/// `place` under a second name, so that neither is missing at any moment; renamed where the file system has no links.
void keep_as(const FilePlace& place, const FilePlace& temporary, const FilePlace& kept) {
  files::remove_file(temporary);
  const bool linked =
      ::linkat(place.directory, place.name.c_str(), temporary.directory, temporary.name.c_str(), 0) == 0;
  files::rename_file(linked ? temporary : place, kept);
}

/// Whether a branch that was killed before it had an experiment.toml left this checkpoint: none counts fewer rows.
bool is_of_killed_branch(const FilePlace& checkpoint) {
  try {
    const CheckpointNumbers begun = CheckpointFile(checkpoint).numbers();
    return begun.metrics_rows == 0 && begun.trajectory_frames == 0;
  } catch (const FileError&) {
    return false;
  }
}

/// What a run leaves that was killed before it had an experiment.toml: half of the first file it writes; of a branch
/// also the checkpoint that it begins with.
bool is_leftover(const Folder& folder, const std::string& name) {
  return name == "experiment.new.toml" || name == "checkpoint.new.h5" ||
         (name == begun_checkpoint && is_of_killed_branch(folder.place() / name));
}

/// Throws InvalidInput unless a run can begin there.
void check_is_new(const Folder& folder) {
  const std::vector<std::string> names = folder.names();
  if (!std::all_of(names.begin(), names.end(), [&](const std::string& name) { return is_leftover(folder, name); })) {
    const bool is_run = std::count(names.begin(), names.end(), "experiment.toml") > 0;
    throw InvalidInput(fmt::format(
        "output directory {} exists and is not empty; give a new or empty directory{}", folder.path().string(),
        is_run ? ", or go on with what is there: `mfld resume` finishes it, with --steps K it makes a run longer, and "
                 "`mfld branch` goes on with changes"
               : ""));
  }
}

/// The directory at `place`, made if need be, and whether it is locked for this process alone. Another may have taken
/// its place between the two.
std::pair<Folder, bool> locked_folder(const FilePlace& place) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    Folder folder = Folder::make(place);
    const bool locked = folder.try_lock();
    if (!locked || folder.is_in_place()) {
      return {std::move(folder), locked};
    }
  }
  throw FileError(fmt::format("cannot write into {}: it is replaced again and again", place.path.string()));
}

}  // namespace

MetricsEnds read_ends(const FilePlace& metrics) {
  MetricsEnds ends;
  files::LineReader lines(files::PosixFile::open_for_reading(metrics));
  for (std::string line; lines.next(line);) {
    if (line.starts_with('#')) {
      ends.comments.push_back(comments_in(line).front());
    } else {
      std::swap(ends.header.empty() ? ends.header : ends.last_row, line);
    }
  }
  return ends;
}

std::int64_t step_of_row(const FilePlace& metrics, std::int64_t num_rows) {
  const MetricsHead head = head_of(metrics, num_rows);
  return head.num_rows == num_rows ? head.last.step : -1;
}

std::string kept_checkpoint(std::int64_t step) { return fmt::format("checkpoint.{}.h5", step); }

std::optional<std::int64_t> step_of_kept_checkpoint(std::string_view name) {
  constexpr std::string_view start = "checkpoint.";
  std::int64_t step = -1;
  if (name.starts_with(start)) {
    std::from_chars(name.data() + start.size(), name.data() + name.size(), step);
  }
  return step >= 0 && name == kept_checkpoint(step) ? std::optional(step) : std::nullopt;
}

struct RunDirectory::Files {
  Folder folder;
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
  bool passes_soon = false;
  std::optional<files::PosixFile> metrics{};
  std::size_t num_columns = 0;
  fmt::memory_buffer row{};
  std::optional<record::TrajectoryFile> trajectory{};
  std::unique_ptr<record::FrameWriter> frames{};  // into it

  template <class... Arguments>
  record::TrajectoryFile& open_trajectory(const Arguments&... arguments) {
    frames.reset();
    trajectory.reset();
    record::TrajectoryFile& file = trajectory.emplace(arguments...);
    frames = std::make_unique<record::FrameWriter>([&file](const TrajectoryFrame& frame) { file.append(frame); });
    return file;
  }

  bool is_new() const { return std::chrono::steady_clock::now() - opened < std::chrono::seconds(1); }
  /// Whether a loss would cost more than making it lasting, which takes milliseconds a file. A killed process loses
  /// neither; only a machine that stops within the first second does.
  files::Write write() const { return is_new() ? files::Write::passing : files::Write::lasting; }
};

RunDirectory::RunDirectory(std::unique_ptr<Files> files) : files_(std::move(files)) {}
RunDirectory::~RunDirectory() = default;
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;

RunDirectory RunDirectory::create(const FilePlace& place) {
  struct stat attributes {};
  if (::fstatat(place.directory, place.name.c_str(), &attributes, 0) == 0 && !S_ISDIR(attributes.st_mode)) {
    throw InvalidInput(
        fmt::format("output directory {} is a file; give a new or empty directory", place.path.string()));
  }
  auto [folder, locked] = locked_folder(place);
  check_is_new(folder);
  if (!locked) {
    throw InvalidInput(fmt::format("output directory {} is taken by another process; give a new or empty directory",
                                   place.path.string()));
  }
  files::remove_file(folder.place() / begun_checkpoint);  // or it would be the new run's
  return RunDirectory(std::make_unique<Files>(Files{std::move(folder)}));
}

RunDirectory RunDirectory::reopen(const FilePlace& place) {
  auto [folder, locked] = locked_folder(place);
  if (!locked) {
    throw FileError(fmt::format("cannot write into {}: another process is running there", place.path.string()));
  }
  return RunDirectory(std::make_unique<Files>(Files{std::move(folder)}));
}

const std::filesystem::path& RunDirectory::path() const { return files_->folder.path(); }

std::filesystem::path RunDirectory::present_path() const { return files_->folder.present_path(); }

FilePlace RunDirectory::place() const { return files_->folder.place(); }

Folder RunDirectory::folder() const { return files_->folder.again(); }

void RunDirectory::unmake() { files_->folder.unmake(); }

void RunDirectory::pass_if_soon() { files_->passes_soon = true; }

bool RunDirectory::has_experiment() const { return files::exists(place() / "experiment.toml"); }

void RunDirectory::remove_experiment() { files::remove_file(place() / "experiment.toml"); }

void RunDirectory::write_experiment(const std::string& text) {
  files::replace_file(place() / "experiment.new.toml", place() / "experiment.toml", text, files_->write());
}

namespace {

std::string metrics_head(const std::vector<std::string>& comments, const std::vector<std::string>& columns) {
  std::string head;
  for (const std::string& comment : comments) {
    head += comment_line(comment);
  }
  head += fmt::format("{}", fmt::join(own_columns, ","));
  for (const std::string& column : columns) {
    head += ',' + column;
  }
  return head + '\n';
}

}  // namespace

void RunDirectory::start_metrics(const std::vector<std::string>& comments, const std::vector<std::string>& columns) {
  files_->metrics = files::PosixFile::create(place() / "metrics.new.csv");
  files_->num_columns = columns.size();
  files_->metrics->append(metrics_head(comments, columns));
  files_->metrics->rename(place() / "metrics.csv");
}

void RunDirectory::replace_metrics_head(const std::vector<std::string>& comments,
                                        const std::vector<std::string>& columns, std::int64_t num_rows) {
  const auto metrics = place() / "metrics.csv";
  files::LineReader lines(files::PosixFile::open_for_reading(metrics));
  files::PosixFile replaced = files::PosixFile::create(place() / "metrics.new.csv");
  replaced.append(metrics_head(comments, columns));
  std::int64_t rows = -1;  // the names of the columns come first
  for (std::string line; rows < num_rows && lines.next(line);) {
    if (!line.starts_with('#') && rows++ >= 0) {
      replaced.append(line + '\n');
    }
  }
  if (rows < num_rows) {
    throw FileError(fmt::format("cannot continue {}: it has {} complete rows and the checkpoint counts {}",
                                metrics.path.string(), std::max<std::int64_t>(rows, 0), num_rows));
  }
  replaced.sync();
  replaced.rename(metrics);
}

LastRow RunDirectory::continue_metrics(std::int64_t num_rows, const std::vector<std::string>& columns,
                                       std::int64_t last_step) {
  const auto metrics = place() / "metrics.csv";
  files_->num_columns = columns.size();
  MetricsHead head = head_of(metrics, num_rows);
  LastRow last = std::move(head.last);
  if (head.num_rows < num_rows || (num_rows > 0 && last.values.size() != columns.size())) {
    throw FileError(
        fmt::format("cannot continue {}: it has {} complete rows of {} columns and the checkpoint counts {} of {}",
                    metrics.path.string(), head.num_rows, last.values.size() + own_columns.size(), num_rows,
                    columns.size() + own_columns.size()));
  }
  if (last.step > last_step) {
    throw FileError(fmt::format("cannot continue {}: row {} is of step {}, and the checkpoint counts rows to step {}",
                                metrics.path.string(), num_rows, last.step, last_step));
  }
  files::make_own(place() / "metrics.new.csv", metrics);
  files_->metrics = files::PosixFile::open_for_appending(metrics);
  files_->metrics->truncate(head.size);
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
  files_->open_trajectory(place() / "trajectory.h5", info, data, stop);
}

std::int64_t RunDirectory::continue_trajectory(std::int64_t num_frames, const TrajectoryInfo& info,
                                               std::int64_t last_step, const std::atomic<bool>* stop) {
  return files_->open_trajectory(place() / "trajectory.h5", num_frames, info, last_step, stop).last_step();
}

void RunDirectory::finish_trajectory() {
  if (files_->trajectory) {
    drain_trajectory();
    files_->frames.reset();
    files_->trajectory->finish();
    files::sync_file(place());  // its name
  }
}

void RunDirectory::append_trajectory(TrajectoryFrame frame) {
  assert(files_->frames);
  files_->frames->append(std::move(frame));
}

void RunDirectory::drain_trajectory() {
  if (files_->frames) {
    files_->frames->drain();
  }
}

void RunDirectory::write_checkpoint(const LentCheckpoint& checkpoint) {
  drain_trajectory();  // it counts frames
  const auto fresh = place() / "checkpoint.new.h5";
  const auto current = place() / "checkpoint.h5";
  save_checkpoint(checkpoint, fresh);
  const bool lasting = files_->write() == files::Write::lasting;
  if (lasting) {
    files::sync_file(fresh);
    files::sync_file(place() / "metrics.csv");
    files::sync_file(place() / "trajectory.h5");
  }
  if (files::exists(current)) {
    keep_as(current, place() / "checkpoint.kept.h5", place() / "checkpoint.previous.h5");
  }
  files::rename_file(fresh, current);
  if (lasting) {
    files::sync_file(place());
  }
}

void RunDirectory::keep_checkpoint(std::int64_t step) {
  keep_as(place() / "checkpoint.h5", place() / "checkpoint.kept.h5", place() / kept_checkpoint(step));
  if (files_->write() == files::Write::lasting) {
    files::sync_file(place());
  }
}

void RunDirectory::pass_on_kept_checkpoints(std::uint64_t from, std::uint64_t to) {
  const auto fresh = place() / "checkpoint.new.h5";
  for (const std::string& name : files_->folder.names()) {
    if (!step_of_kept_checkpoint(name)) {
      continue;
    }
    const CheckpointFile kept(place() / name);
    if (kept.numbers().experiment_hash == from) {
      LentCheckpoint checkpoint = kept.lend();
      checkpoint.experiment_hash = to;
      save_checkpoint(checkpoint, fresh);
      files::sync_file(fresh);
      files::rename_file(fresh, place() / name);
    }
  }
}

void RunDirectory::write_predictions(const std::vector<std::string>& comments, const Dataset& data,
                                     std::span<const double> outputs, std::span<const double> std) {
  assert(std::ssize(outputs) == data.num_test() && (std.empty() || std.size() == outputs.size()));
  fmt::memory_buffer text;
  const auto to_text = std::back_inserter(text);
  for (const std::string& comment : comments) {
    fmt::format_to(to_text, "{}", comment_line(comment));
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
  files::replace_file(place() / "predictions.new.csv", place() / "predictions.csv", {text.data(), text.size()},
                      files_->write());
}

void RunDirectory::make_lasting() {
  if (files_->metrics) {
    files_->metrics->sync();
  }
  for (const char* name : {"experiment.toml", "trajectory.h5", "checkpoint.h5", "predictions.csv"}) {
    files::sync_file(place() / name);
  }
  files::sync_file(place());
}

void RunDirectory::write_summary(const RunSummary& summary) {
  drain_trajectory();
  const bool is_last = summary.end.ending != Ending::running;
  const bool lasting = is_last ? !(files_->passes_soon && files_->is_new()) : files_->write() == files::Write::lasting;
  if (is_last && lasting) {
    make_lasting();
  }
  if (is_last && files_->metrics) {
    files_->metrics->close();
    files_->metrics.reset();
  }
  files::replace_file(place() / "summary.new.json", place() / "summary.json", to_json(summary),
                      lasting ? files::Write::lasting : files::Write::passing);
  if (lasting) {
    files::sync_file(place());
  }
}

}  // namespace mfld
