#include "mfld/record/emptying.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "files/line_reader.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/record/run_directory.hpp"

namespace mfld {

namespace {

constexpr auto file_names = std::to_array<std::string_view>(
    {"experiment.toml", "experiment.new.toml", "metrics.csv", "metrics.new.csv", "trajectory.h5", "trajectory.new.h5",
     "checkpoint.h5", "checkpoint.new.h5", "checkpoint.kept.h5", "checkpoint.previous.h5", "predictions.csv",
     "predictions.new.csv", "summary.json", "summary.new.json", "index.csv", "index.new.csv"});
constexpr auto figure_endings = std::to_array<std::string_view>({".png", ".pdf", ".svg", ".mp4", ".gif", ".html"});

enum class Kind { nothing, file, folder, other };

Kind kind_of(const FilePlace& place) {
  struct stat attributes {};
  if (::fstatat(place.directory, place.name.c_str(), &attributes, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Kind::nothing : Kind::other;
  }
  return S_ISREG(attributes.st_mode) ? Kind::file : S_ISDIR(attributes.st_mode) ? Kind::folder : Kind::other;
}

bool is_of_runs(std::string_view name) {
  return std::count(file_names.begin(), file_names.end(), name) != 0 || step_of_kept_checkpoint(name) ||
         std::any_of(figure_endings.begin(), figure_endings.end(),
                     [name](std::string_view ending) { return name.ends_with(ending); });
}

/// Whether its experiment.toml is one that a run or a sweep stored, and not one that somebody wrote.
bool has_stored_experiment(const Folder& folder) {
  const FilePlace file = folder.place() / "experiment.toml";
  if (kind_of(file) != Kind::file) {
    return false;
  }
  files::LineReader lines(files::PosixFile::open_for_reading(file));
  std::string first;
  return lines.next(first) && (first.starts_with("# mfld ") || first.starts_with("# paths start at "));
}

[[noreturn]] void refuse_to_empty(const FilePlace& place, std::string_view why) {
  throw InvalidInput(fmt::format("--force empties directories of runs alone, and {} {}", place.path.string(), why));
}

/// The names of the directories of a sweep's runs in it. Throws unless all else is of runs.
std::vector<std::string> checked(const Folder& folder, bool of_sweep) {
  std::vector<std::string> runs;
  for (const std::string& name : folder.names()) {
    const FilePlace place = folder.place() / name;
    const Kind kind = kind_of(place);
    if (kind == Kind::folder && of_sweep) {
      runs.push_back(name);
    } else if (kind != Kind::file || !is_of_runs(name)) {
      refuse_to_empty(place, "is none of their files");
    }
  }
  return runs;
}

void lock(const Folder& folder) {
  if (!folder.try_lock()) {
    throw FileError(fmt::format("cannot write into {}: another process is running there", folder.path().string()));
  }
}

void remove_files(const Folder& folder) {
  for (const std::string& name : folder.names()) {
    if (is_of_runs(name)) {
      files::remove_file(folder.place() / name);
    }
  }
}

}  // namespace

void empty_run_directory(const FilePlace& place) {
  if (kind_of(place) == Kind::nothing) {
    return;
  }
  const Folder folder = Folder::open(place);
  if (folder.names().empty()) {
    return;
  }
  if (!has_stored_experiment(folder)) {
    refuse_to_empty(place, "has no experiment.toml that a run or a sweep stored");
  }
  lock(folder);
  const std::vector<std::string> runs = checked(folder, true);
  for (const std::string& name : runs) {  // opened one at a time: there may be thousands
    const Folder run = Folder::open(folder.place() / name);
    lock(run);
    checked(run, false);
    if (!run.names().empty() && !has_stored_experiment(run)) {
      refuse_to_empty(FilePlace(run.path()), "has no experiment.toml that a run stored");
    }
  }
  for (const std::string& name : runs) {
    const Folder run = Folder::open(folder.place() / name);
    lock(run);
    remove_files(run);
    if (::unlinkat(folder.place().directory, name.c_str(), AT_REMOVEDIR) != 0) {
      throw FileError(fmt::format("cannot remove {}: {}", run.path().string(), std::system_category().message(errno)));
    }
  }
  remove_files(folder);
}

}  // namespace mfld
