#include "mfld/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cmath>

#include "config/readers/key_numbers.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"

namespace mfld {

namespace {

Value to_value(double number) { return {number}; }
Value to_value(std::int64_t integer) { return {integer}; }
Value to_value(bool flag) { return {flag}; }
Value to_value(const std::string& text) { return {text}; }
Value to_value(const Column& column) { return column.name.empty() ? to_value(*column.place) : to_value(column.name); }
template <class T>
Value to_value(const std::vector<T>& items) {
  List list;
  for (const T& item : items) {
    list.push_back(to_value(item));
  }
  return {std::move(list)};
}

std::optional<double> as_number(const Value& value) {
  if (const auto* integer = value.as<std::int64_t>()) {
    return static_cast<double>(*integer);
  }
  const auto* number = value.as<double>();
  return number != nullptr && std::isfinite(*number) ? std::optional(*number) : std::nullopt;
}

/// 1e4 is the integer 10000; 2.5 is none.
std::optional<std::int64_t> as_integer(const Value& value) {
  if (const auto* integer = value.as<std::int64_t>()) {
    return *integer;
  }
  const auto* number = value.as<double>();
  return number != nullptr && std::floor(*number) == *number && std::abs(*number) < 0x1p53
             ? std::optional(static_cast<std::int64_t>(*number))
             : std::nullopt;
}

std::optional<std::string> as_text(const Value& value) {
  const auto* text = value.as<std::string>();
  return text != nullptr ? std::optional(*text) : std::nullopt;
}

std::optional<Column> as_column(const Value& value) {
  if (const auto* text = value.as<std::string>()) {
    return text->empty() ? std::nullopt : std::optional(Column(*text));
  }
  const std::optional<std::int64_t> integer = as_integer(value);
  return integer ? std::optional(Column(*integer)) : std::nullopt;
}

template <class Parse>
auto as_list(const Value& value, const Parse& parse)
    -> std::optional<std::vector<typename decltype(parse(value))::value_type>> {
  const auto* list = value.as<List>();
  if (list == nullptr) {
    return std::nullopt;
  }
  std::vector<typename decltype(parse(value))::value_type> items;
  for (const Value& entry : *list) {
    const auto item = parse(entry);
    if (!item) {
      return std::nullopt;
    }
    items.push_back(*item);
  }
  return items;
}

std::string_view words(NumberRule rule) {
  switch (rule) {
    case NumberRule::any:
      break;
    case NumberRule::positive:
      return "a finite number > 0";
    case NumberRule::non_negative:
      return "a finite number >= 0";
    case NumberRule::fraction:
      return "a number in [0, 1]";
  }
  return "a finite number";
}

bool obeys(NumberRule rule, double number) {
  switch (rule) {
    case NumberRule::any:
      break;
    case NumberRule::positive:
      return number > 0;
    case NumberRule::non_negative:
      return number >= 0;
    case NumberRule::fraction:
      return number >= 0 && number <= 1;
  }
  return true;
}

std::string words(IntegerRange range) {
  if (range.max != IntegerRange{}.max) {
    return fmt::format("an integer from {} to {}", range.min, range.max);
  }
  return range.min == -range.max ? "an integer" : fmt::format("an integer >= {}", range.min);
}

std::string quoted_list(const std::vector<std::string>& names) {
  return '"' + boost::algorithm::join(names, "\", \"") + '"';
}

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto found = nearest_name(name, candidates);
  return found ? std::optional(std::string(*found)) : std::nullopt;
}

/// The type, where it is what is wrong with the value.
std::string type_if_wrong(const Value& value, const std::string& allowed) {
  const std::string_view type = type_name(value);
  const bool is_number = as_number(value).has_value() || value.as<double>() != nullptr;
  const bool fits = (is_number && allowed.find("number") != std::string::npos) ||
                    (value.as<std::string>() != nullptr && allowed.find('"') != std::string::npos) ||
                    allowed.find(type.substr(type.find(' ') + 1)) != std::string::npos;
  return fits ? "" : fmt::format("is {}, ", type);
}

}  // namespace

Section Section::reading(const Value& given, Value& resolved) {
  Section section;
  section.root_ = &given;
  section.given_ = &given;
  section.resolved_ = &resolved;
  return section;
}

Section Section::describing(std::vector<KeyInfo>& keys) {
  Section section;
  section.keys_ = &keys;
  return section;
}

