// mfld info.
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/core/user_path.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/resume.hpp"
#include "mfld/experiment/run_directory.hpp"

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
    fmt::print("  {}\n", mfld::printable(comment));
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
  fmt::print("{}: {} of {} runs have ended (final numbers in index.csv)\n{}", directory.string(), num_ended,
             plan.runs.size(), lines);
}

void print_last_row(const mfld::MetricsEnds& table) {
  const auto names = split(table.header);
  const auto values = split(table.last_row);
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    fmt::print("  {:<24} {}\n", names[i], values[i]);
  }
}

}  // namespace

ExitStatus info(const std::string& text) {
  const fs::path directory = mfld::user_path(text);
  const mfld::Plan plan = mfld::read_stored_plan(directory);
  if (plan.is_sweep) {
    print_sweep(directory, plan);
    return finished;
  }
  fmt::print("{}: {}\n", directory.string(), ending_of(directory));
  const fs::path metrics = directory / "metrics.csv";
  const mfld::MetricsEnds table = fs::exists(metrics) ? mfld::read_ends(metrics) : mfld::MetricsEnds();
  fmt::print("what ran\n");
  print_comments(table.comments);
  fmt::print("made by\n");
  print_comments(plan.comments);
  fmt::print("last numbers\n");
  print_last_row(table);
  fmt::print("this program: {}\n", mfld::provenance("").front());
  return finished;
}

}  // namespace commands
