#pragma once
#include <atomic>
#include <functional>
#include <utility>
#include <vector>

#include "mfld/dynamics/simulation.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "support/constant.hpp"

namespace mfld {

/// A stationary problem with constant numbers, run for as long as a test likes.
struct ChainOptions {
  Neuron neuron{NeuronKind::linear, Activation::linear, false, 1};
  Inputs inputs;
  Vector targets;
  std::string_view method = "mfld";
  double step_size = 0;
  double lambda1 = 0;
  double lambda2 = 0;
  Index batch_size = 1;
  std::uint64_t seed = 1;
  StepKind step = StepKind::euler_maruyama;
  std::int64_t inner_steps = 1;
  Iterate iterate = Iterate::last;
};

/// The phase, the network and the data of a chain, and what observers see of it.
struct Chain {
  Dataset data;
  Network network;
  Risk risk{{.kind = LossKind::squared}, Reduction::mean};
  std::vector<Phase> phases;

  Chain(const ChainOptions& options, std::int64_t num_steps)
      : network(options.neuron, options.inputs.cols(), {.kind = ScalingKind::mean_field}), phases(1) {
    data.train_inputs = options.inputs;
    data.train_targets = options.targets;
    Phase& phase = phases.front();
    phase.method = find_method(options.method);
    phase.num_steps = num_steps;
    phase.step_size = constant(options.step_size);
    phase.temperature = constant(options.lambda2);
    phase.lambda1 = constant(options.lambda1);
    phase.batch_size = options.batch_size;
    phase.snapshot_every = 3;
    phase.step_rule = options.step;
    phase.inner_steps = options.inner_steps;
    phase.iterate = options.iterate;
  }

  /// Calls look(state) after every step from `particles`; returns the last particles.
  Particles<double> run(std::uint64_t seed, Particles<double> particles,
                        const std::function<void(const State<double>&)>& look) const {
    class Caller : public Listener<double> {
     public:
      explicit Caller(const std::function<void(const State<double>&)>& call) : call_(call) {}
      void hear(const State<double>& state, Ending /*ending*/) override {
        if (state.step > 0) {
          call_(state);
        }
      }

     private:
      const std::function<void(const State<double>&)>& call_;
    };
    State<double> state;
    state.particles = std::move(particles);
    Simulation<double> simulation(std::make_unique<EmpiricalRisk<double>>(network, risk, data), phases,
                                  {0, 0, seed, seed}, std::move(state));
    Caller caller(look);
    simulation.run(caller, std::atomic<bool>(false));
    return simulation.state().particles;
  }
};

/// Calls look(particles, k) after every step k = 1..num_steps of the method from `particles`; returns the last
/// particles.
inline Particles<double> run_chain(
    const ChainOptions& options, Particles<double> particles, std::int64_t num_steps,
    const std::function<void(const Particles<double>&, std::int64_t)>& look = [](const auto&, auto) {}) {
  return Chain(options, num_steps).run(options.seed, std::move(particles), [&look](const State<double>& state) {
    look(state.particles, state.step);
  });
}

}  // namespace mfld