std::string Section::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

const Value* Section::find(std::string_view name) const {
  return given_ == nullptr ? nullptr : mfld::find(*given_, name);
}

Section Section::table(std::string_view name, std::string_view where) const {
  Section section = *this;
  section.given_ = find(name);
  section.path_ = path_of(name);
  section.where_ = where;
  section.wheres_.clear();
  if (section.given_ != nullptr && section.given_->as<Table>() == nullptr) {
    throw InvalidInput(fmt::format("{} = {}: is {}, must be a table", section.path_, to_toml_inline(*section.given_),
                                   type_name(*section.given_)));
  }
  return section;
}

Section Section::with(std::string_view where) const {
  Section section = *this;
  section.where_ += (section.where_.empty() ? "" : ", ") + std::string(where);
  return section;
}

std::vector<Section> Section::tables(std::string_view name) const {
  if (is_describing()) {
    return {table(name)};
  }
  const Value* value = find(name);
  const auto* list = value == nullptr ? nullptr : value->as<List>();
  check(value == nullptr || list != nullptr, name, fmt::format("must be a list of tables, [[{}]]", path_of(name)));
  std::vector<Section> sections;
  if (list != nullptr) {
    assign(*resolved_, path_of(name), {List(list->size(), Value{Table{}})});
    for (std::size_t i = 0; i < list->size(); ++i) {
      sections.push_back(table(fmt::format("{}.{}", name, i)));
    }
  }
  return sections;
}

bool Section::reads(std::string_view name, bool condition, std::string_view where) {
  wheres_.emplace_back(name, where);
  check(condition || !has(name), name, fmt::format("is only read with {}", where));
  return condition || is_describing();
}

void Section::check(bool condition, std::string_view name, const std::string& why) const {
  if (!condition && !is_describing()) {
    throw InvalidInput(complaint(name, why));
  }
}

void Section::check_data(bool condition, std::string_view name, const std::string& why) const {
  if (!condition && !is_describing()) {
    throw WrongData(complaint(name, why));
  }
}

std::string Section::complaint(std::string_view name, const std::string& why) const {
  const Value* given = find(name);
  const Value* value = given != nullptr ? given : mfld::find(*resolved_, path_of(name));
  return value != nullptr ? fmt::format("{} = {}: {}", path_of(name), to_toml_inline(*value), why)
                          : fmt::format("{}: {}", path_of(name), why);
}

void Section::describe(std::string_view name, std::string_view allowed, std::string_view fallback,
                       std::string_view doc) const {
  const auto where =
      std::find_if(wheres_.rbegin(), wheres_.rend(), [name](const auto& item) { return item.first == name; });
  std::string conditions = where_;
  if (where != wheres_.rend()) {
    conditions += (conditions.empty() ? "" : ", ") + where->second;
  }
  keys_->push_back({path_of(name), std::string(allowed), std::string(fallback), std::string(doc), conditions});
}

void Section::resolve(std::string_view name, Value value, std::string_view doc) const {
  value.comment = doc;
  assign(*resolved_, path_of(name), std::move(value));
}

template <class T, class Parse>
T Section::get(std::string_view name, std::string_view doc, const Fallback<T>& fallback, const std::string& allowed,
               T stand_in, const Parse& parse, const std::string& why_not) const {
  if (is_describing()) {
    const std::string in_words = !fallback.value          ? "required"
                                 : fallback.words.empty() ? to_toml_inline(to_value(*fallback.value))
                                                          : std::string(fallback.words);
    describe(name, allowed, in_words, doc);
    return fallback.value.value_or(stand_in);
  }
  const Value* value = find(name);
  if (value == nullptr && !fallback.value) {
    throw InvalidInput(fmt::format("{}: is missing, must be {} ({})", path_of(name), allowed, doc));
  }
  const std::optional<T> result = value != nullptr ? parse(*value) : fallback.value;
  if (!result) {
    throw InvalidInput(fmt::format("{} = {}: {}must be {}{}", path_of(name), to_toml_inline(*value),
                                   type_if_wrong(*value, allowed), allowed, why_not));
  }
  resolve(name, to_value(*result), doc);
  return *result;
}

