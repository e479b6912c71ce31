#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tables/table.hpp"

namespace mfld::tables {

/// What the first line of a table decides, and the comments above it.
struct CsvLayout {
  bool has_header = false;         // the line is the header
  std::vector<std::string> names;  // of all columns; none: there are no names
  Selection selection;             // of all columns
  std::vector<Index> slots;        // where in a row the number of a column is kept; -1: nowhere
  bool is_numbered = false;        // the line is 0, 1, .., k
  bool may_be_header = false;      // it was not taken for one, and has no number or 0, 1, .., k alone
};

/// A line of a text and its fields.
struct CsvLine {
  Index number = 0;
  std::vector<std::string_view> fields;
};

/// `comment`: the last line above that is one, or nothing. Throws where the line could be names or a row, and where the
/// columns that are asked for are not there.
CsvLayout lay_out(const Source& source, const TableOptions& options, const CsvLine& line, std::string_view comment,
                  Separator separator);

/// For who knows better what the first line is.
std::string ways_out(const Source& source);

/// For who asks for a word as a number; nothing in other cases.
std::string way_out_of(const Source& source, const TableOptions& options, std::string_view field, bool is_target);

}  // namespace mfld::tables
