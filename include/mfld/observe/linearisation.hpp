#pragma once
#include <vector>

#include "mfld/dynamics/phase.hpp"
#include "mfld/model/network.hpp"
#include "mfld/ntk/closed_forms.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// Whether a run has a linearised counterpart in closed form: it takes the squared loss and, as its only phase, gd with
/// a constant step size and no penalty.
bool has_linearised_descent(const Loss& loss, const std::vector<Phase>* phases, const Particles<double>* initial);

/// The outputs of the linearised network f_0 + J (theta - theta_0) after k steps of the gradient descent that the
/// network itself makes (LinearisedTraining::descent), at the test inputs, or at the training inputs where there are
/// none. The effective step is step_size l'' n^(reduction = sum): with l = (u - y)^2 it is twice step_size.
/// Cost: one eigendecomposition, O(n^3), and one kernel with the test inputs, O(n m N); then O(n m) a call.
class LinearisedDescent {
 public:
  /// kernel: the tangent kernel of `initial` on the training inputs. `phase` as has_linearised_descent asks.
  LinearisedDescent(const Model& model, const Risk& risk, const Dataset& data, const Particles<double>& initial,
                    const Matrix& kernel, const Phase& phase);

  /// False where descent on the linearised network diverges.
  bool is_stable() const { return step_size_ < training_.largest_stable_step(); }
  /// f_lin after num_steps >= 0 steps; needs is_stable().                              [m]
  Vector outputs(Index num_steps) const;
  /// |f - f_lin| / |f - f_0|; 0 after no step, not a number where unstable.
  double relative_error(const Eigen::Map<const Vector>& outputs, Index num_steps) const;

 private:
  LinearisedTraining training_;
  double step_size_;
  Vector start_residual_;  // u_0 - y, [n]
  Vector start_outputs_;   // f_0, [m]
  Matrix test_kernel_;     // [m x n]
};

}  // namespace mfld