std::optional<double> Section::number_of(std::string_view name, const Value& value, std::string& why_not) const {
  const auto* text = value.as<std::string>();
  if (text == nullptr) {
    return as_number(value);
  }
  if (text->find_first_not_of("0123456789.eE+-") == std::string::npos) {
    return std::nullopt;  // a number in quotes, which is a mistake more often than not
  }
  try {
    const double number = readers::KeyNumbers(*root_, *resolved_).evaluate(*text, path_of(name));
    why_not = fmt::format("; as an expression it is {}", number);
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
  } catch (const InvalidInput& error) {
    why_not = fmt::format("; as an expression of other keys: {}", error.what());
    return std::nullopt;
  }
}

double Section::number(std::string_view name, std::string_view doc, Fallback<double> fallback, NumberRule rule) {
  std::string why_not;
  const auto parse = [&](const Value& value) {
    const std::optional<double> number = number_of(name, value, why_not);
    return number && obeys(rule, *number) ? number : std::nullopt;
  };
  return get<double>(name, doc, fallback, std::string(words(rule)), 1, parse, why_not);
}

std::int64_t Section::integer(std::string_view name, std::string_view doc, Fallback<std::int64_t> fallback,
                              IntegerRange range) {
  std::string why_not;
  const auto parse = [&](const Value& value) {
    std::optional<std::int64_t> integer = as_integer(value);
    if (const auto number = integer ? std::nullopt : number_of(name, value, why_not); number && !why_not.empty()) {
      const double nearest = std::round(*number);
      const bool is_near = std::abs(*number - nearest) <= 1e-9 * std::max(1.0, std::abs(nearest));
      integer = is_near ? as_integer({nearest}) : std::nullopt;
    }
    return integer && *integer >= range.min && *integer <= range.max ? integer : std::nullopt;
  };
  return get<std::int64_t>(name, doc, fallback, words(range), std::max<std::int64_t>(range.min, 1), parse, why_not);
}

bool Section::flag(std::string_view name, std::string_view doc, Fallback<bool> fallback) {
  return get<bool>(name, doc, fallback, "true or false", false, [](const Value& value) {
    const auto* flag = value.as<bool>();
    return flag != nullptr ? std::optional(*flag) : std::nullopt;
  });
}

std::string Section::text(std::string_view name, std::string_view doc, const Fallback<std::string>& fallback) {
  return get<std::string>(name, doc, fallback, "a string", "", as_text);
}

std::size_t Section::choice(std::string_view name, std::string_view doc, const Fallback<std::string>& fallback,
                            const std::vector<std::string>& names) {
  const auto is_name = [&names](const Value& value) {
    const std::optional<std::string> text = as_text(value);
    return text && std::count(names.begin(), names.end(), *text) != 0 ? text : std::nullopt;
  };
  const std::string allowed = fmt::format("one of {}{}", quoted_list(names), suggestion(name, names));
  const std::string chosen = get<std::string>(name, doc, fallback, allowed, names.front(), is_name);
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), chosen) - names.begin());
}

std::string Section::suggestion(std::string_view name, const std::vector<std::string>& names) const {
  const Value* value = find(name);
  const auto* text = value == nullptr ? nullptr : value->as<std::string>();
  const auto meant = text == nullptr ? std::nullopt : nearest(*text, names);
  return meant && *meant != *text ? fmt::format("; did you mean \"{}\"?", *meant) : "";
}

std::vector<double> Section::numbers(std::string_view name, std::string_view doc) {
  return get<std::vector<double>>(name, doc, {std::vector<double>{}}, "a list of finite numbers", {},
                                  [](const Value& value) { return as_list(value, as_number); });
}

std::vector<std::vector<double>> Section::rows(std::string_view name, std::string_view doc) {
  return get<std::vector<std::vector<double>>>(
      name, doc, {std::vector<std::vector<double>>{}}, "a list of lists of finite numbers", {},
      [](const Value& value) { return as_list(value, [](const Value& row) { return as_list(row, as_number); }); });
}

Matrix Section::matrix(std::string_view name, std::string_view doc) {
  const auto given = rows(name, doc);
  if (is_describing()) {
    return Matrix::Zero(1, 1);
  }
  check(!given.empty() && !given[0].empty(), name, "must have at least one row of one number");
  Matrix result(std::ssize(given), std::ssize(given[0]));
  for (std::size_t i = 0; i < given.size(); ++i) {
    check(given[i].size() == given[0].size(), name,
          fmt::format("row {} has {} numbers, and row 1 has {}", i + 1, given[i].size(), given[0].size()));
    result.row(static_cast<Index>(i)) = Eigen::Map<const Vector>(given[i].data(), result.cols());
  }
  return result;
}

