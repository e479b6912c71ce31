#include "mfld/task/input_file.hpp"

#include <fmt/format.h>

#include <vector>

#include "task/table.hpp"

namespace mfld {

using tables::Source;
using tables::Table;

Inputs read_inputs(const InputFileOptions& options) {
  const Source source{options.name, options.path};
  check_extension(source);
  Table table = read_table(source, options.skip_lines, options.dataset);
  if (!options.target_column) {
    return std::move(table.values);
  }
  const Index num_columns = table.values.cols();
  const Index target = *options.target_column + (*options.target_column < 0 ? num_columns : 0);
  if (target < 0 || target >= num_columns) {
    throw source.invalid(fmt::format("there is no column {} for the target: it must be in {}..{}, or none",
                                     *options.target_column, -num_columns, num_columns - 1));
  }
  std::vector<Index> columns;
  for (Index column = 0; column < num_columns; ++column) {
    if (column != target) {
      columns.push_back(column);
    }
  }
  return table.values(Eigen::all, columns);
}

}  // namespace mfld
