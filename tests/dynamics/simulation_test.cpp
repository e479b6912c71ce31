#include "mfld/dynamics/simulation.hpp"
#include "mfld/objective/empirical_risk.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "support/constant.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

Phase phase_of(std::string_view method, std::int64_t num_steps) {
  Phase phase;
  phase.name = method;
  phase.method = find_method(method);
  phase.num_steps = num_steps;
  phase.step_size = constant(0.05);
  phase.temperature = constant(phase.method->temperature == TemperatureKey::none ? 0 : 0.01);
  phase.lambda1 = constant(0.02);
  phase.batch_size = phase.method->defaults.sampling == Sampling::one_pass ? 2 : 7;
  phase.sampling = phase.method->defaults.sampling;
  phase.anchor = phase.method->defaults.anchor;
  phase.averaging = phase.method->defaults.averaging;
  phase.snapshot_every = 4;
  phase.inner_steps = 3;
  phase.radius = 20;
  phase.step_rule = phase.method->defaults.step_rule;
  return phase;
}

/// The interesting phase of every method: every constant moves with the step.
Phase moving_phase_of(std::string_view method, std::int64_t num_steps) {
  Phase phase = phase_of(method, num_steps);
  phase.step_size = {.kind = ScheduleKind::inverse, .value = 0.05, .timescale = 5};
  phase.lambda1 = {.kind = ScheduleKind::halving, .value = 0.02, .timescale = 3};
  if (phase.method->temperature != TemperatureKey::none) {
    phase.temperature = {.kind = ScheduleKind::exponential, .value = 0.01, .final_value = 0.001, .off_fraction = 0.2};
  }
  return phase;
}

/// What the method predicts with.
const Particles<double>& result_of(const State<double>& state) {
  return state.is_averaged() ? state.average : state.particles;
}

template <class Scalar>
using Looks = std::vector<std::pair<State<Scalar>, bool>>;

template <class Scalar>
class Recorder : public Listener<Scalar> {
 public:
  void hear(const State<Scalar>& state, Ending ending) override {
    looks.emplace_back(state, ending != Ending::running);
    if (on_look) {
      on_look(state);
    }
  }
  Looks<Scalar> looks;
  std::function<void(const State<Scalar>&)> on_look;
};

template <class Scalar>
class Silent : public Listener<Scalar> {
 public:
  void hear(const State<Scalar>& /*state*/, Ending /*ending*/) override {}
};

/// One problem for all: 40 samples, 150 particles of six parameters.
template <class Scalar>
struct Problem {
  Neuron neuron;
  Loss loss;
  Dataset data = random_dataset(40, 4, loss, 1);
  Network network{neuron, 4, {.kind = ScalingKind::mean_field}};
  Risk risk{loss, Reduction::mean};
  Seeds seeds{.data = 1, .initialisation = 2, .batches = 3, .noise = 4};
  Particles<double> first = random_particles(neuron, 4, 150, 5).template cast<Scalar>().template cast<double>();

  State<Scalar> start() const {
    State<Scalar> state;
    state.particles = first.template cast<Scalar>();
    return state;
  }
  Simulation<Scalar> simulation(const std::vector<Phase>& phases) const { return from(phases, start()); }
  Simulation<Scalar> from(const std::vector<Phase>& phases, State<Scalar> state) const {
    return Simulation<Scalar>(std::make_unique<EmpiricalRisk<Scalar>>(network, risk, data), phases, seeds,
                              std::move(state), &first);
  }
  State<Scalar> run(const std::vector<Phase>& phases) const {
    Simulation<Scalar> all = simulation(phases);
    Silent<Scalar> silent;
    const Outcome outcome = all.run(silent, std::atomic<bool>(false));
    EXPECT_EQ(outcome.end.ending, Ending::finished);
    return all.state();
  }
};

/// What the state lists, by name.
template <class Scalar>
std::map<std::string_view, Matrix> listed(const State<Scalar>& state) {
  std::map<std::string_view, Matrix> matrices;
  State<Scalar>::for_each_matrix(state, {150, 6, 40},
                                 [&](std::string_view name, const auto& matrix, const MatrixShape& shape) {
                                   EXPECT_EQ(matrix.rows(), shape.rows) << name;
                                   EXPECT_EQ(matrix.cols(), shape.cols) << name;
                                   EXPECT_TRUE(matrices.emplace(name, matrix.template cast<double>()).second) << name;
                                 });
  return matrices;
}

