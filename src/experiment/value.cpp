#include "mfld/experiment/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

Value from_node(const toml::node& node, const std::string& source);

std::int64_t position_of(const toml::node& node) {
  const toml::source_position begin = node.source().begin;
  return (std::int64_t{begin.line} << 32) + begin.column;
}

/// toml++ sorts the members of a table by name; their places in the text restore the order of writing. A table that is
/// only implied by dotted keys stands where its first member does.
Value from_table(const toml::table& node, const std::string& source) {
  Table table;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (const auto& [key, child] : node) {
    table.members.push_back({std::string(key.str()), from_node(child, source)});
    first = std::min(first, table.members.back().value.position);
  }
  std::stable_sort(table.members.begin(), table.members.end(),
                   [](const Member& a, const Member& b) { return a.value.position < b.value.position; });
  return {std::move(table), {}, node.empty() ? position_of(node) : first};
}

Value from_node(const toml::node& node, const std::string& source) {
  const std::int64_t position = position_of(node);
  if (const auto* table = node.as_table()) {
    return from_table(*table, source);
  }
  if (const auto* array = node.as_array()) {
    List list;
    for (const toml::node& child : *array) {
      list.push_back(from_node(child, source));
    }
    const std::int64_t first_position = list.empty() ? position : list.front().position;
    return {std::move(list), {}, first_position};
  }
  if (const auto* flag = node.as_boolean()) {
    return {flag->get(), {}, position};
  }
  if (const auto* integer = node.as_integer()) {
    return {integer->get(), {}, position};
  }
  if (const auto* number = node.as_floating_point()) {
    return {number->get(), {}, position};
  }
  if (const auto* text = node.as_string()) {
    return {text->get(), {}, position};
  }
  throw InvalidInput(fmt::format("{}:{}:{}: a date is no value that an experiment has", source,
                                 node.source().begin.line, node.source().begin.column));
}

