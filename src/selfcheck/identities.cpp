#include "selfcheck/identities.hpp"

#include <utility>

#include "mfld/core/parallel.hpp"
#include "mfld/model/initialisation.hpp"
#include "selfcheck/run.hpp"

namespace mfld::theorems {

namespace {

/// All that a state can carry from step to step: snapshots and batches, noise used twice, velocities, an average.
std::vector<Phase> every_memory() {
  std::vector<Phase> phases = {
      selfcheck_phase("svrg-mfld", 7, 0.2, 0.05, 0.01), selfcheck_phase("mfld", 5, 0.2, 0.05, 0.01),
      selfcheck_phase("underdamped-mfld", 5, 0.2, 0.05, 0.01), selfcheck_phase("sgd", 5, 0.2, 0.05, 0)};
  phases[0].batch_size = 16;
  phases[0].snapshot_every = 3;
  phases[1].step_rule = StepKind::leimkuhler_matthews;
  phases[3].batch_size = 16;
  phases[3].averaging = true;
  return phases;
}

struct Problem {
  Dataset data;
  Network network;
  State<double> start;

  /// Sizes that no tile and no vector divides.
  explicit Problem(Index width) : data(selfcheck_samples(333)), network({}, data.input_dim(), {}) {
    start.particles = initial_particles({}, network.neuron(), data.input_dim(), width, 1);
  }
};

}  // namespace

Finding check_threads() {
  const Problem problem(5001);
  const SelfcheckRun run{problem.network, problem.data, every_memory()};
  const auto on = [&](int num_threads) {
    return with_threads(num_threads, [&] { return run.from(problem.start).particles; });
  };
  const Particles<double> one = on(1);
  return no_difference((one.array() != on(2).array()).count() + (one.array() != on(3).array()).count());
}

Finding check_resume(const std::function<State<double>(const State<double>&)>& kept) {
  const Problem problem(203);
  const SelfcheckRun run{problem.network, problem.data, every_memory()};
  const State<double> unbroken = run.from(problem.start);
  long num_differing = 0;
  for (std::int64_t split = 1; split < unbroken.step; ++split) {
    const State<double> resumed = run.from(kept(run.from(problem.start, split)));
    num_differing += (resumed.particles.array() != unbroken.particles.array()).count();
  }
  return no_difference(num_differing);
}

}  // namespace mfld::theorems