template <class Scalar>
void expect_same(const State<Scalar>& a, const State<Scalar>& b) {
  EXPECT_EQ(a.particles, b.particles);
  EXPECT_EQ(listed(a), listed(b));
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.step_in_phase, b.step_in_phase);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.time_compensation, b.time_compensation);
  EXPECT_EQ(a.gradient_evaluations, b.gradient_evaluations);
}

/// What a checkpoint would keep of the state, and nothing else.
template <class Scalar>
State<Scalar> copy_by_list(const State<Scalar>& state, const std::vector<Phase>& phases) {
  State<Scalar> copy;
  if (state.phase < std::ssize(phases)) {
    copy.begin(phases[static_cast<std::size_t>(state.phase)]);
  }
  copy.step = state.step;
  copy.phase = state.phase;
  copy.step_in_phase = state.step_in_phase;
  copy.time = state.time;
  copy.time_compensation = state.time_compensation;
  copy.gradient_evaluations = state.gradient_evaluations;
  const std::map<std::string_view, Matrix> matrices = listed(state);
  State<Scalar>::for_each_matrix(
      copy, {150, 6, 40},
      [&]<class Number>(std::string_view name, Particles<Number>& matrix, const MatrixShape& /*shape*/) {
        matrix = matrices.at(name).template cast<Number>();
      });
  return copy;
}

/// A method with a step that it may have.
struct Combination {
  Method method;
  StepKind rule;
};

bool is_allowed(const Combination& pair) {
  const Method& method = pair.method;
  switch (pair.rule) {
    case StepKind::euler_maruyama:
      return method.defaults.step_rule == StepKind::euler_maruyama;
    case StepKind::leimkuhler_matthews:
      return method.temperature != TemperatureKey::none && method.defaults.step_rule == StepKind::euler_maruyama;
    case StepKind::sphere:
    case StepKind::ball:
    case StepKind::kinetic:
      return method.estimator != Estimator::natural && !method.defaults.averaging;
  }
  return false;
}

std::vector<Combination> combinations() {
  std::vector<Combination> pairs;
  for (const Method& method : methods) {
    for (const StepInfo& row : step_rules) {
      // Dual ascent needs bounded neurons: dual_ascent_test.cpp and resume_test.cpp have it.
      if (method.estimator != Estimator::dual_ascent && is_allowed({method, row.kind})) {
        pairs.push_back({method, row.kind});
      }
    }
  }
  return pairs;
}

class EveryMethod : public testing::TestWithParam<Combination> {
 protected:
  static Phase phase(std::int64_t num_steps) { return with_rule(phase_of(GetParam().method.name, num_steps)); }
  static Phase moving_phase(std::int64_t num_steps) {
    return with_rule(moving_phase_of(GetParam().method.name, num_steps));
  }

 private:
  static Phase with_rule(Phase phase) {
    phase.step_rule = GetParam().rule;
    return phase;
  }
};

