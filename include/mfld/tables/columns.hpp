#pragma once
#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mfld/core/particles.hpp"

namespace mfld {

/// A column of a table: its place, from 0 on the left and from -1 on the right, or its name. With both, the name counts
/// where the table has names.
struct Column {
  std::optional<Index> place;
  std::string name;

  Column(std::integral auto from_left) : place(static_cast<Index>(from_left)) {}
  Column(std::string words) : name(std::move(words)) {}
  Column(const char* words) : name(words) {}
  Column(std::optional<Index> from_left, std::string words) : place(from_left), name(std::move(words)) {}

  /// As an experiment file has it.
  std::string text() const;
};

/// Which columns of a table are read. The others may hold anything.
struct ColumnChoice {
  std::optional<Column> target = Column(-1);  // none: every column is an input
  std::vector<Column> inputs = {};            // in this order; none: all that are neither target nor dropped
  std::vector<Column> dropped = {};

  /// Whether all columns are read.
  bool is_plain() const { return inputs.empty() && dropped.empty(); }
};

}  // namespace mfld
