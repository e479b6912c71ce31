#include "mfld/experiment/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "experiment/experiment_file.hpp"
#include "mfld/core/error.hpp"

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

/// Every run once for each value of the axis.
std::vector<RunPlan> cross(const std::vector<RunPlan>& runs, const Axis& axis) {
  std::vector<RunPlan> result;
  for (const RunPlan& run : runs) {
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

void apply_setting(Value& file, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InvalidInput(fmt::format("--set {}: must be path=value, such as phase.0.steps=100", setting));
  }
  const std::string path = setting.substr(0, equals);
  const auto overruled = [&](const std::string& by) {
    if (find(file, by + '.' + path) != nullptr) {
      throw InvalidInput(fmt::format("--set {}: {}.{} would overrule it; set that instead", setting, by, path));
    }
  };
  overruled("sweep");
  const Value* cases = find(file, "case");
  const auto* list = cases == nullptr ? nullptr : cases->as<List>();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    overruled(fmt::format("case.{}", i));
  }
  try {
    assign(file, path, parse_toml_value(setting.substr(equals + 1)));
  } catch (const InvalidInput& error) {
    throw InvalidInput(fmt::format("--set {}: {}", setting, error.what()));
  }
}

}  // namespace

Plan expand(const Value& file, const std::filesystem::path& folder) {
  Plan plan;
  plan.folder = folder;
  plan.text = to_toml(file);
  plan.is_sweep = find(file, "case") != nullptr || find(file, "sweep") != nullptr;
  plan.runs = cases_of(file);
  for (const Axis& axis : axes_of(file)) {
    if (plan.runs.size() > most_runs / std::max<std::size_t>(axis.values->size(), 1)) {
      throw InvalidInput(
          fmt::format("sweep.{} = a list of {} values makes more than {} runs of the {} so far; that is too "
                      "many for one directory",
                      axis.key, axis.values->size(), most_runs, plan.runs.size()));
    }
    plan.swept.push_back(axis.key);
    plan.runs = cross(plan.runs, axis);
  }
  std::set<std::string> names;
  for (const RunPlan& run : plan.runs) {
    if (!names.insert(run.name).second) {
      throw InvalidInput(
          fmt::format("two runs would both be called {}: a case name or a value of the sweep is repeated", run.name));
    }
  }
  return plan;
}

Plan read_plan(const std::filesystem::path& file, const std::vector<std::string>& settings,
               const std::atomic<bool>* stop) {
  Value root = parse_toml(read_experiment_file(file, stop), file.string());
  for (const std::string& setting : settings) {
    apply_setting(root, setting);
  }
  return expand(root, file.parent_path());
}

}  // namespace mfld
