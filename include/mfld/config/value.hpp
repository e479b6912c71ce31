#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mfld {

struct Value;
struct Member;

/// Members in the order in which they were written: a grid varies its rightmost key fastest, and the resolved
/// experiment is written in the order in which it is read.
struct Table {
  std::vector<Member> members;
};

using List = std::vector<Value>;

/// One node of an experiment file: TOML without dates.
struct Value {
  std::variant<bool, std::int64_t, double, std::string, List, Table> data;
  std::string comment = {};                                          // written behind a leaf
  std::int64_t position = std::numeric_limits<std::int64_t>::max();  // order in the text; last if made elsewhere

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  template <class T>
  T* as() {
    return std::get_if<T>(&data);
  }
};

struct Member {
  std::string key;
  Value value;
};

/// The table in a TOML document. Throws InvalidInput "source:line:column: reason".
Value parse_toml(std::string_view text, const std::string& source);

/// The value in the text of one; a bare word (letters, digits, . _ / + -) that is no TOML value is that string.
/// Throws InvalidInput, naming `text`.
Value parse_toml_value(const std::string& text);

/// A document: leaves first, then [tables] and [[lists of tables]], each with its comment.
std::string to_toml(const Value& root);

/// A value on one line.
std::string to_toml_inline(const Value& value);

/// "an integer", "a list", ...: what an error message calls the value.
std::string_view type_name(const Value& value);

/// The node at a dotted path, or nullptr; a component that is an integer reaches into a list: "phase.0.steps".
const Value* find(const Value& root, std::string_view path);

/// Sets the node at a path and makes the tables on the way. Throws InvalidInput where the path leaves a list or passes
/// through something that is neither a table nor a list.
void assign(Value& root, std::string_view path, Value value);

/// Lays `overlay` over `base`: tables are merged; a table whose keys are all integers reaches into a list; anything
/// else, lists included, replaces what was there. `path` is where base stands, for error messages.
void merge(Value& base, const Value& overlay, const std::string& path = {});

}  // namespace mfld
