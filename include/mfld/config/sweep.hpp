#pragma once
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mfld/config/value.hpp"
#include "mfld/files/file_place.hpp"

namespace mfld {

/// One run of an experiment file: what is left of the file once a case is laid over it and the sweep has chosen.
struct RunPlan {
  std::string name;                                        // of its directory; empty where there is but one run
  std::string case_name;                                   // empty without [[case]]
  std::vector<std::pair<std::string, Value>> assignments;  // dotted key and value, in the order of the sweep
  Value config;                                            // no case, no sweep
};

/// An experiment file and the runs in it.
struct Plan {
  std::vector<std::filesystem::path> folders;  // where paths in the file may start, the likeliest first
  std::vector<std::string> comments;           // that the file opens with
  std::string text;                            // the unexpanded experiment, with --set applied
  bool is_sweep = false;                       // has [[case]] or [sweep]: a directory of runs, even of one
  std::vector<std::string> swept;              // dotted keys of the sweep
  std::vector<RunPlan> runs;

  const std::filesystem::path& folder() const { return folders.front(); }
};

/// Who waits for the runs to be listed: may ask to stop, and is told their number first where there are many.
struct Watcher {
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::size_t num_runs)> many = {};

  Watcher() = default;
  Watcher(const std::atomic<bool>* stop_flag, std::function<void(std::size_t)> told = {})
      : stop(stop_flag), many(std::move(told)) {}
};

/// Cases x grid: each [[case]] is laid over the file (tables merge; a table with integer keys reaches into a list; a
/// list replaces), then each leaf of [sweep], a list, is run through, the rightmost fastest. A key whose value is
/// "default" is then as if it were not there. A run is called <case>_<key>=<value>_..., by the last component of the
/// key unless two share it. Throws InvalidInput for a case without a name, a leaf that is no list, two runs of one
/// name, a name that cannot be that of a directory beside the others; Interrupted.
Plan expand(const Value& file, const std::filesystem::path& folder, const Watcher& watcher = {});

/// Reads the file, sets each of `settings` ("path=value", a TOML value or a bare word) and expands. A setting that a
/// case or the sweep would overrule is an error, unless what overrules it is set as well. Throws FileError when the
/// file cannot be read, otherwise as `expand`.
Plan read_plan(const FilePlace& file, const std::vector<std::string>& settings, const Watcher& watcher = {});
/// The same of what is in the file.
Plan parse_plan(const std::string& text, const FilePlace& file, const std::vector<std::string>& settings,
                const Watcher& watcher = {});

/// The first file that runs want, as they call it, and that is not there if their paths start at `folder`.
std::optional<std::filesystem::path> missing_file(const std::vector<RunPlan>& runs,
                                                  const std::filesystem::path& folder);

}  // namespace mfld
