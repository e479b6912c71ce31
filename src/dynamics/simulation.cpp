#include "mfld/dynamics/simulation.hpp"

#include <chrono>
#include <cmath>

namespace mfld {

namespace {

/// Adds the seconds it lives to a total.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_;
};

/// |v + 2 lambda1 theta| over the trained coordinates, root mean square over particles.
template <class Scalar>
double gradient_norm(const Drift& drift, const Particles<Scalar>& particles, const std::vector<unsigned char>& trained,
                     double penalty) {
  double sum = 0;
  for (Index column = 0; column < drift.cols(); ++column) {
    if (trained[static_cast<std::size_t>(column)] != 0) {
      sum += (drift.col(column) + 2 * penalty * particles.col(column).template cast<double>()).squaredNorm();
    }
  }
  return std::sqrt(sum / static_cast<double>(drift.rows()));
}

}  // namespace

template <class Scalar>
Simulation<Scalar>::Simulation(const Network& network, const EmpiricalRisk& risk, const Dataset& data,
                               std::vector<Phase> phases, Seeds seeds, State<Scalar> state,
                               typename GradientEstimator<Scalar>::Snapshot snapshot)
    : network_(&network),
      phases_(std::move(phases)),
      seeds_(seeds),
      state_(std::move(state)),
      estimator_(network, risk, data),
      drift_(state_.particles.rows(), state_.particles.cols()) {
  estimator_.snapshot() = std::move(snapshot);
}

template <class Scalar>
Outcome Simulation<Scalar>::run(Listener<Scalar>& listener, const std::atomic<bool>& stop) {
  Outcome outcome;
  while (enter_phase()) {
    if (stop) {
      outcome.ending = Ending::interrupted;
      break;
    }
    look(listener, false, outcome);
    if (!estimate(outcome)) {
      continue;  // the phase has converged
    }
    step(outcome);
    if (outcome.first_bad_particle >= 0) {
      outcome.ending = Ending::diverged;
      break;
    }
  }
  look(listener, true, outcome);
  outcome.step = state_.step;
  return outcome;
}

/// Moves to the phase that makes the next step; false after the last.
template <class Scalar>
bool Simulation<Scalar>::enter_phase() {
  while (state_.phase < static_cast<std::int64_t>(phases_.size()) &&
         state_.step_in_phase >= phases_[static_cast<std::size_t>(state_.phase)].num_steps) {
    ++state_.phase;
    state_.step_in_phase = 0;
  }
  return state_.phase < static_cast<std::int64_t>(phases_.size());
}

template <class Scalar>
void Simulation<Scalar>::look(Listener<Scalar>& listener, bool last, Outcome& outcome) {
  const Stopwatch watch(outcome.observe_seconds);
  listener.look(state_, last);
}

/// The drift of the next step; false if the phase is over because the gradient has vanished.
template <class Scalar>
bool Simulation<Scalar>::estimate(Outcome& outcome) {
  const Stopwatch watch(outcome.estimate_seconds);
  const Phase& phase = phases_[static_cast<std::size_t>(state_.phase)];
  state_.gradient_evaluations +=
      estimator_.estimate(phase, state_.step, state_.step_in_phase, seeds_.batches, state_.particles, drift_);
  if (phase.until_gradient_norm > 0 &&
      gradient_norm(drift_, state_.particles, network_->trained(), phase.penalty_at(state_.step_in_phase)) <
          phase.until_gradient_norm) {
    state_.step_in_phase = phase.num_steps;
    return false;
  }
  return true;
}

template <class Scalar>
void Simulation<Scalar>::step(Outcome& outcome) {
  const Stopwatch watch(outcome.step_seconds);
  const Phase& phase = phases_[static_cast<std::size_t>(state_.phase)];
  StepOptions options;
  options.step_size = phase.step_size_at(state_.step_in_phase);
  options.penalty = phase.penalty_at(state_.step_in_phase);
  options.temperature = phase.temperature_at(state_.step_in_phase);
  options.noise_seed = seeds_.noise;
  options.step = state_.step;
  outcome.first_bad_particle = euler_maruyama_step(options, drift_, network_->trained(), state_.particles);
  ++state_.step;
  ++state_.step_in_phase;
  add_time(options.step_size);
}

/// Kahan's sum: the time of a long run stays exact to rounding.
template <class Scalar>
void Simulation<Scalar>::add_time(double step_size) {
  const double term = step_size - state_.time_compensation;
  const double sum = state_.time + term;
  state_.time_compensation = (sum - state_.time) - term;
  state_.time = sum;
}

template class Simulation<double>;
template class Simulation<float>;

}  // namespace mfld
