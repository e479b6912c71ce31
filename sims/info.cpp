// mfld info.
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/record/run_directory.hpp"
#include "mfld/runs/resume.hpp"
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

/// The sentence of summary.json.
std::string ending_of(const mfld::FilePlace& directory) {
  if (!fs::exists(directory.path / "summary.json")) {
    return "has no summary: still running, or stopped without notice";
  }
  const auto summary = mfld::read_summary(directory);
  return summary ? fmt::format("{}, {:.3g} s", summary->message, summary->wall_seconds) : "its summary.json is damaged";
}

void print_comments(const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) {
    print_line(fmt::format("  {}", comment));
  }
}

/// How far each run of a sweep is, and all of them.
void print_sweep(const fs::path& directory, const mfld::Plan& plan) {
  std::string lines;
  std::size_t num_ended = 0;
  for (const mfld::RunPlan& run : plan.runs) {
    const fs::path path = directory / run.name;
    if (fs::exists(path / "experiment.toml")) {
      num_ended += mfld::is_final(mfld::read_summary(path)) ? 1 : 0;
      lines += fmt::format("  {}: {}\n", run.name, ending_of(path));
    }
  }
  print_line(fmt::format("{}: {} of {} runs have ended (final numbers in index.csv)", directory.string(), num_ended,
                         plan.runs.size()));
  print(lines);
}

void print_last_row(const mfld::MetricsEnds& table) {
  const auto names = split(table.header);
  const auto values = split(table.last_row);
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    print_line(fmt::format("  {:<24} {}", names[i], values[i]));
  }
}

}  // namespace

ExitStatus info(const std::string& text) {
  const fs::path directory = mfld::user_path(text);
  const mfld::Plan plan = mfld::read_stored_plan(directory);
  if (!plan.is_sweep && plan.runs.front().config.as<mfld::Table>()->members.empty()) {
    throw mfld::FileError(
        fmt::format("cannot read {}: it has no experiment", (directory / "experiment.toml").string()));
  }
  if (plan.is_sweep) {
    print_sweep(directory, plan);
    return finished;
  }
  print_line(fmt::format("{}: {}", directory.string(), ending_of(directory)));
  const fs::path metrics = directory / "metrics.csv";
  const mfld::MetricsEnds table = fs::exists(metrics) ? mfld::read_ends(metrics) : mfld::MetricsEnds();
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
