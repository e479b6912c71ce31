#pragma once
#include <type_traits>
#include <variant>

#include "mfld/dynamics/estimators.hpp"
#include "mfld/dynamics/state_numbers.hpp"
#include "mfld/steps/steps.hpp"

namespace mfld {

/// Everything that changes while a simulation runs. With the experiment it determines all that follows.
template <class Scalar>
struct State : StateNumbers {
  Particles<Scalar> particles;     // [N x p]
  Particles<double> average;       // [N x p] the mean or a sample of iterates, in a phase that keeps_average
  AnyEstimator<Scalar> estimator;  // of the phase that makes the next step
  AnyStep<Scalar> rule;
  bool averaging = false;  // whether that phase keeps_average

  /// Takes up the parts of the phase that makes the next step. What they carry they have from its first step on.
  void begin(const Phase& next) {
    estimator = make_estimator<Scalar>(next.method->estimator);
    rule = make_step<Scalar>(next.step_rule);
    averaging = next.keeps_average();
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
