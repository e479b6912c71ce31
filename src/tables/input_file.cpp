#include "mfld/tables/input_file.hpp"

#include <fmt/format.h>

#include <vector>

#include "tables/table_header.hpp"

namespace mfld {

using tables::Source;
using tables::Table;

namespace {

Table read(const InputFileOptions& options) {
  const Source source{options.name, options.path, options.stop};
  check_extension(source);
  return read_table(source, {.skip_lines = options.skip_lines, .data_set = options.dataset, .header = options.header});
}

/// Without the column of the target.
FileInputs inputs_of(Table& table, const std::optional<Index>& target_column) {
  if (!target_column) {
    return {std::move(table.values), table.header_line};
  }
  const Index num_columns = table.values.cols();
  const Index target = *target_column + (*target_column < 0 ? num_columns : 0);
  if (target < 0 || target >= num_columns) {
    throw table.source.invalid(fmt::format("there is no column {} for the target: it must be in {}..{}, or none",
                                           *target_column, -num_columns, num_columns - 1));
  }
  std::vector<Index> columns;
  for (Index column = 0; column < num_columns; ++column) {
    if (column != target) {
      columns.push_back(column);
    }
  }
  return {table.values(Eigen::all, columns), table.header_line};
}

}  // namespace

FileInputs read_inputs(const InputFileOptions& options) {
  Table table = read(options);
  return inputs_of(table, options.target_column);
}

std::pair<FileInputs, FileInputs> read_inputs(const InputFileOptions& first, const InputFileOptions& second) {
  Table one = read(first);
  Table other = read(second);
  sort_columns(other, one);
  return {inputs_of(one, first.target_column), inputs_of(other, second.target_column)};
}

}  // namespace mfld
