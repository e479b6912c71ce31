// mfld info.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "json.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/record/run_directory.hpp"
#include "mfld/runs/resume.hpp"
#include "progress.hpp"
#include "say.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0; begin <= row.size();) {
    const std::size_t end = std::min(row.find(',', begin), row.size());
    fields.push_back(row.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

/// What summary.json says of a run that disappoints.
std::string advice_of(const std::optional<mfld::RunSummary>& summary, std::string_view indent) {
  std::string lines;
  for (const std::string& sentence : summary ? summary->advice : std::vector<std::string>()) {
    lines += fmt::format("{}advice: {}\n", indent, sentence);
  }
  return lines;
}

/// The sentence of summary.json.
std::string ending_of(const mfld::FilePlace& directory, const std::optional<mfld::RunSummary>& summary) {
  if (summary) {
    return fmt::format("{}, {:.3g} s", summary->message, summary->wall_seconds);
  }
  return fs::exists(directory.path / "summary.json") ? "its summary.json is damaged"
                                                     : "has no summary: still running, or stopped without notice";
}

void print_comments(const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) {
    print_line(fmt::format("  {}", comment));
  }
}

/// What the runs of a sweep say, those that went wrong first.
struct SweepState {
  std::string wrong;
  std::string others;
  std::int64_t num_wrong = 0;
  std::int64_t num_ended = 0;
  double seconds = 0;  // of those that have ended

  void add(const mfld::RunPlan& run, const fs::path& path) {
    const std::optional<mfld::RunSummary> summary = mfld::read_summary(path);
    const bool is_wrong = summary ? summary->end.ending == mfld::Ending::diverged : fs::exists(path / "summary.json");
    const bool has_ended = mfld::is_final(summary);
    num_wrong += is_wrong ? 1 : 0;
    num_ended += has_ended ? 1 : 0;
    seconds += has_ended ? summary->wall_seconds : 0;
    (is_wrong ? wrong : others) += fmt::format("  {}: {}\n", run.name, ending_of(path, summary));
    (is_wrong ? wrong : others) += advice_of(summary, "    ");
  }
};

/// How far all runs of a sweep are, and each of them.
void print_sweep(const fs::path& directory, const mfld::Plan& plan) {
  SweepState state;
  for (const mfld::RunPlan& run : plan.runs) {
    const fs::path path = directory / run.name;
    if (fs::exists(path / "experiment.toml")) {
      state.add(run, path);
    }
  }
  const std::int64_t num_left = std::ssize(plan.runs) - state.num_ended;
  std::string line = fmt::format("{}: {} of {} runs have ended (final numbers in index.csv)", directory.string(),
                                 state.num_ended, plan.runs.size());
  line += state.num_wrong > 0 ? fmt::format("; {} went wrong", state.num_wrong) : "";
  if (num_left > 0 && state.num_ended > 0) {
    const double each = state.seconds / static_cast<double>(state.num_ended);
    line += fmt::format("; {} left, one at a time", roughly(each * static_cast<double>(num_left)));
  }
  print_line(line);
  print(state.wrong + state.others);
}

void print_last_row(const mfld::MetricsEnds& table) {
  const auto names = split(table.header);
  const auto values = split(table.last_row);
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    print_line(fmt::format("  {:<24} {}", names[i], values[i]));
  }
}

using Json = nlohmann::ordered_json;

/// A number as it stands in a table; a text where it is not finite, for JSON has no such numbers.
Json number_of(const std::string& field) {
  const Json value = Json::parse(field, nullptr, false);
  return value.is_number() ? value : Json(field);
}

Json ending_as_json(const mfld::FilePlace& directory) {
  const auto summary = mfld::read_summary(directory);
  Json result = {{"directory", directory.path.string()},
                 {"has_ended", mfld::is_final(summary)},
                 {"message", ending_of(directory, summary)},
                 {"wall_seconds", summary ? Json(summary->wall_seconds) : Json()}};
  if (summary && !summary->advice.empty()) {
    result["advice"] = summary->advice;
  }
  return result;
}

Json sweep_as_json(const fs::path& directory, const mfld::Plan& plan) {
  Json runs = Json::array();
  std::size_t num_ended = 0;
  for (const mfld::RunPlan& run : plan.runs) {
    const bool is_there = fs::exists(directory / run.name / "experiment.toml");
    Json row = {{"name", run.name}, {"has_begun", is_there}};
    if (is_there) {
      row.update(ending_as_json(directory / run.name));
      num_ended += row["has_ended"].get<bool>() ? 1 : 0;
    }
    runs.push_back(row);
  }
  return {{"directory", directory.string()}, {"num_runs", plan.runs.size()}, {"num_ended", num_ended}, {"runs", runs}};
}

Json run_as_json(const fs::path& directory, const mfld::Plan& plan, const mfld::MetricsEnds& table) {
  Json result = ending_as_json(directory);
  result["what_ran"] = table.comments;
  result["made_by"] = plan.comments;
  const auto names = split(table.header);
  const auto values = split(table.last_row);
  result["last_numbers"] = Json::object();
  for (std::size_t i = 0; i < std::min(names.size(), values.size()) && !table.last_row.empty(); ++i) {
    result["last_numbers"][names[i]] = number_of(values[i]);
  }
  result["this_program"] = mfld::provenance("").front();
  return result;
}

}  // namespace

ExitStatus info(const InfoArguments& arguments) {
  const fs::path directory = mfld::user_path(arguments.directory);
  const mfld::Plan plan = mfld::read_stored_plan(directory);
  if (!plan.is_sweep && plan.runs.front().config.as<mfld::Table>()->members.empty()) {
    throw mfld::FileError(
        fmt::format("cannot read {}: it has no experiment", (directory / "experiment.toml").string()));
  }
  if (plan.is_sweep && arguments.json) {
    print_json(sweep_as_json(directory, plan));
    return finished;
  }
  if (plan.is_sweep) {
    print_sweep(directory, plan);
    return finished;
  }
  const fs::path metrics = directory / "metrics.csv";
  const mfld::MetricsEnds table = fs::exists(metrics) ? mfld::read_ends(metrics) : mfld::MetricsEnds();
  if (arguments.json) {
    print_json(run_as_json(directory, plan, table));
    return finished;
  }
  const auto summary = mfld::read_summary(directory);
  print_line(fmt::format("{}: {}", directory.string(), ending_of(directory, summary)));
  print(advice_of(summary, "  "));
  print_line("what ran");
  print_comments(table.comments);
  print_line("made by");
  print_comments(plan.comments);
  print_line("last numbers");
  print_last_row(table);
  print_line(fmt::format("this program: {}", mfld::provenance("").front()));
  return finished;
}

}  // namespace commands