std::string name_of(const testing::TestParamInfo<Combination>& each) {
  std::string name = std::string(each.param.method.name) + "_" + std::string(info(each.param.rule).name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, testing::ValuesIn(combinations()), name_of);

// ---- Split runs

template <class Scalar>
void check_split_runs(const std::vector<Phase>& phases, std::int64_t num_steps) {
  const Problem<Scalar> problem;
  const State<Scalar> whole = problem.run(phases);
  EXPECT_EQ(whole.step, num_steps);
  for (std::int64_t split = 0; split <= num_steps; ++split) {
    SCOPED_TRACE(testing::Message() << "split at " << split);
    std::atomic<bool> stop(split == 0);
    Recorder<Scalar> first_listener;
    first_listener.on_look = [&](const State<Scalar>& state) { stop = state.step + 1 >= split; };
    Simulation<Scalar> first = problem.simulation(phases);
    first.run(first_listener, stop);
    ASSERT_EQ(first.state().step, split);
    Simulation<Scalar> second = problem.from(phases, copy_by_list(first.state(), phases));
    Silent<Scalar> silent;
    EXPECT_EQ(second.run(silent, std::atomic<bool>(false)).end.ending, Ending::finished);
    expect_same(second.state(), whole);
  }
}

TEST_P(EveryMethod, SplitAnywhereIsTheUnbrokenRunBitForBit) {
  // The numbers and the listed matrices are all there is to remember: k steps, a new object, and the rest.
  const std::vector<Phase> phases = {moving_phase(10), phase(3)};
  check_split_runs<double>(phases, 13);
  check_split_runs<float>(phases, 13);
}

TEST_P(EveryMethod, InterruptedAndContinuedInPlaceIsTheUnbrokenRunBitForBit) {
  const Problem<double> problem;
  const std::vector<Phase> phases = {moving_phase(13)};
  Simulation<double> simulation = problem.simulation(phases);
  Silent<double> silent;
  std::atomic<bool> stop(false);
  Recorder<double> interrupter;
  interrupter.on_look = [&](const State<double>& state) { stop = state.step == 5; };
  const Outcome outcome = simulation.run(interrupter, stop);
  EXPECT_EQ(outcome.end.ending, Ending::interrupted);
  EXPECT_EQ(outcome.end.step, 6) << "the step that had begun is completed";
  EXPECT_EQ(outcome.end.first_bad_particle, std::nullopt);
  EXPECT_EQ(simulation.run(silent, std::atomic<bool>(true)).end.step, 6) << "a raised flag stops before any step";
  EXPECT_EQ(simulation.run(silent, std::atomic<bool>(false)).end.ending, Ending::finished);
  expect_same(simulation.state(), problem.run(phases));
}

TEST_P(EveryMethod, StopsAtItsLimitExactlyAndGoesOnFromThere) {
  const Problem<double> problem;
  const std::vector<Phase> phases = {moving_phase(8), moving_phase(5)};
  Simulation<double> simulation = problem.simulation(phases);
  Silent<double> silent;
  const std::atomic<bool> never(false);
  for (const std::int64_t limit : {0, 1, 5, 8, 9}) {
    const Outcome outcome = simulation.run(silent, never, limit);
    EXPECT_EQ(outcome.end.ending, Ending::interrupted);
    EXPECT_EQ(outcome.end.step, limit);
    EXPECT_EQ(simulation.state().step, limit);
  }
  EXPECT_EQ(simulation.run(silent, never, 13).end.ending, Ending::finished) << "no work is left";
  expect_same(simulation.state(), problem.run(phases));
}

// ---- Threads and listeners

template <class Scalar>
void check_threads(const Phase& phase) {
  Problem<Scalar> problem;
  const auto run = [&](int threads) { return with_threads(threads, [&] { return problem.run({phase}); }); };
  const State<Scalar> one = run(1);
  EXPECT_EQ(one.particles == problem.start().particles, phase.method->estimator == Estimator::at_rest);
  for (const int threads : {2, 3, 8}) {
    SCOPED_TRACE(threads);
    expect_same(run(threads), one);
  }
}

TEST_P(EveryMethod, HasTheSameBitsOnAnyNumberOfThreads) {
  check_threads<double>(moving_phase(15));
  check_threads<float>(moving_phase(15));
}

TEST_P(EveryMethod, AListenerCannotChangeTheRun) {
  const Problem<double> problem;
  const std::vector<Phase> phases = {phase(9)};
  Simulation<double> watched = problem.simulation(phases);
  EmpiricalRisk<double> own(problem.network, problem.risk, problem.data);
  Recorder<double> listener;
  listener.on_look = [&](const State<double>& state) {
    // What observers do: outputs and drift of the same network on the same data, with threads of their own.
    Drift drift(150, 6);
    std::vector<double> outputs(40);
    with_threads(2, [&] { own.drift(state.particles, drift, outputs); });
  };
  watched.run(listener, std::atomic<bool>(false));
  expect_same(watched.state(), problem.run(phases));
}

TEST_P(EveryMethod, IsWatchedBeforeEveryStepAndOnceAtTheEnd) {
  const Problem<double> problem;
  Simulation<double> simulation = problem.simulation({phase(4), phase(0), phase(2)});
  Recorder<double> recorder;
  const Outcome outcome = simulation.run(recorder, std::atomic<bool>(false));
  EXPECT_EQ(outcome.end.step, 6);
  ASSERT_EQ(recorder.looks.size(), 7U);
  for (std::int64_t k = 0; k <= 6; ++k) {
    const auto& [state, last] = recorder.looks[static_cast<std::size_t>(k)];
    EXPECT_EQ(state.step, k);
    EXPECT_EQ(last, k == 6);
    EXPECT_EQ(state.phase, k < 4 ? 0 : 2) << "the last phase is left once its end is told";
    EXPECT_EQ(state.step_in_phase, k < 4 ? k : k - 4);
    if (k < 4) {
      EXPECT_EQ(result_of(state), problem.run({phase(k)}).particles);
    }
  }
}

// ---- Phases

TEST_P(EveryMethod, AFollowingPhaseStartsFromTheStateOfTheOneBefore) {
  // [A, B] is B run from A's particles with the step counter, hence the noise and the batches, going on.
  const Problem<double> problem;
  const Phase first = moving_phase_of("mfld", 6);
  const Phase second = moving_phase(9);
  State<double> middle = problem.run({first});
  EXPECT_EQ(middle.step, 6);
  EXPECT_EQ(middle.phase, 1);
  Simulation<double> rest = problem.from({first, second}, middle);
  Silent<double> silent;
  rest.run(silent, std::atomic<bool>(false));
  expect_same(rest.state(), problem.run({first, second}));
  // The same phase alone, entered at global step 6.
  middle.phase = 0;
  Simulation<double> alone = problem.from({second}, middle);
  alone.run(silent, std::atomic<bool>(false));
  EXPECT_EQ(alone.state().particles, rest.state().particles);
}

TEST(Phases, CuttingAPhaseOfConstantsChangesNothing) {
  const Problem<double> problem;
  for (const char* method : {"gd", "gld", "sgld", "mfld", "sgd-mfld", "sgd", "natural-gradient"}) {
    const State<double> whole = problem.run({phase_of(method, 12)});
    const State<double> cut = problem.run({phase_of(method, 5), phase_of(method, 7)});
    EXPECT_EQ(cut.particles, whole.particles) << method;
    EXPECT_EQ(cut.time, whole.time);
  }
}

TEST(Phases, SchedulesRunWithinTheirPhase) {
  // 1 / (1 + k) from each phase's own start; the times add up.
  const Problem<double> problem;
  Phase phase = phase_of("gd", 3);
  phase.step_size = {.kind = ScheduleKind::inverse, .value = 0.1, .timescale = 1};
  const State<double> twice = problem.run({phase, phase});
  EXPECT_NEAR(twice.time, 2 * 0.1 * (1 + 1.0 / 2 + 1.0 / 3), 1e-16);
}

TEST(Phases, NoneAndEmptyOnesEndAtOnce) {
  const Problem<double> problem;
  for (const std::vector<Phase>& phases :
       {std::vector<Phase>{}, {phase_of("gd", 0)}, {phase_of("gd", 0), phase_of("svrg-mfld", 0)}}) {
    Simulation<double> simulation = problem.simulation(phases);
    Recorder<double> recorder;
    const Outcome outcome = simulation.run(recorder, std::atomic<bool>(false));
    EXPECT_EQ(outcome.end.ending, Ending::finished);
    EXPECT_EQ(outcome.end.step, 0);
    ASSERT_EQ(recorder.looks.size(), 1U);
    EXPECT_TRUE(recorder.looks[0].second);
    EXPECT_EQ(simulation.state().particles, problem.start().particles);
  }
}

// ---- Methods that are one another's special cases

Phase cold(Phase phase) {
  phase.temperature = constant(0);
  return phase;
}

Phase with_batches(Phase phase, Index batch_size, std::int64_t snapshot_every) {
  phase.batch_size = batch_size;
  phase.snapshot_every = snapshot_every;
  return phase;
}

template <class Scalar>
void check_special_cases() {
  const Problem<Scalar> problem;
  const auto run = [&](const Phase& phase) { return problem.run({phase}).particles; };
  const auto gd = run(phase_of("gd", 12));
  EXPECT_EQ(run(cold(phase_of("mfld", 12))), gd) << "temperature 0 is gradient descent";
  EXPECT_EQ(run(cold(phase_of("gld", 12))), gd);
  EXPECT_EQ(run(cold(with_batches(phase_of("sgd-mfld", 12), 40, 0))), gd);
  EXPECT_EQ(run(with_batches(phase_of("sgd", 12), 40, 0)), gd);
  EXPECT_EQ(run(cold(phase_of("sgd-mfld", 12))), run(phase_of("sgd", 12)));
  EXPECT_EQ(run(cold(with_batches(phase_of("svrg-mfld", 12), 7, 1))), gd);
  const auto mfld = run(phase_of("mfld", 12));
  EXPECT_EQ(run(phase_of("gld", 12)), mfld) << "gld at 1/beta = lambda2 in the mean-field scaling";
  EXPECT_EQ(run(with_batches(phase_of("sgd-mfld", 12), 40, 0)), mfld) << "batch of all samples";
  EXPECT_EQ(run(with_batches(phase_of("svrg-mfld", 12), 7, 1)), mfld) << "a snapshot every step";
  EXPECT_EQ(run(phase_of("sgld", 12)), run(phase_of("sgd-mfld", 12)));
  EXPECT_NE(run(phase_of("sgd-mfld", 12)), mfld);
  EXPECT_NE(run(phase_of("svrg-mfld", 12)), mfld);
  EXPECT_NE(mfld, gd);
}

TEST(Methods, SpecialCasesOfOneAnotherAgreeBitForBit) {
  check_special_cases<double>();
  check_special_cases<float>();
}

TEST(Methods, GradientEvaluationsAreCountedPerSample) {
  const Problem<double> problem;
  const auto count = [&](const Phase& phase) { return problem.run({phase}).gradient_evaluations; };
  EXPECT_EQ(count(phase_of("mfld", 10)), 10 * 40);
  EXPECT_EQ(count(phase_of("sgd-mfld", 10)), 10 * 7);
  EXPECT_EQ(count(phase_of("svrg-mfld", 10)), 3 * 40 + 7 * 2 * 7) << "snapshots at 0, 4, 8";
  EXPECT_EQ(count(phase_of("averaged-sgd", 10)), 10 * 2);
  EXPECT_EQ(count(phase_of("natural-gradient", 10)), 10 * 40);
}

TEST(Seeds, NoiseAndBatchesReadTheirOwnOnly) {
  Problem<double> problem;
  const auto run = [&](const char* method) { return problem.run({phase_of(method, 5)}).particles; };
  const auto gd = run("gd");
  const auto mfld = run("mfld");
  const auto sgd = run("sgd-mfld");
  problem.seeds.data = 77;
  problem.seeds.initialisation = 78;
  EXPECT_EQ(run("sgd-mfld"), sgd);
  problem.seeds.batches = 79;
  EXPECT_EQ(run("mfld"), mfld);
  EXPECT_NE(run("sgd-mfld"), sgd);
  problem.seeds.batches = 3;
  problem.seeds.noise = 80;
  EXPECT_EQ(run("gd"), gd);
  EXPECT_NE(run("mfld"), mfld);
  EXPECT_NE(run("sgd-mfld"), sgd);
}

TEST(Time, IsTheCompensatedSumOfTheStepSizes) {
  // 20000 steps of 0.1 with inputs of one sample and one particle: the plain sum would be off by 2e-9.
  Problem<double> problem;
  problem.data = random_dataset(1, 4, problem.loss, 1);
  Phase phase = phase_of("gd", 20000);
  phase.step_size = constant(0.1);
  State<double> state;
  state.particles = random_particles(problem.neuron, 4, 1, 5);
  Simulation<double> simulation = problem.from({phase}, state);
  Silent<double> silent;
  simulation.run(silent, std::atomic<bool>(false));
  EXPECT_EQ(simulation.state().time, 2000.0);
}

// ---- Early end and divergence

double gradient_norm(const Problem<double>& problem, const Particles<double>& particles, double lambda1) {
  EmpiricalRisk<double> objective(problem.network, problem.risk, problem.data);
  Drift drift(particles.rows(), particles.cols());
  objective.drift(particles, drift);
  return drift_norm(drift + 2 * lambda1 * particles);
}

TEST(UntilGradientNorm, MeasuresThePenaltyFromItsAnchor) {
  // Inputs and labels 0: no data term, v = 2 lambda1 (theta - theta_0), so the run that starts at theta_0 ends at once.
  Problem<double> problem;
  problem.data.train_inputs.setZero();
  problem.data.train_targets.setZero();
  problem.neuron = {NeuronKind::linear, Activation::linear, false, 1};
  problem.network = Network(problem.neuron, 4, {.kind = ScalingKind::mean_field});
  problem.first = random_normals(9, 4, 5);
  Phase phase = phase_of("gd", 7);
  phase.until_gradient_norm = 1e-300;
  EXPECT_EQ(problem.run({phase}).step, 7) << "theta is not 0";
  phase.anchor = Anchor::start;
  EXPECT_EQ(problem.run({phase}).step, 0);
}

TEST(UntilGradientNorm, EndsThePhaseAtTheFirstStateBelowItAndGoesOnToTheNext) {
  const Problem<double> problem;
  Phase converge = phase_of("gd", 100000);
  converge.step_size = constant(0.5);
  converge.until_gradient_norm = 0.01;
  Simulation<double> simulation = problem.simulation({converge, phase_of("mfld", 3)});
  Recorder<double> recorder;
  const Outcome outcome = simulation.run(recorder, std::atomic<bool>(false));
  EXPECT_EQ(outcome.end.ending, Ending::finished);
  std::int64_t first_phase_steps = 0;
  for (const auto& [state, last] : recorder.looks) {
    if (state.phase == 0 && state.step > 0) {
      first_phase_steps = state.step;
    }
  }
  EXPECT_GT(first_phase_steps, 10);
  EXPECT_LT(first_phase_steps, 100000);
  EXPECT_EQ(outcome.end.step, first_phase_steps + 3);
  for (const auto& [state, last] : recorder.looks) {
    if (state.phase == 0) {
      EXPECT_EQ(gradient_norm(problem, state.particles, 0.02) < 0.01, state.step == first_phase_steps) << state.step;
    }
  }
}

/// Ends the phase that makes the next step once so many steps of the run are made, as often as it is asked.
template <class Scalar>
class EndsPhaseAt : public Listener<Scalar> {
 public:
  explicit EndsPhaseAt(std::int64_t step) : step_(step) {}
  void hear(const State<Scalar>& state, Ending /*ending*/) override {
    is_there_ = state.step == step_ && state.phase == 0;
    num_heard += state.step == step_ ? 1 : 0;
  }
  bool ends_phase() const override { return is_there_; }
  int num_heard = 0;

 private:
  std::int64_t step_;
  bool is_there_ = false;
};

template <class Scalar>
State<Scalar> run_ended_at(const Problem<Scalar>& problem, const std::vector<Phase>& phases, std::int64_t step) {
  Simulation<Scalar> simulation = problem.simulation(phases);
  EndsPhaseAt<Scalar> listener(step);
  EXPECT_EQ(simulation.run(listener, std::atomic<bool>(false)).end.ending, Ending::finished);
  EXPECT_EQ(listener.num_heard, 2) << "before the phase ended, and after";
  return simulation.state();
}

/// With constants that do not move, for then the length of the phase is nothing but its end.
TEST(EndsPhase, IsThePhaseOfSoManySteps) {
  const auto check = []<class Scalar>(Scalar) {
    const Problem<Scalar> problem;
    for (const Method& method : methods) {
      if (method.estimator == Estimator::dual_ascent) {
        continue;  // needs bounded neurons
      }
      for (const std::int64_t step : {0, 1, 5}) {
        SCOPED_TRACE(std::string(method.name) + " until " + std::to_string(step));
        const Phase next = phase_of("sgd-mfld", 3);
        expect_same(run_ended_at(problem, {phase_of(method.name, 12), next}, step),
                    problem.run({phase_of(method.name, step), next}));
        expect_same(run_ended_at(problem, {phase_of(method.name, 12)}, step),
                    problem.run({phase_of(method.name, step)}));
      }
    }
  };
  check(double{});
  check(float{});
}

// ---- Outputs that a look reads and the step makes

/// Reads the outputs of the steps that are made from states of an even number, and has its own of every state.
template <class Scalar>
class ReadsOutputs : public Listener<Scalar> {
 public:
  ReadsOutputs(const Problem<Scalar>& problem, std::int64_t end_phase_at = -1)
      : own_(problem.network, problem.risk, problem.data), end_phase_at_(end_phase_at) {}
  bool reads_outputs(const StateNumbers& state) const override { return state.step % 2 == 0; }
  void take_outputs(std::span<const double> outputs) override { taken_ = outputs; }
  void hear(const State<Scalar>& state, Ending /*ending*/) override {
    if (!taken_.empty()) {
      std::vector<double> outputs(taken_.size());
      own_.outputs(state.particles, outputs);
      EXPECT_TRUE(std::equal(taken_.begin(), taken_.end(), outputs.begin())) << state.step;
      steps.push_back(state.step);
    }
    taken_ = {};
    is_there_ = state.step == end_phase_at_ && state.phase == 0;
  }
  bool ends_phase() const override { return is_there_; }
  std::vector<std::int64_t> steps;  // where it took any

 private:
  EmpiricalRisk<Scalar> own_;
  std::int64_t end_phase_at_;
  bool is_there_ = false;
  std::span<const double> taken_;
};

template <class Scalar>
std::vector<std::int64_t> check_reading_outputs(const std::vector<Phase>& phases) {
  const Problem<Scalar> problem;
  const State<Scalar> expected = with_threads(1, [&] { return problem.run(phases); });
  std::vector<std::int64_t> steps;
  for (const int threads : {1, 2, 8}) {
    Simulation<Scalar> simulation = problem.simulation(phases);
    ReadsOutputs<Scalar> listener(problem);
    with_threads(threads, [&] { simulation.run(listener, std::atomic<bool>(false)); });
    expect_same(simulation.state(), expected);
    steps = listener.steps;
  }
  return steps;
}

TEST_P(EveryMethod, GivesALookTheOutputsOfItsStepsThatAreFunctionsOfTheParticles) {
  using Steps = std::vector<std::int64_t>;
  const bool is_full = GetParam().method.estimator == Estimator::full;
  const Steps every_other = is_full ? Steps{0, 2, 4, 6} : Steps{};
  EXPECT_EQ(check_reading_outputs<double>({moving_phase(7)}), every_other);
  EXPECT_EQ(check_reading_outputs<float>({moving_phase(7)}), every_other);
  if (is_full) {
    Phase averages = phase(5);
    averages.averaging = true;
    Phase converges = phase(100);
    converges.until_gradient_norm = 1e9;  // at once
    Phase noisy = phase(4);
    noisy.label_noise = 0.3;
    noisy.lambda1_fourth = constant(0.01);
    Phase of_some = phase(4);
    of_some.samples_end = 30;
    EXPECT_EQ(check_reading_outputs<double>({averages, converges, noisy, of_some}), (Steps{0, 6, 8}))
        << "at the first iterate, which is its own average; then the phase that ends at step 5, which is odd";
  }
}

TEST_P(EveryMethod, DropsTheEstimateOfAPhaseThatEndsAtItsLook) {
  const Problem<double> problem;
  for (const std::int64_t end : {0, 4}) {
    Simulation<double> simulation = problem.simulation({phase(12), phase(3)});
    ReadsOutputs<double> listener(problem, end);
    EXPECT_EQ(simulation.run(listener, std::atomic<bool>(false)).end.ending, Ending::finished);
    expect_same(simulation.state(), problem.run({phase(end), phase(3)}));
  }
}

TEST(Divergence, StopsAtTheStepAndNamesTheParticle) {
  // Inputs 0: no data term, theta <- (1 - 2 eta lambda1) theta = -(2e10 - 1) theta. Of size 1 a particle passes 1.8e308
  // in step 30, of size 1e20 in step 28; single precision (3.4e38) in steps 4 and 2.
  const auto check = []<class Scalar>(Scalar, std::int64_t expected_step) {
    Problem<Scalar> problem;
    problem.data.train_inputs.setZero();
    problem.neuron = {NeuronKind::linear, Activation::linear, false, 1};
    problem.network = Network(problem.neuron, 4, {.kind = ScalingKind::mean_field});
    Phase phase = phase_of("gd", 1000);
    phase.step_size = constant(1);
    phase.lambda1 = constant(1e10);
    State<Scalar> state;
    state.particles = Particles<Scalar>::Ones(600, 4);
    state.particles(437, 2) = Scalar{1e20F};
    state.particles(512, 0) = Scalar{1e20F};
    Simulation<Scalar> simulation = problem.from({phase}, state);
    Recorder<Scalar> recorder;
    const Outcome outcome = simulation.run(recorder, std::atomic<bool>(false));
    EXPECT_EQ(outcome.end.ending, Ending::diverged);
    EXPECT_EQ(outcome.end.first_bad_particle, 437);
    EXPECT_EQ(outcome.end.step, expected_step);
    EXPECT_EQ(simulation.state().step, expected_step);
    EXPECT_TRUE(recorder.looks.back().second) << "what there is, is shown";
    EXPECT_TRUE(recorder.looks[recorder.looks.size() - 2].first.particles.allFinite());
  };
  check(double{}, 28);
  check(float{}, 2);
}

}  // namespace
}  // namespace mfld
