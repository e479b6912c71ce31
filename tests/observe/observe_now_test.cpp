// Numbers of a state, whenever one holds it: those that a run would record at that step.
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "mfld/observe/observables.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

const std::vector<std::string> names = {"train_loss", "objective", "gradient_norm", "movement_mean"};

/// The same by hand: penalty of the phase's next step, particles that the method predicts with.
std::vector<double> by_hand(const Scene& scene, const Particles<double>& particles, const Penalty<double>& penalty) {
  const ObservedColumns observed(scene, names, "names");
  Moment moment(scene);
  moment.move_to(particles, penalty);
  std::vector<double> values(observed.columns().size());
  observed.evaluate(moment, values);
  return values;
}

TEST(ObserveNow, TakesThePenaltyOfTheStepThatComesNext) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, {.kind = ScalingKind::mean_field}, 8, 1,
                              20);
  Phase phase = phase_of("gd", 6, 0.1);
  phase.lambda1 = {.kind = ScheduleKind::halving, .value = 0.4, .timescale = 2};
  const std::vector<Phase> phases = {phase};
  const Scene scene{&problem.network, &problem.risk, &problem.data, &problem.initial, &phases};
  int looks = 0;
  const State<double> last = problem.run(problem.network, phases, [&](const State<double>& state) {
    ++looks;
    const double penalty = phase.penalty_at(std::min<std::int64_t>(state.step, 5));
    EXPECT_EQ(observe_now(scene, names, state), by_hand(scene, state.particles, penalty));
  });
  EXPECT_EQ(looks, 7);
  EXPECT_NE(observe_now(scene, names, last), by_hand(scene, last.particles, phase.penalty_at(0)));
}

TEST(ObserveNow, SeesTheAverageAndTheAnchorOfAPhaseThatHasThem) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, {.kind = ScalingKind::mean_field}, 8, 1,
                              20);
  Phase phase = phase_of("averaged-sgd", 6, 0.1);
  phase.lambda1.value = 0.3;
  const std::vector<Phase> phases = {phase};
  const Scene scene{&problem.network, &problem.risk, &problem.data, &problem.initial, &phases};
  problem.run(problem.network, phases, [&](const State<double>& state) {
    const Particles<double>& seen = state.is_averaged() ? state.average : state.particles;
    EXPECT_EQ(observe_now(scene, names, state), by_hand(scene, seen, {0.3, &problem.initial})) << state.step;
  });
}

TEST(ObserveNow, RefusesWhatTheSceneDoesNotHave) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, {.kind = ScalingKind::mean_field}, 8, 0,
                              20);
  const std::vector<Phase> phases = {phase_of("gd", 1, 0.1)};
  const Scene scene{&problem.network, &problem.risk, &problem.data, &problem.initial, &phases};
  State<double> state;
  state.particles = problem.initial;
  EXPECT_THROW(observe_now(scene, {"teacher_cosines"}, state), InvalidInput);
}

}  // namespace
}  // namespace mfld
