#include "tables/text/csv_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mfld/core/printable.hpp"
#include "tables/columns.hpp"
#include "tables/text/table_header.hpp"

namespace mfld::tables {

namespace {

using Fields = std::vector<std::string_view>;

bool may_hold_words(const TableOptions& options, const Selection& selection, Index column) {
  const auto& inputs = selection.inputs;
  return column == selection.target ? options.labels != Labels::numbers
                                    : std::find(inputs.begin(), inputs.end(), column) == inputs.end();
}

/// The fields that must be numbers if the line is a row, as far as columns are chosen by place.
Fields fields_of_numbers(const Source& source, const TableOptions& options, const Fields& fields) {
  if (needs_names(options.columns)) {
    return fields;
  }
  const Selection selection = select_columns(source, options.columns, {}, std::ssize(fields));
  Fields rest;
  for (std::size_t column = 0; column < fields.size(); ++column) {
    if (!may_hold_words(options, selection, static_cast<Index>(column))) {
      rest.push_back(fields[column]);
    }
  }
  return rest;
}

std::vector<std::string> escaped_names(const Fields& fields) {
  std::vector<std::string> names;
  std::transform(fields.begin(), fields.end(), std::back_inserter(names), escaped);
  return names;
}

/// Words alone, one of them twice perhaps, and all names that somebody asks for.
bool has_asked_names(const TableOptions& options, const Fields& fields) {
  return needs_names(options.columns) && has_needed_names(escaped_names(fields), options.columns) &&
         std::all_of(fields.begin(), fields.end(),
                     [](std::string_view field) { return field.empty() || is_word(field); });
}

/// Where the line is not told by the key.
bool is_header(const Source& source, const TableOptions& options, const CsvLine& line) {
  const FirstRow kind = kind_of_first_row(line.fields);
  if (kind == FirstRow::names || has_asked_names(options, line.fields)) {
    return true;
  }
  const bool is_row = kind == FirstRow::numbers ||
                      kind_of_first_row(fields_of_numbers(source, options, line.fields)) == FirstRow::numbers;
  if (!is_row) {
    const Fields& fields = line.fields;
    const auto word = std::find_if(fields.begin(), fields.end(), is_word);
    const Index column = word - fields.begin();
    const bool is_target = !needs_names(options.columns) &&
                           column == select_columns(source, options.columns, {}, std::ssize(fields)).target;
    throw source.invalid_at(line.number, column + 1,
                            fmt::format("holds {} and must hold a finite number{}{}", quoted_field(*word),
                                        ways_out(source), is_target ? way_out_of(source, options, *word, true) : ""));
  }
  return false;
}

/// Those in the comment, if they can be.
Fields names_in_comment(std::string_view comment, Separator separator, std::size_t num_columns) {
  comment.remove_prefix(std::min(comment.find_first_not_of("# \t"), comment.size()));
  Fields names = split_fields(comment, separator);
  const bool fits = names.size() == num_columns && kind_of_first_row(names) == FirstRow::names;
  return fits ? names : Fields();
}

void choose_columns(const Source& source, const TableOptions& options, Index num_columns, CsvLayout& layout) {
  layout.selection = select_columns(source, options.columns, layout.names, num_columns);
  layout.slots.assign(static_cast<std::size_t>(num_columns), -1);
  for (const Index input : layout.selection.inputs) {
    layout.slots[static_cast<std::size_t>(input)] = 0;
  }
  if (layout.selection.target >= 0 && options.labels != Labels::unread) {
    layout.slots[static_cast<std::size_t>(layout.selection.target)] = 0;
  }
  Index next = 0;
  for (Index& slot : layout.slots) {
    slot = slot < 0 ? -1 : next++;
  }
}

}  // namespace

std::string ways_out(const Source& source) {
  return fmt::format(" ({} makes a header of the line, {} skips lines before the table)", source.with("header", "yes"),
                     source.option("skip_lines"));
}

std::string way_out_of(const Source& source, const TableOptions& options, std::string_view field, bool is_target) {
  if (has_decimal_comma(field)) {
    return " (the decimal sign must be a point)";
  }
  if (is_target && options.labels == Labels::numbers && is_class(field) && source.section) {
    return fmt::format(" ({} = true makes -1 and +1 of two words)", source.option("binary_labels"));
  }
  if (!is_target && is_logical(field)) {
    return " (a column of inputs holds logical values, or numbers)";
  }
  return !is_target && is_word(field) ? fmt::format(" ({} leaves columns out)", source.option("drop_columns")) : "";
}

CsvLayout lay_out(const Source& source, const TableOptions& options, const CsvLine& line, std::string_view comment,
                  Separator separator) {
  CsvLayout layout;
  const Fields& fields = line.fields;
  const bool is_automatic = options.csv.header == Header::automatic;
  layout.has_header = options.csv.header == Header::yes || (is_automatic && is_header(source, options, line));
  if (layout.has_header) {
    layout.names = escaped_names(fields);
  } else if (is_automatic) {
    layout.names = escaped_names(names_in_comment(comment, separator, fields.size()));
    layout.is_numbered = layout.names.empty() && is_numbered(fields);
    const bool has_index = fields[0].empty() && is_numbered({fields.begin() + 1, fields.end()});
    layout.may_be_header = has_index || std::none_of(fields.begin(), fields.end(), parse_number);
  }
  choose_columns(source, options, std::ssize(fields), layout);
  return layout;
}

}  // namespace mfld::tables
