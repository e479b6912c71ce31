#include "mfld/runs/sweep_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include "config/stored_folder.hpp"
#include "core/comments.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/memory.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/core/stopwatch.hpp"
#include "mfld/model/network.hpp"
#include "record/data_record.hpp"

namespace mfld {

namespace {

/// Nothing where the summary cannot be read either: that is for its own run to say.
std::optional<RunSummary> summary_if_readable(const FilePlace& run) {
  try {
    return read_summary(run);
  } catch (const FileError&) {
    return std::nullopt;
  }
}

/// A field of a CSV file, quoted where it must be.
std::string csv_field(const Value& value) {
  const auto* text = value.as<std::string>();
  const bool is_plain = text != nullptr && escaped(*text).size() == text->size();  // without control characters
  std::string plain = is_plain ? *text : to_toml_inline(value);
  if (plain.find_first_of(",\"") == std::string::npos) {
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
  row += fmt::format(",{},{},{:.6g}", info(summary.end.ending).name, summary.end.step, summary.wall_seconds);
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

/// The instruction set of runs that begin, and those that this machine has.
class InstructionSets {
 public:
  InstructionSets() : of_new_runs_(instruction_set()) {
    force_instruction_set("best");
    available_ = available_instruction_sets();
    force_instruction_set(of_new_runs_);
  }
  InstructionSets(const InstructionSets&) = delete;
  InstructionSets& operator=(const InstructionSets&) = delete;
  ~InstructionSets() { force_instruction_set(of_new_runs_); }

  bool has(const std::string& name) const {
    return std::find(available_.begin(), available_.end(), name) != available_.end();
  }
  /// That of new runs for an empty name, or one that is not there.
  void use(const std::string& name) const { force_instruction_set(has(name) ? name : of_new_runs_); }

 private:
  std::string of_new_runs_;
  std::vector<std::string> available_;
};

/// The runs of one process.
class SweepRun {
 public:
  SweepRun(const Plan& plan, const FilePlace& out, const std::atomic<bool>& stop, const SweepOptions& options,
           CheckedPlan* checked)
      : plan_(&plan), folder_(Folder::open(out)), stop_(&stop), options_(&options), checked_(checked), data_(folder_) {}

  SweepOutcome run() {
    SweepOutcome outcome;
    check_data();
    for (const auto& [set, positions] : by_instruction_set()) {
      sets_.use(set);
      set_in_use_ = set;
      outcome.num_runs += std::ssize(positions);
      for (const auto& [jobs, runs] : in_turn(positions)) {
        make(runs, jobs);
      }
    }
    outcome.num_left = outcome.num_runs - num_ended_;
    try {
      write_index(*plan_, folder_.place(), stop_);
      make_lasting();
    } catch (const std::runtime_error&) {  // FileError or Interrupted
      if (outcome.num_left == 0) {
        throw;
      }
    }
    return outcome;
  }

 private:
  template <class Action>
  void for_each_of_shard(const Action& action) const {
    const auto step = static_cast<std::size_t>(options_->num_shards);
    for (auto i = static_cast<std::size_t>(options_->shard - 1); i < plan_->runs.size(); i += step) {
      action(i);
    }
  }

  /// Before the first run is made: a refusal is one sentence then.
  void check_data() {
    if (checked_ != nullptr) {
      data_.check(checked_->files(), stop_);
      return;
    }
    std::map<std::string, DataFile> files;
    std::set<std::string> seen;
    for_each_of_shard([&](std::size_t i) {
      const RunPlan& run = plan_->runs[i];
      std::set<std::string> names = record::data_names(run.config);
      const bool has_new = !std::includes(seen.begin(), seen.end(), names.begin(), names.end());
      if (has_new && !*stop_ && !is_final(summary_if_readable(folder_.place() / run.name))) {
        files.merge(files_of(run));
        seen.merge(names);
      }
    });
    data_.check(files, stop_);
  }

  /// None where it cannot be made, which is said when it is to be.
  std::map<std::string, DataFile> files_of(const RunPlan& run) const {
    try {
      return record::named_files(run.config, build_run(*plan_, run, *options_).data.files);
    } catch (const InvalidInput&) {
    } catch (const FileError&) {
    } catch (const Interrupted&) {
    }
    return {};
  }

  /// The positions of the shard, by the instruction set that each run began with; empty for those that did not, or have
  /// ended.
  std::map<std::string, std::vector<std::size_t>> by_instruction_set() const {
    std::map<std::string, std::vector<std::size_t>> positions;
    for_each_of_shard([&](std::size_t i) { positions[*stop_ ? "" : begun_with(plan_->runs[i])].push_back(i); });
    return positions;
  }

  std::string begun_with(const RunPlan& run) const {
    const FilePlace place = folder_.place() / run.name;
    try {
      return files::exists(place / "experiment.toml") && !is_final(summary_if_readable(place))
                 ? stored_instruction_set(place)
                 : "";
    } catch (const FileError&) {
      return "";  // which is said when it is made
    }
  }

  /// What one of them takes, where it has not ended; nothing where it cannot be made, which is said when it is to be.
  RunCost cost_of_left(std::size_t position) const {
    if (*stop_ || is_final(summary_if_readable(folder_.place() / plan_->runs[position].name))) {
      return {};
    }
    if (checked_ != nullptr) {
      return checked_->cost(position);
    }
    try {
      return cost_of(build_run(*plan_, plan_->runs[position], *options_), static_cast<int>(num_slots()));
    } catch (const InvalidInput&) {
    } catch (const FileError&) {
    } catch (const Interrupted&) {
    }
    return {};
  }

  /// The runs in the order in which they are made, by how many of them at a time.
  std::map<int, std::vector<std::size_t>> in_turn(const std::vector<std::size_t>& positions) const {
    if (options_->jobs > 0) {
      return {{options_->jobs, positions}};
    }
    const auto num_threads = static_cast<int>(num_slots());
    const double available = available_memory();
    std::vector<std::pair<std::size_t, RunCost>> runs;
    for (const std::size_t position : positions) {
      runs.emplace_back(position, cost_of_left(position));
    }
    std::stable_sort(runs.begin(), runs.end(),
                     [](const auto& a, const auto& b) { return a.second.work > b.second.work; });
    std::map<int, std::vector<std::size_t>> turns;
    for (const auto& [position, cost] : runs) {
      turns[runs_at_once(cost, num_threads, available)].push_back(position);
    }
    return turns;
  }

  void make(const std::vector<std::size_t>& positions, int jobs) {
    draws_progress_ = jobs == 1;
    for_each_job(jobs, std::ssize(positions), [&](Index job) {
      const std::size_t position = positions[static_cast<std::size_t>(job)];
      if (!*stop_) {
        make(position);
      } else if (is_final(summary_if_readable(folder_.place() / plan_->runs[position].name))) {
        ++num_ended_;
      }
    });
  }

  void make(std::size_t position) {
    CellReport report;
    report.run = &plan_->runs[position];
    report.position = position;
    try {
      make(report);
    } catch (const Interrupted& error) {
      report.end.ending = Ending::interrupted;
      report.message = error.what();
    } catch (const NoRoom& error) {
      report.end.ending = Ending::failed;
      report.message = error.what();
    } catch (const InvalidInput& error) {
      report.end.ending = Ending::refused;
      report.message = error.what();
    } catch (const std::bad_alloc&) {
      report.end.ending = Ending::failed;
      report.message = "no memory was left for the run; it can be resumed where there is more";
    } catch (const std::exception& error) {
      report.end.ending = Ending::failed;
      report.message = error.what();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    num_ended_ += report.end.ending == Ending::interrupted ? 0 : 1;
    if (options_->ended) {
      report.experiment = nullptr;
      options_->ended(report);
    }
    // Reading all summaries again takes a while where there are many.
    if (seconds_since(index_time_) > std::max(1.0, 50 * index_seconds_)) {
      const Clock::time_point start = Clock::now();
      try {
        write_index(*plan_, folder_.place(), stop_);
        make_lasting();
      } catch (const std::runtime_error&) {  // FileError or Interrupted, which keeps no run from being made; the last
                                             // one is not forgiven
      }
      index_seconds_ = seconds_since(start);
      index_time_ = Clock::now();
    }
  }

  void make(CellReport& report) {
    const FilePlace place = folder_.place() / report.run->name;
    std::optional<RunSummary> summary = read_summary(place);
    if (!is_final(summary)) {
      if (files::is_link(place)) {
        throw InvalidInput("it is a link, and nothing is written outside the sweep's own directory");
      }
      std::optional<StoppedRun> fresh;
      if (!files::exists(place / "experiment.toml")) {
        fresh = begin(report.position);  // first: a run that is wrong leaves no directory
      }
      RunDirectory directory = RunDirectory::reopen(place);
      directory.pass_if_soon();
      summary = read_summary(directory.place());  // another process may have been faster
      if (!is_final(summary)) {
        summary = make_in(directory, report, fresh);
        report.end = summary->end;
        report.message = summary->message;
        report.advice = summary->advice;
        return;
      }
    }
    report.end = summary->end;
    report.message = summary->message;
    report.earlier = true;
  }

  StoppedRun begin(std::size_t position) {
    const RunPlan& run = plan_->runs[position];
    StoppedRun fresh{
        checked_ != nullptr ? checked_->take(position) : build_run(*plan_, run, *options_), std::nullopt, {}};
    data_.check(record::named_files(run.config, fresh.experiment.data.files), stop_);
    return fresh;
  }

  /// The run of a directory that may have been begun; `fresh` if it was not when it was looked at last.
  StoppedRun run_of(const RunDirectory& directory, const CellReport& report, std::optional<StoppedRun>& fresh) {
    if (!files::exists(directory.place() / "experiment.toml")) {
      return fresh ? std::move(*fresh) : begin(report.position);
    }
    if (const std::string set = stored_instruction_set(directory.place()); set != set_in_use_) {
      throw FileError(fmt::format("another process began it meanwhile with instruction set {}; resume goes on", set));
    }
    StoppedRun stopped = read_stopped_run(directory.place(), options_->kept, options_->surroundings);
    data_.check(record::named_files(report.run->config, stopped.experiment.data.files), stop_);
    return stopped;
  }

  RunSummary make_in(RunDirectory& directory, CellReport& report, std::optional<StoppedRun>& fresh) {
    const StoppedRun run = run_of(directory, report, fresh);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      report.experiment = &run.experiment;
      if (options_->begun) {
        options_->begun(report);
      }
      if (options_->lacking && !set_in_use_.empty() && !sets_.has(set_in_use_)) {
        options_->lacking(report, set_in_use_);
      }
    }
    RunOptions options{options_->provenance, run.notes, run.checkpoint ? &*run.checkpoint : nullptr, {}};
    if (draws_progress_) {
      options.progress = options_->progress;
    }
    try {
      return run_experiment(run.experiment, directory, *stop_, options);
    } catch (const InvalidInput&) {
      directory.unmake();
      throw;
    }
  }

  /// Of runs too short to see to it themselves.
  void make_lasting() const { files::sync_file_system(folder_.place()); }

  const Plan* plan_;
  Folder folder_;
  const std::atomic<bool>* stop_;
  const SweepOptions* options_;
  CheckedPlan* checked_;
  record::DataRecord data_;
  InstructionSets sets_;
  std::string set_in_use_;       // as the runs say that are being made; empty: they begin
  bool draws_progress_ = false;  // one run at a time
  std::mutex mutex_;
  std::atomic<std::int64_t> num_ended_ = 0;
  Clock::time_point index_time_ = Clock::now();
  double index_seconds_ = 0;
};

}  // namespace

Folder start_sweep(const Plan& plan, const FilePlace& out, const SweepOptions& options) {
  if (options.num_shards == 1) {
    RunDirectory directory = RunDirectory::create(out);
    directory.write_experiment(folder_comments(plan.folder(), directory.present_path()) + plan.text);
    return directory.folder();
  }
  const std::atomic<bool>* stop = options.surroundings.stop;
  Folder folder = Folder::make(out);
  for (folder.lock(stop); !folder.is_in_place(); folder.lock(stop)) {
    folder = Folder::make(out);
  }
  const std::string text = folder_comments(plan.folder(), folder.present_path()) + plan.text;
  const FilePlace file = folder.place() / "experiment.toml";
  const FilePlace temporary = folder.place() / "experiment.new.toml";
  const std::vector<std::string> names = folder.names();
  const bool is_new =
      std::all_of(names.begin(), names.end(), [](const std::string& name) { return name == "experiment.new.toml"; });
  if (!is_new && (!files::exists(file) || behind_comments(files::read_text(file)) != behind_comments(text))) {
    throw InvalidInput(
        fmt::format("output directory {} exists and is not one of this experiment; give a new or empty directory",
                    out.path.string()));
  }
  if (is_new) {
    files::replace_file(temporary, file, text);
  }
  return folder.again();
}

SweepOutcome run_sweep(const Plan& plan, const FilePlace& out, const std::atomic<bool>& stop,
                       const SweepOptions& options, CheckedPlan* checked) {
  return SweepRun(plan, out, stop, options, checked).run();
}

void write_index(const Plan& plan, const FilePlace& out, const std::atomic<bool>* stop) {
  const Folder folder = Folder::open(out);
  folder.lock(stop);
  std::vector<std::optional<RunSummary>> summaries;
  std::vector<std::string> columns;
  for (const RunPlan& run : plan.runs) {
    summaries.push_back(summary_if_readable(folder.place() / run.name));
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
  files::replace_file(folder.place() / "index.new.csv", folder.place() / "index.csv", text, files::Write::passing);
}

}  // namespace mfld
