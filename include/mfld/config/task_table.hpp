#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "mfld/config/config.hpp"
#include "mfld/task/dataset.hpp"
#include "mfld/task/surroundings.hpp"

namespace mfld {

/// Makes the data of a task whose options are read. Throws InvalidOption where these cannot be together; their names
/// are those of the keys.
using MakeDataset = std::function<Dataset(std::uint64_t seed)>;

/// A task is a row of this table: what [task] kind calls it, and the reader of its other keys.
struct TaskRow {
  std::string_view name;
  std::string_view formula;
  MakeDataset (*read)(Section& section, const Surroundings& surroundings);
};

/// The table behind [task] kind and `mfld list tasks`.
std::span<const TaskRow> tasks();

}  // namespace mfld
