#include "runs/belonging.hpp"

#include <fmt/format.h>

#include "record/state_of.hpp"
#include "runs/stop_rules.hpp"

namespace mfld::runs {

namespace {

/// The same of one matrix.
std::string objection(const Checkpoint& checkpoint, std::string_view name, const MatrixShape& shape) {
  const auto found = checkpoint.matrices.find(name);
  if (found == checkpoint.matrices.end()) {
    return fmt::format("it lacks /{}, which the phase needs", name);
  }
  const Matrix& matrix = found->second;
  return matrix.rows() == shape.rows && matrix.cols() == shape.cols
             ? ""
             : fmt::format("its /{} is [{} x {}] and the experiment's is [{} x {}]", name, matrix.rows(), matrix.cols(),
                           shape.rows, shape.cols);
}

}  // namespace

std::string objection(const Checkpoint& checkpoint, const Experiment& experiment) {
  if (checkpoint.experiment_hash != experiment.hash) {
    return fmt::format("it is of another experiment ({:016x}) than experiment.toml and its data ({:016x})",
                       checkpoint.experiment_hash, experiment.hash);
  }
  if (checkpoint.step < 0 || checkpoint.phase < 0 || checkpoint.phase > std::ssize(experiment.phases) ||
      checkpoint.step_in_phase < 0 || checkpoint.metrics_rows < 0 || checkpoint.trajectory_frames < 0) {
    return "it counts steps that the experiment does not have";
  }
  std::string first;
  std::size_t num_listed = 0;
  const auto check = [&](std::string_view name, const auto& /*matrix*/, const MatrixShape& shape) {
    first = first.empty() ? objection(checkpoint, name, shape) : first;
    ++num_listed;
  };
  const State<double> state = record::state_at<double>(checkpoint, experiment);
  State<double>::for_each_matrix(state, experiment.sizes(), check);
  if (experiment.has_stop_rule()) {
    check(StopRules::name, Matrix(), {std::ssize(experiment.phases), StopRules::num_columns});
  }
  if (first.empty() && num_listed != checkpoint.matrices.size()) {
    return fmt::format("it has {} matrices and the phase needs {}", checkpoint.matrices.size(), num_listed);
  }
  return first;
}

}  // namespace mfld::runs
