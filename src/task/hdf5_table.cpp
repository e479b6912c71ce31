#include <fmt/format.h>

#include "mfld/core/hdf5_file.hpp"
#include "task/table.hpp"

namespace mfld {

Table read_hdf5(const Source& source, const std::string& data_set) {
  const Hdf5File file = Hdf5File::open(source.path);
  if (data_set.empty() || !file.has_data_set(data_set)) {
    throw InvalidInput(
        fmt::format("task.dataset = \"{}\" must name a data set of the file \"{}\"", data_set, source.path));
  }
  const Hdf5File::Shape shape = file.shape(data_set);
  if (shape.size() != 2) {
    throw source.invalid(fmt::format("its data set \"{}\" has {} dimensions and must have 2", data_set, shape.size()));
  }
  check_shape(source, static_cast<std::uint64_t>(shape[0]), static_cast<std::uint64_t>(shape[1]));
  Table table{source, Inputs(shape[0], shape[1]), 1, {}};
  file.read<double>(data_set, {table.values.data(), static_cast<std::size_t>(table.values.size())});
  check_finite(table);
  return table;
}

}  // namespace mfld
