#include "mfld/tables/input_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tables/columns.hpp"

namespace mfld {

using tables::Labels;
using tables::Source;
using tables::Table;

namespace {

/// `columns` of it, where it is not the file's own choice.
Table read(const InputFileOptions& options, const ColumnChoice& columns) {
  const Source source{options.name, options.path, options.stop};
  check_extension(source);
  if (!columns.inputs.empty() && !columns.dropped.empty()) {
    throw InvalidInput(fmt::format("{} must be left out where {} is given", source.option("drop_columns"),
                                   source.option("input_columns")));
  }
  return read_table(source,
                    {.csv = options.csv, .data_set = options.dataset, .columns = columns, .labels = Labels::unread});
}

FileInputs inputs_of(Table& table) {
  const std::vector<Index>& columns = table.selection.inputs;
  const bool is_all = std::ssize(columns) == table.values.cols() && std::is_sorted(columns.begin(), columns.end());
  return {is_all ? std::move(table.values) : Inputs(table.values(Eigen::all, columns)), table.header_line,
          warnings_of(table)};
}

}  // namespace

FileInputs read_inputs(const InputFileOptions& options) {
  Table table = read(options, options.columns);
  return inputs_of(table);
}

std::pair<FileInputs, FileInputs> read_inputs(const InputFileOptions& first, const InputFileOptions& second) {
  Table one = read(first, first.columns);
  Table other = read(second, same_columns(one, first.columns));
  if (first.columns.is_plain()) {
    sort_columns(other, one);
  }
  return {inputs_of(one), inputs_of(other)};
}

}  // namespace mfld
