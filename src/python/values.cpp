#include "python/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "python/arrays.hpp"
#include "python/computing.hpp"

namespace mfld::python {

namespace {

std::string type_of(const py::handle& object) { return py::str(py::type::handle_of(object).attr("__name__")); }

std::string inner(const std::string& path, const std::string& key) { return path.empty() ? key : path + '.' + key; }

/// Whether the key takes an array, of a case too.
bool takes_array(std::string_view path) {
  constexpr std::array<std::string_view, 5> keys = {"task.train_inputs", "task.train_targets", "task.test_inputs",
                                                    "task.test_targets", "network.init.particles"};
  return std::any_of(keys.begin(), keys.end(), [path](std::string_view key) {
    return path == key ||
           (path.ends_with(key) && path.starts_with("case.") && path[path.size() - key.size() - 1] == '.');
  });
}

/// Whether the key takes an array of one number a step.
bool takes_schedule(std::string_view path) {
  constexpr std::array<std::string_view, 4> keys = {"step_size", "lambda1", "lambda1_fourth", "lambda2"};
  const std::size_t point = path.rfind('.');
  return point != std::string_view::npos && (path.starts_with("phase.") || path.starts_with("case.")) &&
         std::find(keys.begin(), keys.end(), path.substr(point + 1)) != keys.end();
}

Value integer_of(const py::handle& object, const std::string& path) {
  int overflow = 0;
  const long long integer =
      PyLong_AsLongLongAndOverflow(py::int_(py::reinterpret_borrow<py::object>(object)).ptr(), &overflow);
  if (overflow != 0) {
    throw InvalidInput(fmt::format("{}: is an integer of more than 64 bits", path));
  }
  return {std::int64_t{integer}};
}

Value table_of(const py::dict& dict, const std::string& path, GivenArrays& arrays) {
  Table table;
  for (const auto& [key, item] : dict) {
    if (!py::isinstance<py::str>(key)) {
      throw InvalidInput(fmt::format("{}: its keys must be strings, and one is of type {}",
                                     path.empty() ? "the experiment" : path, type_of(key)));
    }
    const std::string name = py::str(key);
    table.members.push_back({name, value_of(item, inner(path, name), arrays)});
  }
  return {std::move(table)};
}

Value list_of(const py::handle& items, const std::string& path, GivenArrays& arrays) {
  List list;
  for (const py::handle& item : items) {
    list.push_back(value_of(item, fmt::format("{}.{}", path, list.size()), arrays));
  }
  return {std::move(list)};
}

bool is_of(const py::handle& object, const char* module, const char* name) {
  return py::isinstance(object, py::module_::import(module).attr(name));
}

Plan read_file(const py::object& file, const std::vector<std::string>& settings) {
  if (!py::isinstance<py::str>(file) && !is_of(file, "pathlib", "PurePath")) {
    throw InvalidInput(
        fmt::format("the experiment is of type {}, and must be the path of a file, or a dictionary", type_of(file)));
  }
  const std::filesystem::path path = user_path(py::str(file));
  Plan plan;
  Attention attention;
  compute_attentively(attention, [&] { plan = read_plan(path, settings, &attention.stop()); });
  return plan;
}

/// The names of the first runs.
std::string some_names(const Plan& plan) {
  constexpr std::size_t most = 6;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(most, plan.runs.size()); ++i) {
    names.push_back(plan.runs[i].name);
  }
  return fmt::format("{}{}", fmt::join(names, ", "), plan.runs.size() > most ? ", .." : "");
}

void choose(Plan& plan, const std::string& name) {
  const auto run =
      std::find_if(plan.runs.begin(), plan.runs.end(), [&](const RunPlan& each) { return each.name == name; });
  if (run == plan.runs.end()) {
    throw InvalidInput(
        fmt::format("only = \"{}\": is none of the {} runs, such as {}", name, plan.runs.size(), some_names(plan)));
  }
  plan.runs = {RunPlan(*run)};
  plan.is_sweep = false;
}

}  // namespace

Value value_of(const py::handle& object, const std::string& path, GivenArrays& arrays) {
  if (takes_array(path) && !py::isinstance<py::str>(object)) {
    return {arrays.add(matrix_of(object, path))};
  }
  if (takes_schedule(path) && py::isinstance<py::array>(object)) {
    const Vector steps = vector_of(object, path);
    return {arrays.add(steps)};
  }
  if (py::isinstance<py::bool_>(object) || is_of(object, "numpy", "bool_")) {
    return {object.attr("__bool__")().cast<bool>()};
  }
  if (py::isinstance<py::int_>(object) || is_of(object, "numpy", "integer")) {
    return integer_of(object, path);
  }
  if (py::isinstance<py::float_>(object) || is_of(object, "numpy", "floating")) {
    return {py::float_(py::reinterpret_borrow<py::object>(object)).cast<double>()};
  }
  if (py::isinstance<py::str>(object) || is_of(object, "pathlib", "PurePath")) {
    return {std::string(py::str(object))};
  }
  if (py::isinstance<py::dict>(object)) {
    return table_of(py::reinterpret_borrow<py::dict>(object), path, arrays);
  }
  if (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    return list_of(object, path, arrays);
  }
  if (py::isinstance<py::array>(object)) {
    return value_of(object.attr("tolist")(), path, arrays);
  }
  throw InvalidInput(fmt::format("{}: is of type {}, and must be a number, a string, a list, a dictionary or an array",
                                 path.empty() ? "the experiment" : path, type_of(object)));
}

Source read_source(const py::object& experiment, const py::dict& settings, const std::string& only) {
  Source source;
  source.arrays = std::make_shared<GivenArrays>();
  std::vector<std::string> set;
  for (const auto& [key, item] : settings) {
    const std::string path = py::str(key);
    set.push_back(path + '=' + to_toml_inline(value_of(item, path, *source.arrays)));
  }
  if (py::isinstance<py::dict>(experiment)) {
    const std::string text = to_toml(value_of(experiment, "", *source.arrays));
    source.plan = parse_plan(text, FilePlace("experiment"), set);
  } else {
    source.plan = read_file(experiment, set);
  }
  if (!only.empty()) {
    choose(source.plan, only);
  }
  return source;
}

const RunPlan& single_run(const Plan& plan) {
  if (plan.runs.size() != 1) {
    throw InvalidInput(fmt::format("the experiment has {} runs ({}), and this makes one: choose it with only",
                                   plan.runs.size(), some_names(plan)));
  }
  return plan.runs.front();
}

}  // namespace mfld::python
