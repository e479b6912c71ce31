#include "mfld/observe/needs.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "mfld/observe/harmonics.hpp"
#include "mfld/observe/linearisation.hpp"

namespace mfld {

namespace {

/// Any loss will do: the sign of the output is a class whenever the labels are.
bool has_classes(const Scene& scene) {
  const auto is_class = [](double y) { return y == 1 || y == -1; };
  const auto all_classes = [&is_class](const Vector& y) { return std::all_of(y.begin(), y.end(), is_class); };
  return all_classes(scene.data->train_targets) && all_classes(scene.data->test_targets);
}

bool has_plane(const Scene& scene) { return scene.data->input_dim() >= 2; }

bool has_unit_inputs(const Scene& scene) { return has_plane(scene) && rows_are_unit_vectors(scene.data->train_inputs); }

bool has_start(const Scene& scene) { return scene.initial != nullptr; }

bool has_nonzero_start(const Scene& scene) { return has_start(scene) && scene.initial->squaredNorm() > 0; }

/// A need that not every scene meets.
struct Condition {
  bool Needs::*need;
  bool (*is_met)(const Scene&);
  std::string_view otherwise;
};

constexpr auto conditions = std::to_array<Condition>({
    {&Needs::test_samples, [](const Scene& scene) { return scene.data->num_test() > 0; },
     "needs test samples (num_test > 0)"},
    {&Needs::classes, has_classes, "needs labels that are all -1 or +1"},
    {&Needs::teacher, [](const Scene& scene) { return scene.data->teacher.has_value(); },
     "needs a teacher (task teacher-student)"},
    {&Needs::relevant_subspace, [](const Scene& scene) { return scene.data->relevant_subspace.cols() > 0; },
     "needs a task whose relevant directions are known (any kind but file)"},
    {&Needs::output_parameter, [](const Scene& scene) { return scene.network->layout().output >= 0; },
     "needs a neuron with an output parameter r"},
    {&Needs::unit_inputs, has_unit_inputs, "needs training inputs that are unit vectors, of dimension 2 at least"},
    {&Needs::plane, has_plane, "needs inputs of dimension 2 at least"},
    {&Needs::initial_particles, has_start, "needs the initial particles"},
    {&Needs::nonzero_start, has_nonzero_start, "needs initial particles that are not all zero"},
    {&Needs::linearised_descent,
     [](const Scene& scene) { return has_linearised_descent(scene.risk->loss(), scene.phases, scene.initial); },
     "needs the squared loss and gd as the only phase, with a constant step_size and lambda1 = 0"},
});

}  // namespace

std::optional<std::string> what_is_lacking(const Needs& needs, const Scene& scene) {
  const auto lacking = std::find_if(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    return needs.*condition.need && !condition.is_met(scene);
  });
  return lacking == conditions.end() ? std::nullopt : std::optional(std::string(lacking->otherwise));
}

}  // namespace mfld
