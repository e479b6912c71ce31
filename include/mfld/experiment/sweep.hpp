#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mfld/experiment/value.hpp"

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
  std::filesystem::path folder;    // paths in the file start here
  std::string text;                // the unexpanded experiment, with --set applied
  bool is_sweep = false;           // has [[case]] or [sweep]: a directory of runs, even of one
  std::vector<std::string> swept;  // dotted keys of the sweep
  std::vector<RunPlan> runs;
};

/// Cases x grid: each [[case]] is laid over the file (tables merge; a table with integer keys reaches into a list; a
/// list replaces), then each leaf of [sweep], a list, is run through, the rightmost fastest. A run is called
/// <case>_<key>=<value>_..., by the last component of the key unless two share it.
/// Throws InvalidInput for a case without a name or with a taken one, a leaf that is no list, two runs of one name.
Plan expand(const Value& file, const std::filesystem::path& folder);

/// Reads the file, sets each of `settings` ("path=value", a TOML value or a bare word) and expands. A setting that a
/// case or the sweep would overrule is an error. Throws FileError when the file cannot be read, Interrupted once `stop`, if it is there, is
/// true, otherwise InvalidInput.
Plan read_plan(const std::filesystem::path& file, const std::vector<std::string>& settings,
               const std::atomic<bool>* stop = nullptr);

}  // namespace mfld