std::vector<std::int64_t> Section::integers(std::string_view name, std::string_view doc,
                                            const Fallback<std::vector<std::int64_t>>& fallback, IntegerRange range) {
  return get<std::vector<std::int64_t>>(
      name, doc, fallback, "a list, each " + words(range), {range.min},
      [range](const Value& value) -> std::optional<std::vector<std::int64_t>> {
        const auto items = as_list(value, as_integer);
        return items && std::all_of(items->begin(), items->end(),
                                    [range](std::int64_t item) { return item >= range.min && item <= range.max; })
                   ? items
                   : std::nullopt;
      });
}

Column Section::column(std::string_view name, std::string_view doc, const Fallback<Column>& fallback) {
  return get<Column>(name, doc, fallback, "an integer, or the name of a column in quotes", Column(0), as_column);
}

std::vector<Column> Section::columns(std::string_view name, std::string_view doc) {
  return get<std::vector<Column>>(name, doc, {std::vector<Column>{}},
                                  "a list of integers and of names of columns in quotes", {},
                                  [](const Value& value) { return as_list(value, as_column); });
}

std::vector<std::string> Section::names(std::string_view name, std::string_view doc,
                                        const Fallback<std::vector<std::string>>& fallback) {
  return get<std::vector<std::string>>(name, doc, fallback, "a list of strings", {},
                                       [](const Value& value) { return as_list(value, as_text); });
}

namespace {

std::string_view parent_of(std::string_view path) { return path.substr(0, std::min(path.rfind('.'), path.size())); }

std::string_view last_of(std::string_view path) { return path.substr(path.rfind('.') + 1); }

/// The key that was meant: one of that name in another section, else the nearest of the section, else of all.
std::optional<std::string> meant_key(const std::string& path, const std::vector<KeyInfo>& keys) {
  const std::string_view parent = path.find('.') == std::string::npos ? "" : parent_of(path);
  std::vector<std::string> siblings;
  std::vector<std::string> paths;
  for (const KeyInfo& key : keys) {
    if (last_of(key.path) == last_of(path)) {
      return key.path;
    }
    if (!parent.empty() && parent_of(key.path) == parent) {
      siblings.emplace_back(last_of(key.path));
    }
    paths.push_back(key.path);
  }
  const auto sibling = nearest(last_of(path), siblings);
  return sibling ? fmt::format("{}.{}", parent, *sibling) : nearest(path, paths);
}

/// `path` says where `value` is, `schema_path` the same without positions in lists.
void walk(const Value& value, const std::string& path, const std::string& schema_path, const std::vector<KeyInfo>& keys,
          const std::vector<KeyInfo>& others) {
  const bool is_key =
      std::any_of(keys.begin(), keys.end(), [&](const KeyInfo& key) { return key.path == schema_path; });
  const auto is_inside = [&](const KeyInfo& key) { return key.path.starts_with(schema_path + '.'); };
  const bool is_section = schema_path.empty() || std::any_of(keys.begin(), keys.end(), is_inside) ||
                          std::any_of(others.begin(), others.end(), is_inside);
  if (!is_key && !is_section) {
    for (const KeyInfo& other : others) {
      if (other.path == schema_path) {
        throw InvalidInput(fmt::format("{} = {}: is only read with {}", path, to_toml_inline(value), other.where));
      }
    }
    const auto meant = meant_key(schema_path, keys);
    throw InvalidInput(fmt::format("unknown key {}{}", path, meant ? fmt::format("; did you mean {}?", *meant) : ""));
  }
  if (const auto* table = value.as<Table>(); table != nullptr && is_section) {
    for (const auto& [key, item] : table->members) {
      walk(item, path.empty() ? key : path + '.' + key, schema_path.empty() ? key : schema_path + '.' + key, keys,
           others);
    }
  } else if (const auto* list = value.as<List>(); list != nullptr && is_section) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      walk((*list)[i], fmt::format("{}.{}", path, i), schema_path, keys, others);
    }
  }
}

}  // namespace

void reject_unknown_keys(const Value& given, const std::vector<KeyInfo>& keys, const std::vector<KeyInfo>& others) {
  walk(given, "", "", keys, others);
}

}  // namespace mfld
