#pragma once
#include <cstdint>
#include <type_traits>
#include <variant>

#include "mfld/dynamics/estimators.hpp"
#include "mfld/dynamics/steps.hpp"

namespace mfld {

/// Everything that changes while a simulation runs. With the experiment it determines all that follows.
template <class Scalar>
struct State {
  Particles<Scalar> particles;     // [N x p]
  Particles<double> average;       // [N x p] of the iterates before this one, in a phase that averages
  AnyEstimator<Scalar> estimator;  // of the phase that makes the next step
  AnyStep<Scalar> rule;
  bool averaging = false;  // whether that phase averages

  std::int64_t step = 0;           // steps made since the start of the run
  std::int64_t phase = 0;          // index of the phase that makes the next step
  std::int64_t step_in_phase = 0;  // steps made in that phase
  double time = 0;                 // sum of step sizes, compensated
  double time_compensation = 0;
  std::int64_t gradient_evaluations = 0;  // per-sample gradients, as each method counts them

  /// Takes up the parts of the phase that makes the next step. What they carry they have from its first step on.
  void begin(const Phase& next) {
    estimator = make_estimator<Scalar>(next.method->estimator);
    rule = make_step<Scalar>(next.step_rule);
    averaging = next.averaging;
  }

  /// Whether the method predicts with the average instead of the particles.
  bool is_averaged() const { return averaging && step_in_phase > 0; }

  /// The one list of what a run must keep between two steps besides its numbers (matrix_list.hpp).
  template <class Self, class Visit>
  static void for_each_matrix(Self& self, const RunSizes& sizes, const Visit& visit) {
    visit("particles", self.particles, sizes.per_parameter());
    if (self.step_in_phase == 0) {
      return;
    }
    if (self.averaging) {
      visit("average", self.average, sizes.per_parameter());
    }
    const auto list = [&]<class Part>(Part& part) { std::remove_const_t<Part>::for_each_matrix(part, sizes, visit); };
    std::visit(list, self.estimator);
    std::visit(list, self.rule);
  }
};

}  // namespace mfld
