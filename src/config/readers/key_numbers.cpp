#include "config/readers/key_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <optional>

#include "core/expression.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"

namespace mfld::readers {

namespace {

std::optional<double> as_number(const Value& value) {
  if (const auto* integer = value.as<std::int64_t>()) {
    return static_cast<double>(*integer);
  }
  const auto* number = value.as<double>();
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

/// "phase.0" of "phase.0.steps"; of the last, nothing.
std::string section_around(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

void collect_names(const Value& value, const std::string& path, std::vector<std::string>& names) {
  if (const auto* table = value.as<Table>()) {
    for (const auto& [key, item] : table->members) {
      collect_names(item, path.empty() ? key : path + '.' + key, names);
    }
  } else if (const auto* list = value.as<List>()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      collect_names((*list)[i], fmt::format("{}.{}", path, i), names);
    }
  } else if (as_number(value)) {
    names.push_back(path);
  }
}

}  // namespace

double KeyNumbers::evaluate(std::string_view text, const std::string& path) {
  open_.push_back(path);
  const double value = mfld::evaluate(text, [this](std::string_view name) { return value_of(name); });
  open_.pop_back();
  return value;
}

double KeyNumbers::value_of(std::string_view name) {
  for (std::string around = open_.back(); !around.empty();) {
    around = section_around(around);
    const std::string path = around.empty() ? std::string(name) : fmt::format("{}.{}", around, name);
    const Value* value = find(given_, path);
    value = value != nullptr ? value : find(resolved_, path);
    if (value == nullptr) {
      continue;
    }
    if (const auto number = as_number(*value)) {
      return *number;
    }
    const auto* text = value->as<std::string>();
    if (text == nullptr) {
      throw InvalidInput(fmt::format("{} is {}, not a number", path, type_name(*value)));
    }
    if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
      throw InvalidInput(fmt::format("it goes in a circle: {}, {}", boost::algorithm::join(open_, ", "), path));
    }
    return evaluate(*text, path);
  }
  complain_about(name);
}

void KeyNumbers::complain_about(std::string_view name) const {
  std::vector<std::string> paths;
  collect_names(given_, "", paths);
  collect_names(resolved_, "", paths);
  std::vector<std::string> known = paths;
  const std::string own = section_around(open_.back()) + '.';
  for (const std::string& path : paths) {
    if (path.starts_with(own)) {
      known.push_back(path.substr(own.size()));
    }
  }
  const auto meant = nearest_name(name, std::vector<std::string_view>(known.begin(), known.end()));
  throw InvalidInput(
      fmt::format("the file has no number called {}{}", name, meant ? fmt::format("; did you mean {}?", *meant) : ""));
}

}  // namespace mfld::readers
