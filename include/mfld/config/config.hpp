#pragma once
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mfld/config/value.hpp"
#include "mfld/core/number_rule.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/tables/columns.hpp"

namespace mfld {

/// What one key of an experiment file is: a row of `mfld list keys`.
struct KeyInfo {
  std::string path;      // "phase.steps"
  std::string allowed;   // "an integer >= 0"
  std::string fallback;  // as TOML or in words; "required"
  std::string doc;
  std::string where;  // what the rest of the section must be for the key to be read; empty: always
};

/// What a key is when the file does not have it: a value (with the words `mfld list keys` says it in, where it is
/// computed), or `required`.
template <class T>
struct Fallback {
  Fallback(std::nullopt_t) {}
  template <std::convertible_to<T> From>
  Fallback(From fallback, std::string_view in_words = {}) : value(std::in_place, fallback), words(in_words) {}
  std::optional<T> value;
  std::string_view words;
};
inline constexpr std::nullopt_t required = std::nullopt;

struct IntegerRange {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// The reader of one table of an experiment file. Every getter names the key, what it is for (one line), what holds
/// without it and what is allowed; it throws InvalidInput with one sentence naming key, value and what is allowed, and
/// writes the value used into the resolved experiment, in the order of reading.
///
/// The same readers, run by `Section::describing` over no file at all, record what can be read: that is the one source
/// of `mfld list keys` and of the nearest key in the message about an unknown one. Then nothing is required (a legal
/// value stands in) and nothing is checked.
class Section {
 public:
  /// given and resolved are root tables and outlive the section.
  static Section reading(const Value& given, Value& resolved);
  static Section describing(std::vector<KeyInfo>& keys);

  /// The table called `name`, or an empty one. `where`: what its keys are only read with, if they depend on another
  /// key.
  Section table(std::string_view name, std::string_view where = {}) const;
  /// This table, where its keys are only read with `where` besides.
  Section with(std::string_view where) const;
  /// The tables of a list of tables; none if there is no such list.
  std::vector<Section> tables(std::string_view name) const;

  bool is_describing() const { return keys_ != nullptr; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The value as written, or nullptr.
  const Value* find(std::string_view name) const;
  std::string path_of(std::string_view name) const;

  /// Whether a key is read at all, which depends on other keys: if `condition` is false and the key is there, throws
  /// "<path> = <value>: is only read with <where>". Records `where` for the getters of that key.
  bool reads(std::string_view name, bool condition, std::string_view where);

  /// A number, or an expression of others as a string, "0.1 / task.input_dim"; resolved, the number.
  double number(std::string_view name, std::string_view doc, Fallback<double> fallback, NumberRule rule);
  /// The same, within 1e-9 of an integer.
  std::int64_t integer(std::string_view name, std::string_view doc, Fallback<std::int64_t> fallback,
                       IntegerRange range);
  bool flag(std::string_view name, std::string_view doc, Fallback<bool> fallback);
  std::string text(std::string_view name, std::string_view doc, const Fallback<std::string>& fallback);
  /// Position in `names` of the name given.
  std::size_t choice(std::string_view name, std::string_view doc, const Fallback<std::string>& fallback,
                     const std::vector<std::string>& names);
  std::vector<double> numbers(std::string_view name, std::string_view doc);
  std::vector<std::vector<double>> rows(std::string_view name, std::string_view doc);
  /// The same as a matrix with at least one row, all of one length that is not 0.
  Matrix matrix(std::string_view name, std::string_view doc);
  std::vector<std::int64_t> integers(std::string_view name, std::string_view doc,
                                     const Fallback<std::vector<std::int64_t>>& fallback, IntegerRange range);
  Column column(std::string_view name, std::string_view doc, const Fallback<Column>& fallback);
  std::vector<Column> columns(std::string_view name, std::string_view doc);
  std::vector<std::string> names(std::string_view name, std::string_view doc,
                                 const Fallback<std::vector<std::string>>& fallback);

  /// For keys of more than one type: their entry in `mfld list keys`, and what is used of them.
  void describe(std::string_view name, std::string_view allowed, std::string_view fallback, std::string_view doc) const;
  void resolve(std::string_view name, Value value, std::string_view doc = {}) const;

  /// Throws "<path> = <value>: <why>" unless `condition` (nothing while describing).
  void check(bool condition, std::string_view name, const std::string& why) const;
  /// The same where the text alone does not show it: throws WrongData.
  void check_data(bool condition, std::string_view name, const std::string& why) const;

 private:
  /// "<path> = <value>: <why>", with the value used where none is given.
  std::string complaint(std::string_view name, const std::string& why) const;
  Section() = default;
  /// The value in the file if parse(value) takes it, else the fallback; `stand_in` while describing.
  template <class T, class Parse>
  T get(std::string_view name, std::string_view doc, const Fallback<T>& fallback, const std::string& allowed,
        T stand_in, const Parse& parse, const std::string& why_not = {}) const;
  /// The number that a value is, or that its expression has; else `why_not` says why it has none.
  std::optional<double> number_of(std::string_view name, const Value& value, std::string& why_not) const;
  /// "; did you mean "..."?" or nothing.
  std::string suggestion(std::string_view name, const std::vector<std::string>& names) const;

  const Value* root_ = nullptr;           // of what is given
  const Value* given_ = nullptr;          // this table, or nullptr
  Value* resolved_ = nullptr;             // the root of what is used
  std::vector<KeyInfo>* keys_ = nullptr;  // while describing
  std::string path_;
  std::string where_;                                        // of the whole section
  std::vector<std::pair<std::string, std::string>> wheres_;  // of some of its keys
};

/// The names of the rows of a table.
template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    names.emplace_back(row.name);
  }
  return names;
}

/// A value of an enumeration and what the experiment file calls it.
template <class Enumeration>
struct Named {
  std::string_view name;
  Enumeration value;
};

template <class Rows>
auto pick(Section& section, std::string_view name, std::string_view doc, const Fallback<std::string>& fallback,
          const Rows& rows) {
  return rows[section.choice(name, doc, fallback, names_of(rows))].value;
}

/// Throws InvalidInput about the first key of `given` that is none of `keys`, naming the nearest that is; `others` are
/// keys of other choices, and are then named with their `where`.
void reject_unknown_keys(const Value& given, const std::vector<KeyInfo>& keys, const std::vector<KeyInfo>& others);

}  // namespace mfld
