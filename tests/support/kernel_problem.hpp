#pragma once
#include <functional>
#include <utility>
#include <vector>

#include "mfld/dynamics/simulation.hpp"
#include "mfld/model/tangent_network.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "support/constant.hpp"
#include "support/sample_problem.hpp"

namespace mfld {

/// A phase of constants with the defaults of its method.
inline Phase phase_of(std::string_view method, std::int64_t num_steps, double step_size) {
  Phase phase;
  phase.method = find_method(method);
  phase.name = method;
  phase.num_steps = num_steps;
  phase.step_size = constant(step_size);
  phase.batch_size = phase.method->defaults.batch_size;
  phase.sampling = phase.method->defaults.sampling;
  phase.anchor = phase.method->defaults.anchor;
  phase.averaging = phase.method->defaults.averaging;
  phase.step_rule = phase.method->defaults.step_rule;
  return phase;
}

/// A small regression task for a network and for its linearisation at the first particles.
struct KernelProblem {
  KernelProblem(const Neuron& kind, Scaling scaling, Index num_train, Index num_test, Index num_particles,
                TrainedBlocks trained = {})
      : neuron(kind),
        data(random_dataset(num_train, 3, {}, 1)),
        initial(random_particles(neuron, 3, num_particles, 5)),
        network(neuron, 3, scaling, trained),
        linear(network, initial) {
    const Dataset test = random_dataset(num_test, 3, {}, 11);
    data.test_inputs = test.train_inputs;
    data.test_targets = test.train_targets;
  }

  using OnLook = std::function<void(const State<double>&)>;

  /// Runs the phases from the first particles; on_look sees every state.
  State<double> run(const Model& which, const std::vector<Phase>& phases, const OnLook& on_look = {},
                    std::uint64_t seed = 3) const {
    class Caller : public Listener<double> {
     public:
      explicit Caller(const OnLook& call) : call_(call) {}
      void hear(const State<double>& state, Ending /*ending*/) override {
        if (call_) {
          call_(state);
        }
      }

     private:
      const OnLook& call_;
    };
    State<double> state;
    state.particles = initial;
    Simulation<double> simulation(std::make_unique<EmpiricalRisk<double>>(which, risk, data), phases,
                                  {seed, seed, seed, seed}, std::move(state));
    Caller caller(on_look);
    outcome = simulation.run(caller, std::atomic<bool>(false));
    return simulation.state();
  }

  Vector residual(const Model& which, const Particles<double>& particles) const {
    return outputs_at(which, particles, data.train_inputs) - data.train_targets;
  }
  /// The tangent kernel at the first particles.
  Matrix kernel(const Inputs& x, const Inputs& z) const { return empirical_ntk(network, initial, x, z); }
  Matrix train_kernel() const { return kernel(data.train_inputs, data.train_inputs); }

  Neuron neuron;
  Dataset data;
  Particles<double> initial;
  Network network;
  TangentNetwork linear;
  Risk risk{{}, Reduction::mean};
  mutable Outcome outcome;  // of the last run
};

inline const std::vector<Neuron>& smooth_and_kinked() {
  static const std::vector<Neuron> neurons_of_both = {{NeuronKind::r_sigma, Activation::tanh, true, 1},
                                                      {NeuronKind::r_sigma, Activation::relu, true, 1}};
  return neurons_of_both;
}

}  // namespace mfld
