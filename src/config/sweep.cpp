#include "mfld/config/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/join.hpp>
#include <map>
#include <set>
#include <string_view>
#include <system_error>

#include "config/experiment_file.hpp"
#include "config/stored_folder.hpp"
#include "core/comments.hpp"
#include "files/posix_file.hpp"
#include "mfld/config/kernel_method.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/files/user_path.hpp"

namespace mfld {

namespace {

struct Axis {
  std::string key;
  std::string short_key;
  const List* values = nullptr;
  std::int64_t position = 0;
};

void collect_axes(const Value& value, const std::string& path, std::vector<Axis>& axes) {
  if (const auto* table = value.as<Table>()) {
    for (const auto& [key, item] : table->members) {
      collect_axes(item, path.empty() ? key : path + '.' + key, axes);
    }
    return;
  }
  const auto* list = value.as<List>();
  if (list == nullptr || list->empty()) {
    throw InvalidInput(
        fmt::format("sweep.{} = {}: must be a list of the values to run through", path, to_toml_inline(value)));
  }
  axes.push_back({path, path.substr(path.rfind('.') + 1), list, value.position});
}

/// In the order of the text, each under its last component if no other axis has that.
std::vector<Axis> axes_of(const Value& file) {
  std::vector<Axis> axes;
  if (const Value* sweep = find(file, "sweep")) {
    if (sweep->as<Table>() == nullptr) {
      throw InvalidInput(fmt::format("sweep = {}: must be a table", to_toml_inline(*sweep)));
    }
    collect_axes(*sweep, "", axes);
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.position < b.position; });
  std::multiset<std::string> names;
  for (const Axis& axis : axes) {
    names.insert(axis.short_key);
  }
  for (Axis& axis : axes) {
    if (names.count(axis.short_key) > 1) {
      axis.short_key = axis.key;
    }
  }
  return axes;
}

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/// A value as part of the name of a directory: numbers as they are, of the rest what a file name bears.
std::string name_of(const Value& value) {
  std::string name;
  for (const char c : to_toml_inline(value)) {
    if (is_name_character(c) || c == '+') {
      name += c;
    } else if (c != '"' && c != ' ' && !name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (name.size() > 1 && name.back() == '-') {
    name.pop_back();
  }
  return name;
}

std::string case_name_of(const Value& overlay, std::size_t position) {
  const Value* name = find(overlay, "name");
  const auto* text = name == nullptr ? nullptr : name->as<std::string>();
  if (text == nullptr || text->empty() || !std::all_of(text->begin(), text->end(), is_name_character)) {
    throw InvalidInput(fmt::format("case.{}.name{}: must be a name of letters, digits, _, . and -", position,
                                   name == nullptr ? "" : " = " + to_toml_inline(*name)));
  }
  return *text;
}

void erase(Value& table, std::string_view key) {
  std::erase_if(std::get<Table>(table.data).members, [key](const Member& member) { return member.key == key; });
}

/// The file under each of its cases; the file itself if it has none.
std::vector<RunPlan> cases_of(const Value& file) {
  Value base = file;
  erase(base, "case");
  erase(base, "sweep");
  const Value* cases = find(file, "case");
  if (cases == nullptr) {
    return {{"", "", {}, base}};
  }
  const auto* list = cases->as<List>();
  if (list == nullptr || list->empty() ||
      !std::all_of(list->begin(), list->end(), [](const Value& item) { return item.as<Table>() != nullptr; })) {
    throw InvalidInput(fmt::format("case = {}: must be a list of tables, [[case]]", to_toml_inline(*cases)));
  }
  std::vector<RunPlan> runs;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Value overlay = (*list)[i];
    RunPlan run{case_name_of(overlay, i), "", {}, base};
    run.case_name = run.name;
    erase(overlay, "name");
    try {
      merge(run.config, overlay);
    } catch (const InvalidInput& error) {
      throw InvalidInput(fmt::format("case {}: {}", run.name, error.what()));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

/// A plan keeps every run's experiment in memory.
constexpr std::size_t most_runs = 100000;

/// So many take a moment to be listed.
constexpr std::size_t many_runs = 10000;

/// Of so many cases over all axes. Throws InvalidInput where they are too many.
std::size_t count_runs(std::size_t num_cases, const std::vector<Axis>& axes) {
  std::size_t count = num_cases;
  for (const Axis& axis : axes) {
    if (count > most_runs / std::max<std::size_t>(axis.values->size(), 1)) {
      throw InvalidInput(
          fmt::format("sweep.{} = a list of {} values makes more than {} runs of the {} so far; that is too "
                      "many for one directory",
                      axis.key, axis.values->size(), most_runs, count));
    }
    count *= axis.values->size();
  }
  return count;
}

/// Every run once for each value of the axis.
std::vector<RunPlan> cross(const std::vector<RunPlan>& runs, const Axis& axis, const std::atomic<bool>* stop) {
  std::vector<RunPlan> result;
  for (const RunPlan& run : runs) {
    if (result.size() > 1000) {  // fewer take no time, and whoever asks to stop hears how many are left
      stop_if_asked(stop, "the runs of the sweep were listed");
    }
    for (const Value& value : *axis.values) {
      RunPlan cell = run;
      cell.name += fmt::format("{}{}={}", run.name.empty() ? "" : "_", axis.short_key, name_of(value));
      cell.assignments.emplace_back(axis.key, value);
      assign(cell.config, axis.key, value);
      result.push_back(std::move(cell));
    }
  }
  return result;
}

/// Whether a directory of runs has such a file itself.
bool is_own_file(std::string_view name) {
  constexpr std::array<std::string_view, 5> names = {"experiment.toml", "experiment.new.toml", "index.csv",
                                                     "index.new.csv",
                                                     "metrics.csv"};  // by which readers tell a run from several
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What a run is called after: its case and the values that the sweep chose.
std::string origin_of(const RunPlan& run) {
  std::vector<std::string> parts;
  if (!run.case_name.empty()) {
    parts.push_back(fmt::format("case.name = \"{}\"", run.case_name));
  }
  for (const auto& [key, value] : run.assignments) {
    parts.push_back(fmt::format("sweep.{} = {}", key, to_toml_inline(value)));
  }
  return boost::algorithm::join(parts, ", ");
}

/// Throws InvalidInput where a directory beside the others cannot have the name of the run.
void check_name(const RunPlan& run) {
  constexpr std::size_t most_bytes = 255;
  const bool fits = std::all_of(run.name.begin(), run.name.end(),
                                [](char c) { return is_name_character(c) || c == '=' || c == '+'; });
  const std::string why = run.name.size() > most_bytes ? fmt::format("and a name has at most {} bytes", most_bytes)
                          : is_own_file(run.name)      ? "which is a file of the directory of runs itself"
                          : run.name.starts_with('.')  ? "and must not begin with a dot"
                          : run.name.starts_with('-')  ? "and must not begin with a dash"
                          : !fits                      ? "and must be of letters, digits, _, ., -, = and +"
                                                       : "";
  if (!why.empty()) {
    throw InvalidInput(fmt::format("{}: the run would be called {} ({} bytes), {}", printable(origin_of(run), 150),
                                   printable(run.name, 60), run.name.size(), why));
  }
}

void check_names(const std::vector<RunPlan>& runs) {
  std::map<std::string_view, const RunPlan*> names;
  for (const RunPlan& run : runs) {
    check_name(run);
    const auto [other, is_new] = names.emplace(run.name, &run);
    if (!is_new) {
      const std::string one = origin_of(*other->second);
      const std::string two = origin_of(run);
      throw InvalidInput(fmt::format("two runs would both be called {}: {}", run.name,
                                     one == two ? "a case name or a value of the sweep is repeated"
                                                : fmt::format("that of {} and that of {}; a name keeps letters, "
                                                              "digits, _, ., - and + only",
                                                              printable(one, 100), printable(two, 100))));
    }
  }
}

/// Takes out the keys that do not hold: those whose value is "default".
void drop_defaults(Value& value) {
  if (auto* table = value.as<Table>()) {
    std::erase_if(table->members, [](const Member& member) {
      const auto* text = member.value.as<std::string>();
      return text != nullptr && *text == "default";
    });
    for (Member& member : table->members) {
      drop_defaults(member.value);
    }
  } else if (auto* list = value.as<List>()) {
    std::for_each(list->begin(), list->end(), drop_defaults);
  }
}

/// What of `overlay` would replace the value at the path: the path itself, or the list or value on its way. Empty if
/// nothing does.
std::string replacement(const Value& overlay, const std::string& path) {
  const Value* node = &overlay;
  for (std::size_t end = 0; end != path.size();) {
    const std::size_t begin = end == 0 ? 0 : end + 1;
    if (node->as<Table>() == nullptr) {
      return path.substr(0, end);
    }
    end = std::min(path.find('.', begin), path.size());
    node = find(*node, path.substr(begin, end - begin));
    if (node == nullptr) {
      return {};
    }
  }
  return path;
}

/// "a, b and c"
std::string listed(const std::vector<std::string>& items) {
  const std::string most = boost::algorithm::join(std::vector(items.begin(), items.end() - 1), ", ");
  return most.empty() ? items.back() : most + " and " + items.back();
}

/// Whether the case has, where the path leads, a phase of the method that takes no steps, and the path is one of its
/// keys but the method.
bool solves_instead(const Value& overlay, const std::string& path) {
  const std::size_t key = path.rfind('.');
  if (!path.starts_with("phase.") || key == path.find('.') || path.substr(key) == ".method") {
    return false;
  }
  const Value* phase = find(overlay, path.substr(0, key));
  const Value* method = phase == nullptr ? nullptr : find(*phase, "method");
  const auto* name = method == nullptr ? nullptr : method->as<std::string>();
  return name != nullptr && *name == KernelMethod::method_name && find(*phase, path.substr(key + 1)) == nullptr;
}

/// The sentence about a setting that cases would overrule; empty if none does that is not set as well. `is_set` says
/// whether a path is.
template <class IsSet>
std::string overruled_by_cases(const Value& file, const std::string& path, const IsSet& is_set) {
  const Value* cases = find(file, "case");
  const auto* list = cases == nullptr ? nullptr : cases->as<List>();
  std::vector<std::string> instead;
  std::vector<std::string> without;
  std::vector<std::string> solving;
  bool has_other = false;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string replaced = replacement((*list)[i], path);
    const std::string there = fmt::format("case.{}.{}", i, path);
    if (replaced.empty() || is_set(there)) {
      has_other = true;
      continue;
    }
    if (solves_instead((*list)[i], path)) {
      solving.push_back(fmt::format("case.{}.{}", i, replaced));
      continue;
    }
    try {
      Value copy = file;
      assign(copy, there, {true});
      instead.push_back(there);
    } catch (const InvalidInput&) {
      without.push_back(fmt::format("case.{}.{}", i, replaced));
    }
  }
  if (!has_other && instead.empty()) {
    without.insert(without.end(), solving.begin(), solving.end());
  }
  std::string sentence;
  if (!instead.empty()) {
    sentence = fmt::format("{} would overrule it; set {} {}", listed(instead), instead.size() == 1 ? "that" : "those",
                           has_other ? "as well" : "instead");
  }
  if (!without.empty()) {
    sentence += fmt::format("{}{} would overrule it and {} no {}", sentence.empty() ? "" : "; ", listed(without),
                            without.size() == 1 ? "has" : "have", path);
  }
  return sentence;
}

void apply_setting(Value& file, const std::string& setting, const std::vector<std::string>& settings) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InvalidInput(fmt::format("--set {}: must be path=value, such as phase.0.steps=100", setting));
  }
  const std::string path = setting.substr(0, equals);
  const Value* sweep = find(file, "sweep");
  if (const std::string by = sweep == nullptr ? "" : replacement(*sweep, path); !by.empty()) {
    throw InvalidInput(fmt::format("--set {}: sweep.{} would overrule it; set that instead", setting, by));
  }
  const auto is_set = [&settings](const std::string& other) {
    return std::any_of(settings.begin(), settings.end(),
                       [&other](const std::string& text) { return text.starts_with(other + '='); });
  };
  if (const std::string why = overruled_by_cases(file, path, is_set); !why.empty()) {
    throw InvalidInput(fmt::format("--set {}: {}", setting, why));
  }
  try {
    assign(file, path, parse_toml_value(setting.substr(equals + 1)));
  } catch (const InvalidInput& error) {
    throw InvalidInput(fmt::format("--set {}: {}", setting, error.what()));
  }
}

/// The file, with the axes in their order: it names the runs, and a plain key of a table stands before those of tables
/// within it.
std::string text_of(const Value& file, const std::vector<Axis>& axes) {
  if (axes.empty()) {
    return to_toml(file);
  }
  Value rest = file;
  erase(rest, "sweep");
  std::string text = to_toml(rest) + "\n[sweep]\n";
  for (const Axis& axis : axes) {
    const bool is_plain = std::all_of(axis.key.begin(), axis.key.end(), is_name_character);
    text += fmt::format("{} = {}\n", is_plain ? axis.key : to_toml_inline({axis.key}), to_toml_inline({*axis.values}));
  }
  return text;
}

}  // namespace

Plan expand(const Value& file, const std::filesystem::path& folder, const Watcher& watcher) {
  Plan plan;
  plan.folders = {folder};
  plan.runs = cases_of(file);
  const std::vector<Axis> axes = axes_of(file);
  plan.text = text_of(file, axes);
  plan.is_sweep = find(file, "case") != nullptr || !axes.empty();
  if (const std::size_t num_runs = count_runs(plan.runs.size(), axes); num_runs >= many_runs && watcher.many) {
    watcher.many(num_runs);
  }
  for (const Axis& axis : axes) {
    plan.swept.push_back(axis.key);
    plan.runs = cross(plan.runs, axis, watcher.stop);
  }
  for (RunPlan& run : plan.runs) {
    drop_defaults(run.config);
  }
  if (plan.is_sweep) {
    check_names(plan.runs);
  }
  return plan;
}

Plan parse_plan(const std::string& text, const FilePlace& file, const std::vector<std::string>& settings,
                const Watcher& watcher) {
  Value root = parse_toml(text, file.path.string());
  for (const std::string& setting : settings) {
    apply_setting(root, setting, settings);
  }
  Plan plan = expand(root, {}, watcher);
  plan.comments = comments_in(text);
  plan.folders = stored_folders(file.path, plan.comments);
  if (plan.folders.size() > 1 && missing_file(plan.runs, plan.folder()) &&
      !missing_file(plan.runs, plan.folders.back())) {
    std::reverse(plan.folders.begin(), plan.folders.end());
  }
  return plan;
}

Plan read_plan(const FilePlace& file, const std::vector<std::string>& settings, const Watcher& watcher) {
  return parse_plan(read_experiment_file(file.path, watcher.stop), file, settings, watcher);
}

std::optional<std::filesystem::path> missing_file(const std::vector<RunPlan>& runs,
                                                  const std::filesystem::path& folder) {
  std::set<std::string> seen;
  for (const RunPlan& run : runs) {
    for (const char* key : {"task.path", "task.test_path", "network.init.from"}) {
      const Value* value = find(run.config, key);
      const auto* text = value == nullptr ? nullptr : value->as<std::string>();
      std::error_code error;
      if (text != nullptr && !text->empty() && seen.insert(*text).second &&
          !std::filesystem::exists(folder / user_path(*text), error)) {
        return user_path(*text);
      }
    }
  }
  return std::nullopt;
}

}  // namespace mfld
