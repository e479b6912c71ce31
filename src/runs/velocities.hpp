#pragma once
#include <algorithm>
#include <type_traits>
#include <variant>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/dynamics/state.hpp"

namespace mfld {

/// The velocities of some particles, ascending, that the next step begins with, and after the last step those that it
/// left: 0 where the step of that phase has none.                                                  [those x p]
template <class Scalar>
Matrix velocities_of(const std::vector<Index>& particles, const State<Scalar>& state, const Experiment& experiment) {
  const auto of_step = [&](const auto& step) -> Matrix {
    using Step = std::decay_t<decltype(step)>;
    if constexpr (requires { step.velocities(); }) {
      if (step.velocities().size() > 0) {
        return step.velocities()(particles, Eigen::all).template cast<double>();
      }
      if (particles.empty()) {
        return Matrix(0, state.particles.cols());
      }
      const Phase& phase = experiment.phases[static_cast<std::size_t>(state.phase)];
      StepOptions options;  // the step that they begin with has not been made
      options.temperature = phase.temperature_at(0);
      options.noise_seed = experiment.seeds.noise;
      options.step = state.step;
      const RowRange range = {particles.front(), particles.back() + 1};
      std::vector<Index> places = particles;
      std::for_each(places.begin(), places.end(), [&range](Index& place) { place -= range.first; });
      return Step::starting_velocities(options, range, phase.moved_of(experiment.network().trained()))(places,
                                                                                                       Eigen::all)
          .template cast<double>();
    } else {
      return Matrix::Zero(std::ssize(particles), state.particles.cols());
    }
  };
  return std::visit(of_step, state.rule);
}

}  // namespace mfld
