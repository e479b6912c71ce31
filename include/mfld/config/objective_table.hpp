#pragma once
#include <functional>
#include <span>
#include <string_view>

#include "mfld/config/config.hpp"
#include "mfld/objective/particle_objective.hpp"

namespace mfld {

/// Below this share of the median distance of points a kernel sees nearly no two of them at once, and is refused.
inline constexpr double least_kernel_width = 0.01;

/// What an objective takes from [task].
enum class TaskUse { labelled_samples, classes, points, nothing };

/// An objective whose own keys are read, and what makes it once there are data: that reads what depends on them and
/// throws InvalidInput or WrongData naming the key.
struct ObjectivePlan {
  TaskUse task_use = TaskUse::labelled_samples;
  std::function<ParticleObjective(Section& section, const Dataset& data, Index num_particles)> make = {};
  std::string_view name = {};  // of its row

  /// Without, it is the risk of a network.
  bool is_of_points() const { return make != nullptr; }
};

/// An objective is a row of this table: what [objective] kind calls it, and the reader of its other keys.
struct ObjectiveRow {
  std::string_view name;
  std::string_view formula;  // with its source
  ObjectivePlan (*read)(Section& section);
};

/// The table behind [objective] kind and `mfld list objectives`; the first row is that of an experiment without
/// [objective].
std::span<const ObjectiveRow> objectives();

}  // namespace mfld