bool is_bare(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [extra](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string key_text(const std::string& key) { return is_bare(key, "_-") ? key : quoted(key); }

/// Shortest text that reads back to the same double, and as a float.
std::string number_text(double number) {
  std::string text = fmt::format("{}", number);
  return std::isfinite(number) && text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

bool is_list_of_tables(const Value& value) {
  const auto* list = value.as<List>();
  return list != nullptr && !list->empty() &&
         std::all_of(list->begin(), list->end(), [](const Value& item) { return item.as<Table>() != nullptr; });
}

void write_leaves(std::string& out, const Table& table, bool nested_inline) {
  for (const auto& [key, value] : table.members) {
    if (!nested_inline && (value.as<Table>() != nullptr || is_list_of_tables(value))) {
      continue;
    }
    const std::string line = fmt::format("{} = {}", key_text(key), to_toml_inline(value));
    out += value.comment.empty() ? line + '\n' : fmt::format("{:<40}  # {}\n", line, value.comment);
  }
}

void write_table(std::string& out, const Table& table, const std::string& prefix) {
  write_leaves(out, table, false);
  for (const auto& [key, value] : table.members) {
    const std::string path = prefix + key_text(key);
    if (const auto* nested = value.as<Table>()) {
      out += fmt::format("\n[{}]\n", path);
      write_table(out, *nested, path + '.');
    } else if (is_list_of_tables(value)) {
      for (const Value& item : *value.as<List>()) {
        out += fmt::format("\n[[{}]]\n", path);
        write_leaves(out, *item.as<Table>(), true);
      }
    }
  }
}

std::optional<std::size_t> as_position(std::string_view text) {
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(position) : std::nullopt;
}

const Value* find_member(const Table& table, std::string_view key) {
  const auto found = std::find_if(table.members.begin(), table.members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == table.members.end() ? nullptr : &found->value;
}

/// The child called `key`, made if a table has none. `path` is where `parent` stands, for error messages.
Value& child(Value& parent, std::string_view key, std::string_view path) {
  if (auto* table = parent.as<Table>()) {
    if (const Value* found = find_member(*table, key)) {
      return const_cast<Value&>(*found);
    }
    return table->members.emplace_back(Member{std::string(key), {Table{}}}).value;
  }
  auto* list = parent.as<List>();
  if (list == nullptr) {
    throw InvalidInput(fmt::format("{}.{}: {} is {}, not a table or a list", path, key, path, type_name(parent)));
  }
  const auto position = as_position(key);
  if (!position || *position >= list->size()) {
    throw InvalidInput(fmt::format("{}.{}: the list {} has {} entries, counted from 0", path, key, path, list->size()));
  }
  return (*list)[*position];
}

}  // namespace

Value parse_toml(std::string_view text, const std::string& source) {
  try {
    return from_node(toml::parse(text), source);
  } catch (const toml::parse_error& error) {
    throw InvalidInput(fmt::format("{}:{}:{}: {}", source, error.source().begin.line, error.source().begin.column,
                                   error.description()));
  }
}

Value parse_toml_value(const std::string& text) {
  try {
    const toml::table table = toml::parse("value = " + text);
    if (table.size() == 1) {
      return {from_node(*table.get("value"), text).data};
    }
  } catch (const toml::parse_error&) {
    if (is_bare(text, "._/+-")) {
      return {text};
    }
  }
  throw InvalidInput(fmt::format("{} is not a TOML value", text.empty() ? "an empty text" : text));
}

std::string to_toml(const Value& root) {
  std::string out;
  write_table(out, std::get<Table>(root.data), "");
  return out;
}

std::string to_toml_inline(const Value& value) {
  if (const auto* flag = value.as<bool>()) {
    return *flag ? "true" : "false";
  }
  if (const auto* integer = value.as<std::int64_t>()) {
    return fmt::format("{}", *integer);
  }
  if (const auto* number = value.as<double>()) {
    return number_text(*number);
  }
  if (const auto* text = value.as<std::string>()) {
    return quoted(*text);
  }
  std::string items;
  if (const auto* list = value.as<List>()) {
    for (const Value& item : *list) {
      items += (items.empty() ? "" : ", ") + to_toml_inline(item);
    }
    return '[' + items + ']';
  }
  for (const auto& [key, item] : value.as<Table>()->members) {
    items += fmt::format("{}{} = {}", items.empty() ? "" : ", ", key_text(key), to_toml_inline(item));
  }
  return items.empty() ? "{}" : "{ " + items + " }";
}

std::string_view type_name(const Value& value) {
  constexpr std::string_view names[] = {"true or false", "an integer", "a number", "a string", "a list", "a table"};
  return names[value.data.index()];
}

const Value* find(const Value& root, std::string_view path) {
  const Value* node = &root;
  while (node != nullptr && !path.empty()) {
    const std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    const auto position = as_position(key);
    if (const auto* table = node->as<Table>()) {
      node = find_member(*table, key);
    } else if (const auto* list = node->as<List>(); list != nullptr && position && *position < list->size()) {
      node = &(*list)[*position];
    } else {
      node = nullptr;
    }
  }
  return node;
}

void assign(Value& root, std::string_view path, Value value) {
  Value* node = &root;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    if (end == begin) {
      throw InvalidInput(
          fmt::format("{} = {}: a path is names or positions joined by single dots", path, to_toml_inline(value)));
    }
    node = &child(*node, path.substr(begin, end - begin), path.substr(0, begin == 0 ? 0 : begin - 1));
    begin = end + 1;
  }
  value.position = std::min(value.position, node->position);
  *node = std::move(value);
}

void merge(Value& base, const Value& overlay, const std::string& path) {
  const auto* table = overlay.as<Table>();
  const bool reaches_into = base.as<List>() != nullptr && table != nullptr && !table->members.empty() &&
                            std::all_of(table->members.begin(), table->members.end(),
                                        [](const Member& member) { return as_position(member.key).has_value(); });
  if (table == nullptr || (base.as<Table>() == nullptr && !reaches_into)) {
    base = overlay;
    return;
  }
  for (const auto& [key, value] : table->members) {
    merge(child(base, key, path), value, path.empty() ? key : path + '.' + key);
  }
}

}  // namespace mfld
