// mfld list.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <regex>
#include <string_view>

#include "commands.hpp"
#include "json.hpp"
#include "mfld/config/experiment.hpp"
#include "mfld/config/objective_table.hpp"
#include "mfld/config/task_table.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/observe/observables.hpp"
#include "mfld/task/index_model.hpp"
#include "say.hpp"

namespace commands {

namespace {

/// What one name of a list stands for.
struct Row {
  std::string name;
  std::string formula;
  std::string source;  // of the formula; empty: none is given
};
using Rows = std::vector<Row>;

/// Of a table whose rows have a name and a formula.
template <class Table>
Rows rows_of(const Table& table) {
  Rows rows;
  for (const auto& row : table) {
    rows.push_back({std::string(row.name), std::string(row.formula), {}});
  }
  return rows;
}

Rows tasks() { return rows_of(mfld::tasks()); }
Rows objectives() { return rows_of(mfld::objectives()); }
Rows activations() { return rows_of(mfld::activations); }
Rows kernels() { return rows_of(mfld::regression_kernels); }
Rows conventions() { return rows_of(mfld::kernel_conventions); }
Rows observables() {
  Rows rows = rows_of(mfld::observables());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (mfld::observables()[i].needs.all_rows) {
      std::string& formula = rows[i].formula;
      formula.insert(std::min(formula.find("  ["), formula.size()), "; ranks have all particles for it");
    }
  }
  return rows;
}
Rows schedules() { return rows_of(mfld::schedules); }
Rows links() { return rows_of(mfld::index_links); }

Rows neurons() {
  Rows rows;
  for (const mfld::NeuronInfo& row : mfld::neurons) {
    rows.push_back({std::string(row.name),
                    fmt::format("{}; sigma {}{}; bias {}{}", row.formula, mfld::info(row.activation).name,
                                row.fixed_activation ? "" : " by default", row.bias_default ? "yes" : "no",
                                row.bias_optional ? " by default" : ""),
                    {}});
  }
  return rows;
}

Rows losses() {
  Rows rows;
  for (const mfld::LossInfo& row : mfld::losses()) {
    rows.push_back({std::string(row.name), mfld::Loss{row.kind}.describe(), {}});
  }
  return rows;
}

Rows scalings() {
  Rows rows;
  for (const auto& row : mfld::scaling_names) {
    rows.push_back({std::string(row.name), mfld::Scaling{row.value}.describe(), {}});
  }
  return rows;
}

Rows methods() {
  Rows rows;
  for (const mfld::Method& row : mfld::methods) {
    rows.push_back({std::string(row.name), std::string(row.update), std::string(row.source)});
  }
  using Kernel = mfld::KernelMethod;
  rows.push_back({std::string(Kernel::method_name), std::string(Kernel::update), std::string(Kernel::source)});
  return rows;
}

Rows steps() {
  Rows rows;
  for (const mfld::StepInfo& row : mfld::step_rules) {
    rows.push_back({std::string(row.name), std::string(row.update), std::string(row.source)});
  }
  return rows;
}

struct Topic {
  std::string_view name;
  std::string_view title;
  Rows (*rows)();              // nullptr: keys, which have more to say
  std::string_view hint = {};  // which row to pick, in lines
};

/// By tests/bench/README.md, seconds to a small gap.
constexpr std::string_view method_hint =
    "  To pick one for a certified optimum: mfld with step = leimkuhler-matthews has been 1.5 to 8 times sooner than\n"
    "  with euler-maruyama; where labels are easy, sgd-mfld with step = kinetic in batches from 16 on that double "
    "every\n"
    "  other step has been 8 times sooner, and 10 times with noise.law = three-point. A start: step_size 0.2 / "
    "lambda1\n"
    "  with leimkuhler-matthews, 0.1 / lambda1 with euler-maruyama, 0.4 / sqrt(lambda1) with kinetic and friction\n"
    "  2 sqrt(2 lambda1); less where a run diverges or its gap stops falling.\n";

constexpr std::array<Topic, 14> topics = {{
    {"tasks", "[task] kind", tasks},
    {"objectives", "[objective] kind: what a run minimises", objectives},
    {"neurons", "[network] neuron: h(theta; x), theta = (r, w, b)", neurons},
    {"activations", "[network] activation: sigma", activations},
    {"scalings", "[network] scaling", scalings},
    {"losses", "[loss] kind", losses},
    {"methods", "[[phase]] method: eta the step size, v the drift, xi normal", methods, method_hint},
    {"steps", "[[phase]] step: how a particle moves, v the drift with its penalty", steps},
    {"kernels", "[[phase]] kernel of the method kernel-regression", kernels},
    {"conventions", "[[phase]] convention, mfld kernel --convention: networks of infinite width", conventions},
    {"observables", "[observe] columns", observables},
    {"schedules", "kind of step_size, lambda1, lambda1_fourth and lambda2: at step k = 0..K-1 of the phase", schedules},
    {"links", "[task] link of single-index and multi-index: the label of z, x = z or a rotation of it", links},
    {"keys", "keys of an experiment file; --set writes phase.0.steps for steps of the first [[phase]]", nullptr},
}};

/// The name that was asked for is none of these.
[[noreturn]] void refuse(std::string_view what, const std::string& name, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto nearest = mfld::nearest_name(name, candidates);
  throw mfld::InvalidInput(fmt::format(
      "unknown {} {}{}", what, name,
      nearest ? fmt::format("; did you mean {}?", *nearest) : fmt::format("; `mfld list {}s` has all", what)));
}

/// The rows of a topic, or the one called `name`.
Rows chosen_rows(const Topic& topic, const std::string& name) {
  Rows rows = topic.rows();
  if (!name.empty()) {
    const std::vector<std::string> names = mfld::names_of(rows);
    std::erase_if(rows, [&](const Row& row) { return row.name != name; });
    if (rows.empty()) {
      refuse(topic.name.substr(0, topic.name.size() - 1), name, names);
    }
  }
  return rows;
}

/// As `list` and error messages write a key: --set counts phases, phase.0.steps.
std::string without_positions(const std::string& path) {
  static const std::regex position("\\.[0-9]+(?=\\.|$)");
  return std::regex_replace(path, position, "");
}

/// The keys that are `prefix`, or of the section so called; else those whose path begins so.
std::vector<mfld::KeyInfo> chosen_keys(const std::string& given) {
  const std::vector<mfld::KeyInfo> keys = mfld::describe_keys();
  const std::string prefix = without_positions(given);
  std::vector<mfld::KeyInfo> whole;
  std::vector<mfld::KeyInfo> begun;
  std::vector<std::string> names;
  for (const mfld::KeyInfo& key : keys) {
    if (key.path == prefix || key.path.starts_with(prefix + ".")) {
      whole.push_back(key);
    }
    if (key.path.starts_with(prefix)) {
      begun.push_back(key);
    }
    for (std::size_t end = key.path.find('.'); end != std::string::npos; end = key.path.find('.', end + 1)) {
      names.push_back(key.path.substr(0, end));
    }
    names.push_back(key.path);
  }
  if (begun.empty()) {
    refuse("key", given, names);
  }
  return whole.empty() ? begun : whole;
}

void print_topic(const Topic& topic, const std::string& name) {
  std::string text;
  if (topic.rows != nullptr) {
    for (const Row& row : chosen_rows(topic, name)) {
      text += fmt::format("  {:<20} {}\n", row.name, row.formula);
      text += row.source.empty() ? "" : fmt::format("  {:<20} ({})\n", "", row.source);
    }
  } else {
    for (const mfld::KeyInfo& key : chosen_keys(name)) {
      text += fmt::format("  {:<30} {}\n  {:<30} {}; {}{}{}\n", key.path, key.doc, "", key.allowed,
                          key.fallback == "required" ? "" : "default: ", key.fallback,
                          key.where.empty() ? "" : "; only with " + key.where);
    }
  }
  print(fmt::format("{} ({})\n{}{}", topic.name, topic.title, text, name.empty() ? topic.hint : ""));
}

nlohmann::ordered_json json_of(const Topic& topic, const std::string& name) {
  auto result = nlohmann::ordered_json::array();
  if (topic.rows != nullptr) {
    for (const Row& row : chosen_rows(topic, name)) {
      result.push_back({{"name", row.name}, {"formula", row.formula}});
      if (!row.source.empty()) {
        result.back()["source"] = row.source;
      }
    }
    return result;
  }
  for (const mfld::KeyInfo& key : chosen_keys(name)) {
    const bool is_required = key.fallback == "required";
    result.push_back({{"key", key.path}, {"meaning", key.doc}, {"allowed", key.allowed}, {"required", is_required}});
    result.back()["default"] = is_required ? nlohmann::ordered_json() : nlohmann::ordered_json(key.fallback);
    result.back()["only_with"] = key.where.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(key.where);
  }
  return result;
}

}  // namespace

std::vector<std::string> list_topics() { return mfld::names_of(topics); }

std::vector<std::string> names_of_topic(const std::string& name) {
  std::vector<std::string> names;
  for (const Topic& topic : topics) {
    if (topic.name == name && topic.rows != nullptr) {
      names = mfld::names_of(topic.rows());
    } else if (topic.name == name) {
      for (const mfld::KeyInfo& key : mfld::describe_keys()) {
        names.push_back(key.path);
      }
    }
  }
  return names;
}

ExitStatus list(const ListArguments& arguments) {
  auto everything = nlohmann::ordered_json::object();
  for (const Topic& topic : topics) {
    if (!arguments.topic.empty() && arguments.topic != topic.name) {
      continue;
    }
    if (arguments.json) {
      everything[std::string(topic.name)] = json_of(topic, arguments.name);
    } else {
      print_topic(topic, arguments.name);
    }
  }
  if (arguments.json) {
    print_json(everything);
  }
  return finished;
}

}  // namespace commands
