#pragma once
#include <type_traits>
#include <variant>

#include "mfld/config/experiment.hpp"
#include "mfld/dynamics/state.hpp"

namespace mfld {

/// The velocities of the tracked particles that the next step begins with, and after the last step those that it left:
/// 0 where the step of that phase has none.                                                        [tracked x p]
template <class Scalar>
Matrix tracked_velocities(const State<Scalar>& state, const Experiment& experiment) {
  const auto rows_of = [&experiment](const Particles<Scalar>& velocities) -> Matrix {
    return velocities(experiment.tracked, Eigen::all).template cast<double>();
  };
  const auto of_step = [&](const auto& step) -> Matrix {
    using Step = std::decay_t<decltype(step)>;
    if constexpr (requires { step.velocities(); }) {
      if (step.velocities().size() > 0) {
        return rows_of(step.velocities());
      }
      const Phase& phase = experiment.phases[static_cast<std::size_t>(state.phase)];
      StepOptions options;  // the step that they begin with has not been made
      options.temperature = phase.temperature_at(0);
      options.noise_seed = experiment.seeds.noise;
      options.step = state.step;
      return rows_of(
          Step::starting_velocities(options, state.particles.rows(), phase.moved_of(experiment.network().trained())));
    } else {
      return Matrix::Zero(std::ssize(experiment.tracked), state.particles.cols());
    }
  };
  return std::visit(of_step, state.rule);
}

}  // namespace mfld
