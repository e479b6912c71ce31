#pragma once
#include <functional>
#include <string>
#include <utility>
#include <variant>

#include "mfld/core/parallel.hpp"
#include "mfld/dynamics/estimators.hpp"
#include "mfld/model/network.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/objective/risk.hpp"
#include "mfld/steps/steps.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld::bench {

/// The loop of a simulation without anyone watching: estimate, step.
template <class Scalar>
class MfldSteps {
 public:
  MfldSteps(const Neuron& neuron, Dataset data, Particles<Scalar> particles, Phase phase)
      : data_(std::move(data)),
        network_(neuron, data_.input_dim(), Scaling{}),
        risk_(Loss{}, Reduction::mean),
        phase_(std::move(phase)),
        particles_(std::move(particles)),
        drift_(particles_.rows(), particles_.cols()),
        objective_(network_, risk_, data_),
        estimator_(make_estimator<Scalar>(phase_.method->estimator)) {}
  MfldSteps(const MfldSteps&) = delete;
  MfldSteps& operator=(const MfldSteps&) = delete;

  void step() { step(phase_.temperature_at(0)); }
  void step_without_noise() { step(0); }

  /// Which normals the steps from here on take.
  void set_noise(NoiseRule rule) { noise_ = rule; }

  /// Back to step 0 from these particles.
  void start_over(Particles<Scalar> particles) {
    particles_ = std::move(particles);
    step_ = 0;
  }

  const Particles<Scalar>& particles() const { return particles_; }
  const Phase& phase() const { return phase_; }
  Index num_samples() const { return data_.num_train(); }

 private:
  void step(double temperature) {
    const StepOptions options = {phase_.step_size_at(0), phase_.penalty_at(0), temperature, seed_, step_, 1, 1, noise_};
    StepOfAll<Scalar> next(rule_, {options, drift_, network_.trained(), particles_});
    const auto move = [&next](Index first, Index last) { next.move(first, last); };
    const Finish finish = std::cref(move);
    const EstimateContext<Scalar> context = {objective_, phase_, step_, step_, seed_, particles_, drift_, finish};
    std::visit([&context](auto& estimator) { estimator.estimate(context); }, estimator_);
    ++step_;
  }

  static constexpr std::uint64_t seed_ = 1;
  Dataset data_;
  Network network_;
  Risk risk_;
  Phase phase_;
  Particles<Scalar> particles_;
  Drift drift_;
  EmpiricalRisk<Scalar> objective_;
  AnyEstimator<Scalar> estimator_;
  AnyStep<Scalar> rule_ = EulerMaruyama<Scalar>();
  NoiseRule noise_;
  std::int64_t step_ = 0;
};

/// The neurons that are compared: "tanh" and "relu" are r sigma(w.x + b), "parity" is the bounded parity neuron.
inline Neuron neuron_of(const std::string& name) {
  Neuron neuron;
  neuron.kind = name == "parity" ? NeuronKind::parity : NeuronKind::r_sigma;
  neuron.activation = name == "relu" ? Activation::relu : Activation::tanh;
  return neuron;
}

/// A phase of constant step size, penalty and temperature; `batch_size` = 0 takes all samples. The snapshot of SVRG is
/// taken at step 0 and never again, so that later steps cost what a step between snapshots costs.
inline Phase phase_of(std::string_view method, Index batch_size, double step_size, double penalty, double temperature) {
  Phase phase;
  phase.method = find_method(method);
  phase.num_steps = std::int64_t{1} << 60;
  phase.step_size.value = step_size;
  phase.temperature.value = temperature;
  phase.lambda1.value = penalty;
  phase.batch_size = batch_size;
  phase.snapshot_every = phase.num_steps;
  return phase;
}

}  // namespace mfld::bench
