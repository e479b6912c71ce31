#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "mfld/dynamics/gradient_estimator.hpp"
#include "mfld/dynamics/step.hpp"

namespace mfld {

/// Everything that changes while a simulation runs. With the experiment it determines all that follows.
template <class Scalar>
struct State {
  Particles<Scalar> particles;     // [N x p]
  Particles<double> average;       // [N x p] of the iterates before this one, in a phase that averages; else empty
  std::int64_t step = 0;           // steps made since the start of the run
  std::int64_t phase = 0;          // index of the phase that makes the next step
  std::int64_t step_in_phase = 0;  // steps made in that phase
  double time = 0;                 // sum of step sizes, compensated
  double time_compensation = 0;
  std::int64_t gradient_evaluations = 0;  // per-sample gradients, as each method counts them

  /// Whether the method predicts with the average instead of the particles.
  bool is_averaged() const { return average.size() > 0; }
};

enum class Ending { finished, diverged, interrupted };

struct Outcome {
  Ending ending = Ending::finished;
  std::int64_t step = 0;
  Index first_bad_particle = -1;  // diverged only; -1: there is no natural gradient, the kernel matrix is singular
  double step_seconds = 0;        // in the gradient estimator and the step
  double observe_seconds = 0;     // in the listener
};

/// Who watches a simulation. Const looks only: a listener cannot change the run.
template <class Scalar>
class Listener {
 public:
  virtual ~Listener() = default;
  /// Called with the state before every step, and once at the end.
  virtual void look(const State<Scalar>& state, bool last) = 0;
};

/// estimate, step, look: the one loop that every method, scaling and phase runs through. A phase that averages ends
/// with the average of its iterates theta^(0), ..., theta^(T-1) as the particles, and the next one starts from there.
template <class Scalar>
class Simulation {
 public:
  /// first_particles [N x p]: those at step 0, which penalties may have as their anchor; none: the state is at step 0.
  Simulation(const Network& network, const EmpiricalRisk& risk, const Dataset& data, std::vector<Phase> phases,
             Seeds seeds, State<Scalar> state, typename GradientEstimator<Scalar>::Snapshot snapshot = {},
             const Particles<double>* first_particles = nullptr);

  /// Runs from the state to the end of the last phase, or until `stop` becomes true (checked before each step), or
  /// until a coordinate is not finite or a natural gradient does not exist. May be called again after an interruption:
  /// it goes on, to the same bits.
  Outcome run(Listener<Scalar>& listener, const std::atomic<bool>& stop);

  const State<Scalar>& state() const { return state_; }
  const GradientEstimator<Scalar>& estimator() const { return estimator_; }

 private:
  bool enter_phase();
  void leave_phase();
  Penalty<Scalar> penalty(const Phase& phase) const;
  void look(Listener<Scalar>& listener, bool last, Outcome& outcome);
  void step(Outcome& outcome);
  StepOptions step_options(const Phase& phase) const;
  bool gradient_vanishes(const Phase& phase);
  void count_step(double step_size);
  void add_time(double step_size);

  const Network* network_;
  std::vector<Phase> phases_;
  Seeds seeds_;
  State<Scalar> state_;
  GradientEstimator<Scalar> estimator_;
  Particles<Scalar> anchor_;  // the first particles, if some penalty is on the distance from them
  Drift drift_;
  Drift with_penalty_;  // where the gradient norm can end a phase
};

}  // namespace mfld
