#include "mfld/experiment/sweep_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <mutex>
#include <new>

#include "experiment/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Experiments kept between their check and their run take this much memory at most.
constexpr double kept_bytes = 0x1p28;

Experiment build(const Plan& plan, const RunPlan& run, const SweepOptions& options) {
  try {
    return build_experiment(run.config, options.surroundings.in(plan.folder));
  } catch (const InvalidInput& error) {
    throw InvalidInput(fmt::format("run {}: {}", run.name, error.what()));
  }
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A field of a CSV file, quoted where it must be.
std::string csv_field(const Value& value) {
  const auto* text = value.as<std::string>();
  std::string plain = text != nullptr ? *text : to_toml_inline(value);
  if (plain.find_first_of(",\"\n") == std::string::npos) {
    return plain;
  }
  std::string quoted = "\"";
  for (const char c : plain) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + '"';
}

std::string index_row(const RunPlan& run, const RunSummary& summary, const std::vector<std::string>& columns) {
  std::string row = run.name + ',' + run.case_name;
  for (const auto& [key, value] : run.assignments) {
    row += ',' + csv_field(value);
  }
  row += fmt::format(",{},{},{:.6g}", summary.ending, summary.step, summary.wall_seconds);
  for (const std::string& column : columns) {
    const auto found = std::find(summary.columns.begin(), summary.columns.end(), column);
    row += ',';
    if (found != summary.columns.end()) {
      const double value = summary.final_values[static_cast<std::size_t>(found - summary.columns.begin())];
      row += std::isnan(value) ? "nan" : fmt::format("{}", value);
    }
  }
  return row + '\n';
}

/// The runs of one process.
class SweepRun {
 public:
  SweepRun(const Plan& plan, fs::path out, const std::atomic<bool>& stop, const SweepOptions& options,
           CheckedPlan* checked)
      : plan_(&plan), out_(std::move(out)), stop_(&stop), options_(&options), checked_(checked) {}

  void run() {
    const auto size = std::ssize(plan_->runs);
    const Index count = std::max<Index>(0, (size - options_->shard + options_->num_shards) / options_->num_shards);
    for_each_job(options_->jobs, count, [&](Index job) {
      if (!*stop_) {
        make(static_cast<std::size_t>(options_->shard - 1 + job * options_->num_shards));
      }
    });
    write_index(*plan_, out_);
  }

 private:
  void make(std::size_t position) {
    CellReport report;
    report.run = &plan_->runs[position];
    report.position = position;
    try {
      make(report);
    } catch (const Interrupted& interruption) {
      report.ending = "interrupted";
      report.message = interruption.what();
    } catch (const std::bad_alloc&) {
      report.ending = "failed";
      report.message = "no memory was left for the run; it can be resumed where there is more";
    } catch (const std::exception& error) {
      report.ending = "failed";
      report.message = error.what();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (options_->ended) {
      report.experiment = nullptr;
      options_->ended(report);
    }
    // Reading all summaries again takes a while where there are many.
    if (std::chrono::duration<double>(Clock::now() - index_time_).count() > std::max(1.0, 50 * index_seconds_)) {
      const Clock::time_point start = Clock::now();
      write_index(*plan_, out_);
      index_time_ = Clock::now();
      index_seconds_ = std::chrono::duration<double>(index_time_ - start).count();
    }
  }

  void make(CellReport& report) {
    const fs::path path = out_ / report.run->name;
    std::optional<RunSummary> summary = read_summary(path);
    if (!is_final(summary)) {
      RunDirectory directory = RunDirectory::reopen(path);
      summary = read_summary(path);  // another process may have been faster
      if (!is_final(summary)) {
        summary = make_in(directory, report);
        report.ending = summary->ending;
        report.message = summary->message;
        return;
      }
    }
    report.ending = summary->ending;
    report.message = summary->message;
    report.earlier = true;
  }

  RunSummary make_in(RunDirectory& directory, CellReport& report) {
    const bool begun = fs::exists(directory.path() / "experiment.toml");
    const StoppedRun run = begun ? read_stopped_run(directory.path(), options_->kept, options_->surroundings)
                           : checked_ != nullptr ? StoppedRun{checked_->take(report.position), std::nullopt, {}}
                                                 : StoppedRun{build(*plan_, *report.run, *options_), std::nullopt, {}};
    if (options_->begun) {
      const std::lock_guard<std::mutex> lock(mutex_);
      report.experiment = &run.experiment;
      options_->begun(report);
    }
    RunOptions options{options_->provenance, run.notes, run.checkpoint ? &*run.checkpoint : nullptr, {}};
    if (options_->jobs == 1) {
      options.progress = options_->progress;
    }
    return run_experiment(run.experiment, directory, *stop_, options);
  }

  const Plan* plan_;
  fs::path out_;
  const std::atomic<bool>* stop_;
  const SweepOptions* options_;
  CheckedPlan* checked_;
  std::mutex mutex_;
  Clock::time_point index_time_ = Clock::now();
  double index_seconds_ = 0;
};

}  // namespace

CheckedPlan::CheckedPlan(const Plan& plan, const SweepOptions& options)
    : plan_(&plan), options_(&options), kept_(plan.runs.size()) {
  double bytes = 0;
  const auto step = static_cast<std::size_t>(options.num_shards);
  for (std::size_t i = static_cast<std::size_t>(options.shard - 1); i < plan.runs.size(); i += step) {
    Experiment experiment = build(plan, plan.runs[i], options);
    bytes += experiment.num_bytes();
    if (bytes <= kept_bytes) {
      kept_[i] = std::move(experiment);
    }
  }
}

Experiment CheckedPlan::take(std::size_t position) {
  if (!kept_[position]) {
    return build(*plan_, plan_->runs[position], *options_);
  }
  Experiment experiment = std::move(*kept_[position]);
  kept_[position].reset();
  return experiment;
}

void start_sweep(const Plan& plan, const fs::path& out, const SweepOptions& options) {
  const std::string text = folder_comment(plan.folder) + plan.text;
  if (options.num_shards == 1) {
    RunDirectory::create(out).write_experiment(text);
    return;
  }
  fs::create_directories(out);
  PosixFile lock = PosixFile::open_stream(out);
  lock.lock();
  const fs::path file = out / "experiment.toml";
  if (fs::exists(file) ? read_text(file) != text : !fs::is_empty(out)) {
    throw InvalidInput(fmt::format(
        "output directory {} exists and is not one of this experiment; give a new or empty directory", out.string()));
  }
  if (!fs::exists(file)) {
    replace_file(out / "experiment.new.toml", file, text);
  }
}

void run_sweep(const Plan& plan, const fs::path& out, const std::atomic<bool>& stop, const SweepOptions& options,
               CheckedPlan* checked) {
  SweepRun(plan, out, stop, options, checked).run();
}

void write_index(const Plan& plan, const fs::path& out) {
  PosixFile lock = PosixFile::open_stream(out);
  lock.lock();
  std::vector<std::optional<RunSummary>> summaries;
  std::vector<std::string> columns;
  for (const RunPlan& run : plan.runs) {
    summaries.push_back(read_summary(out / run.name));
    if (summaries.back()) {
      for (const std::string& column : summaries.back()->columns) {
        if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
          columns.push_back(column);
        }
      }
    }
  }
  std::string text = "run,case";
  for (const std::string& key : plan.swept) {
    text += ',' + key;
  }
  text += ",ending,step,wall_seconds";
  for (const std::string& column : columns) {
    text += ',' + column;
  }
  text += '\n';
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    if (summaries[i]) {
      text += index_row(plan.runs[i], *summaries[i], columns);
    }
  }
  replace_file(out / "index.new.csv", out / "index.csv", text, Write::passing);
}

}  // namespace mfld
