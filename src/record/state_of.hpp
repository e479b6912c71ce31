#pragma once
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "mfld/config/experiment.hpp"
#include "mfld/core/divided_rows.hpp"
#include "mfld/dynamics/state.hpp"
#include "mfld/record/checkpoint.hpp"

namespace mfld::record {

/// The state with the numbers of a checkpoint and the parts of its phase, all matrices empty.
template <class Scalar>
State<Scalar> state_at(const CheckpointNumbers& numbers, const Experiment& experiment) {
  State<Scalar> state;
  if (numbers.phase < std::ssize(experiment.phases)) {
    state.begin(experiment.phases[static_cast<std::size_t>(numbers.phase)]);
  }
  static_cast<StateNumbers&>(state) = numbers;
  return state;
}

/// Whether all steps are made: the last phase is over, or left, too.
inline bool is_at_end(const StateNumbers& numbers, const Experiment& experiment) {
  const std::int64_t left = std::ssize(experiment.phases) - numbers.phase;
  return left == 0 ||
         (left == 1 && numbers.step_in_phase > 0 && numbers.step_in_phase >= experiment.phases.back().num_steps);
}

/// The names of those matrices of a state with these numbers that have a row for each particle.
inline std::set<std::string, std::less<>> matrices_of_particles(const CheckpointNumbers& numbers,
                                                                const Experiment& experiment) {
  std::set<std::string, std::less<>> names;
  if (numbers.phase < 0) {  // which no run wrote
    return names;
  }
  const auto state = state_at<double>(numbers, experiment);
  State<double>::for_each_matrix(state, experiment.sizes(),
                                 [&](std::string_view name, const auto& /*matrix*/, const MatrixShape& shape) {
                                   if (shape.of_particles) {
                                     names.emplace(name);
                                   }
                                 });
  return names;
}

/// The state of a checkpoint that belongs to the experiment; of particles the rows that this process has.
template <class Scalar>
State<Scalar> state_of(const Checkpoint& checkpoint, const Experiment& experiment) {
  State<Scalar> state = state_at<Scalar>(checkpoint, experiment);
  State<Scalar>::for_each_matrix(
      state, experiment.sizes(),
      [&]<class Number>(std::string_view name, Particles<Number>& matrix, const MatrixShape& shape) {
        const Matrix& from = checkpoint.matrices.at(std::string(name));
        copy_rows(shape.of_particles ? experiment.rows : RowRange{0, from.rows()}, from, matrix);
      });
  return state;
}

/// A checkpoint of the state, whose matrices stay where they are.
template <class Scalar>
LentCheckpoint lend(const State<Scalar>& state, const RunSizes& sizes) {
  LentCheckpoint checkpoint;
  static_cast<StateNumbers&>(checkpoint) = state;
  State<Scalar>::for_each_matrix(state, sizes,
                                 [&](std::string_view name, const auto& matrix, const MatrixShape& shape) {
                                   checkpoint.matrices.emplace_back(name, LentMatrix(matrix, shape.of_particles));
                                 });
  return checkpoint;
}

/// The same of what such a checkpoint has in memory.
inline LentCheckpoint lend(const Checkpoint& checkpoint, const Experiment& experiment) {
  LentCheckpoint lent;
  static_cast<CheckpointNumbers&>(lent) = checkpoint;
  const auto of_particles = matrices_of_particles(checkpoint, experiment);
  for (const auto& [name, matrix] : checkpoint.matrices) {
    lent.matrices.emplace_back(name, LentMatrix(matrix, of_particles.contains(name)));
  }
  return lent;
}

}  // namespace mfld::record
