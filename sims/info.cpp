// mfld info.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/experiment/provenance.hpp"
#include "mfld/experiment/run_directory.hpp"
#include "say.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;

std::ifstream open(const fs::path& path) {
  std::ifstream stream(path);
  if (!stream) {
    throw mfld::FileError(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  }
  return stream;
}

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> fields;
  std::istringstream stream(row);
  for (std::string field; std::getline(stream, field, ',');) {
    fields.push_back(field);
  }
  return fields;
}

/// The sentence of summary.json.
std::string ending_of(const fs::path& directory) {
  if (!fs::exists(directory / "summary.json")) {
    return "has no summary: still running, or stopped without notice";
  }
  const auto summary = mfld::read_summary(directory);
  return summary ? fmt::format("{}, {:.3g} s", summary->message, summary->wall_seconds) : "its summary.json is damaged";
}

void print_comments(const fs::path& path) {
  std::ifstream stream = open(path);
  for (std::string line; std::getline(stream, line) && line.starts_with("# ");) {
    print_line(fmt::format("  {}", line.substr(2)));
  }
}

/// The last complete row of metrics.csv under its names.
void print_last_row(const fs::path& path) {
  std::ifstream stream = open(path);
  std::string header;
  std::string last;
  for (std::string line; std::getline(stream, line) && !stream.eof();) {
    if (!line.starts_with('#')) {
      (header.empty() ? header : last) = line;
    }
  }
  const auto names = split(header);
  const auto values = split(last);
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    print_line(fmt::format("  {:<24} {}", names[i], values[i]));
  }
}

}  // namespace

ExitStatus info(const fs::path& directory) {
  open(directory / "experiment.toml");
  if (!fs::exists(directory / "metrics.csv")) {
    std::vector<fs::path> runs;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      if (fs::exists(entry.path() / "experiment.toml")) {
        runs.push_back(entry.path());
      }
    }
    std::sort(runs.begin(), runs.end());
    print_line(fmt::format("{}: {} runs (final numbers in index.csv)", directory.string(), runs.size()));
    for (const fs::path& run : runs) {
      print_line(fmt::format("  {}: {}", run.filename().string(), ending_of(run)));
    }
    return finished;
  }
  print_line(fmt::format("{}: {}", directory.string(), ending_of(directory)));
  print_line("what ran");
  print_comments(directory / "metrics.csv");
  print_line("made by");
  print_comments(directory / "experiment.toml");
  print_line("last numbers");
  print_last_row(directory / "metrics.csv");
  print_line(fmt::format("this program: {}", mfld::provenance("").front()));
  return finished;
}

}  // namespace commands
