// Samples used once, averages of iterates, and penalties toward the start: small examples worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "mfld/observe/observables.hpp"
#include "support/kernel_problem.hpp"

namespace mfld {
namespace {

const Neuron linear_neuron{NeuronKind::linear, Activation::linear, false, 1};
constexpr Scaling mean_field{.kind = ScalingKind::mean_field};

/// All inputs and labels 0: only the penalty moves the particles, theta - anchor halves in every step.
struct Halving {
  KernelProblem problem{linear_neuron, mean_field, 8, 1, 5};

  Halving() {
    problem.data.train_inputs.setZero();
    problem.data.train_targets.setZero();
    problem.initial.setOnes();
  }
  static Phase phase(std::int64_t num_steps, Anchor anchor, bool averaging) {
    Phase result = phase_of("gd", num_steps, 0.5);
    result.lambda1 = constant(0.5);
    result.anchor = anchor;
    result.averaging = averaging;
    return result;
  }
  /// The common coordinate of all particles.
  static double value(const Particles<double>& particles) {
    EXPECT_EQ(particles, Particles<double>::Constant(5, 3, particles(0, 0)));
    return particles(0, 0);
  }
  double run(const std::vector<Phase>& phases) const { return value(problem.run(problem.network, phases).particles); }
};

TEST(Averaging, IsTheMeanOfTheIteratesWithoutTheLast) {
  const Halving halving;
  EXPECT_EQ(halving.run({Halving::phase(4, Anchor::zero, false)}), 1.0 / 16);
  EXPECT_EQ(halving.run({Halving::phase(4, Anchor::zero, true)}), (1 + 0.5 + 0.25 + 0.125) / 4);
  EXPECT_EQ(halving.run({Halving::phase(1, Anchor::zero, true)}), 1) << "the mean of the seed";
  EXPECT_EQ(halving.run({Halving::phase(0, Anchor::zero, true)}), 1);
}

TEST(Averaging, IsWhatTheNextPhaseStartsFrom) {
  const Halving halving;
  const double mean = (1 + 0.5) / 2;
  EXPECT_EQ(halving.run({Halving::phase(2, Anchor::zero, true), Halving::phase(2, Anchor::zero, false)}), mean / 4);
  EXPECT_EQ(halving.run({Halving::phase(2, Anchor::zero, true), Halving::phase(2, Anchor::zero, true)}),
            (mean + mean / 2) / 2)
      << "each phase averages its own iterates";
}

TEST(Averaging, ShowsTheMeanSoFarBesideTheIterate) {
  const Halving halving;
  const auto& problem = halving.problem;
  problem.run(problem.network, {Halving::phase(3, Anchor::zero, true)}, [&](const State<double>& state) {
    EXPECT_EQ(state.is_averaged(), state.step > 0);
    EXPECT_EQ(Halving::value(state.particles), std::exp2(-static_cast<double>(state.step)));
    if (state.step > 0) {
      const double means[] = {1, 0.75, (1 + 0.5 + 0.25) / 3};
      EXPECT_EQ(Halving::value(state.average), means[state.step - 1]);
    }
  });
}

TEST(Averaging, OfAPhaseThatEndsEarlyIsOverTheStepsItMade) {
  // |v| = sqrt(3) theta is 1.7, 0.87, 0.43 at the iterates; the phase ends before its third step.
  const Halving halving;
  Phase phase = Halving::phase(9, Anchor::zero, true);
  phase.until_gradient_norm = 0.5;
  EXPECT_EQ(halving.run({phase}), (1 + 0.5) / 2);
}

template <class Scalar>
class Iterates : public Listener<Scalar> {
 public:
  void hear(const State<Scalar>& state, Ending ending) override {
    if (ending == Ending::running) {
      sum += state.particles.template cast<long double>();
      averages.push_back(state.average);
    }
  }
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> sum;
  std::vector<Particles<double>> averages;
};

template <class Scalar>
void check_average(const Phase& phase, double tolerance) {
  // The mean of 60 numbers of size 1, kept running in double: rounding below 60 * 1.1e-16 whatever the precision of the
  // run; the result is rounded to it once.
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, 120, 1, 700);
  State<Scalar> state;
  state.particles = problem.initial.cast<Scalar>();
  Simulation<Scalar> simulation(std::make_unique<EmpiricalRisk<Scalar>>(problem.network, problem.risk, problem.data),
                                {phase}, {1, 2, 3, 4}, state);
  Iterates<Scalar> iterates;
  iterates.sum.setZero(700, 5);
  simulation.run(iterates, std::atomic<bool>(false));
  const Matrix mean = (iterates.sum / 60).template cast<double>();
  EXPECT_LE((simulation.state().particles.template cast<double>() - mean).cwiseAbs().maxCoeff(), tolerance);
  EXPECT_EQ(iterates.averages[1], problem.initial.cast<Scalar>().template cast<double>());
  const Matrix sum_before_last = 60 * mean - 59 * iterates.averages[59];
  EXPECT_GT((sum_before_last - mean).cwiseAbs().maxCoeff(), 1e-3) << "the iterates moved";
}

TEST(Averaging, IsInDoubleWhateverThePrecisionOfTheRun) {
  Phase noisy = phase_of("mfld", 60, 0.1);
  noisy.temperature = constant(0.1);
  noisy.averaging = true;
  Phase batches = phase_of("averaged-sgd", 60, 0.5);
  batches.lambda1 = constant(0.01);
  batches.batch_size = 2;
  for (const Phase& phase : {noisy, batches}) {
    check_average<double>(phase, 60 * 4 * 1.2e-16);
    check_average<float>(phase, 4 * 6e-8);
  }
}

TEST(Averaging, RunsInSinglePrecision) {
  // Roundings of 6e-8 in 60 steps, against a movement of which the result is to have four digits.
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, 60, 1, 700);
  Phase phase = phase_of("averaged-sgd", 60, 0.05);
  phase.lambda1 = constant(0.01);
  const auto run = [&]<class Scalar>(Scalar) {
    State<Scalar> state;
    state.particles = problem.initial.cast<Scalar>();
    Simulation<Scalar> simulation(std::make_unique<EmpiricalRisk<Scalar>>(problem.network, problem.risk, problem.data),
                                  {phase}, {1, 2, 3, 4}, state);
    Iterates<Scalar> silent;
    silent.sum.setZero(700, 5);
    simulation.run(silent, std::atomic<bool>(false));
    return Particles<double>(simulation.state().particles.template cast<double>());
  };
  const Particles<double> in_double = run(double{});
  const double movement = (in_double - problem.initial).cwiseAbs().maxCoeff();
  EXPECT_GT(movement, 0.01);
  EXPECT_LE((run(float{}) - in_double).cwiseAbs().maxCoeff(), 1e-4 * movement);
}

TEST(Anchor, PullsToTheParticlesOfStepZeroFromAnyPhase) {
  const Halving halving;
  EXPECT_EQ(halving.run({Halving::phase(3, Anchor::start, false)}), 1) << "there already";
  EXPECT_EQ(halving.run({Halving::phase(2, Anchor::zero, false), Halving::phase(2, Anchor::start, false)}),
            1 - (1 - 0.25) / 4);
}

TEST(Anchor, HasThePenaltyAndTheGradientOfTheDistance) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, 8, 1, 20,
                              {.input = true, .bias = false, .output = true});
  const Particles<double> here = random_normals(20, 5, 9);
  const auto value = [&](const Particles<double>& at) {
    return penalty_value(problem.network, at, {0.3, &problem.initial});
  };
  Particles<double> distance = here - problem.initial;
  distance.col(4).setZero();  // the bias, which is not trained
  EXPECT_NEAR(value(here), 0.3 * distance.squaredNorm() / 20, 1e-14);
  EXPECT_EQ(value(problem.initial), 0);
  Drift drift = Drift::Zero(20, 5);
  add_penalty(problem.network.trained(), here, {0.3, &problem.initial}, drift);
  EXPECT_LE((drift - 0.6 * distance).cwiseAbs().maxCoeff(), 1e-15);
}

TEST(Anchor, IsInTheObjectiveAndTheGradientThatObserversSee) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, 8, 1, 20);
  const Particles<double> here = random_normals(20, 5, 9);
  const Scene scene{&problem.network, &problem.risk, &problem.data, &problem.initial};
  Moment moment(scene);
  moment.move_to(here, 0);
  const Drift data_part = moment.full_drift();
  moment.move_to(here, {0.3, &problem.initial});
  EXPECT_LE((moment.full_drift() - data_part - 0.6 * (here - problem.initial)).cwiseAbs().maxCoeff(), 1e-14);
  const ObservedColumns observed(scene, {"train_loss", "objective", "gradient_norm"}, "observe.columns");
  std::vector<double> values(3);
  observed.evaluate(moment, values);
  EXPECT_NEAR(values[1] - values[0], 0.3 * (here - problem.initial).squaredNorm() / 20, 1e-13);
  EXPECT_EQ(values[2], drift_norm(moment.full_drift()));
}

TEST(OnePass, TakesEachSampleOnceInOrderOverAllPhases) {
  // One linear neuron: w <- w - eta mean_{i in I} (w.x_i - y_i) x_i with I = {0, 1}, all, {2, 3}, {4, 5}.
  const KernelProblem problem(linear_neuron, mean_field, 7, 1, 1);
  Phase first = phase_of("averaged-sgd", 1, 0.2);
  first.averaging = false;
  first.batch_size = 2;
  Phase second = first;
  second.num_steps = 2;
  second.first_sample = 2;
  Vector w = problem.initial.row(0);
  for (const std::vector<Index>& batch :
       {std::vector<Index>{0, 1}, {0, 1, 2, 3, 4, 5, 6}, std::vector<Index>{2, 3}, std::vector<Index>{4, 5}}) {
    const Inputs x = problem.data.train_inputs(batch, Eigen::all);
    const Vector y = problem.data.train_targets(batch);
    w -= 0.2 / static_cast<double>(batch.size()) * (x.transpose() * (x * w - y));
  }
  const State<double> last = problem.run(problem.network, {first, phase_of("gd", 1, 0.2), second});
  EXPECT_LE((last.particles.row(0).transpose() - w).norm(), 1e-15);
  EXPECT_EQ(last.gradient_evaluations, 2 + 7 + 4);
}

TEST(OnePass, NeedsNoRandomNumbers) {
  const KernelProblem problem({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, 30, 1, 20);
  const Phase phase = phase_of("averaged-sgd", 30, 0.3);
  EXPECT_EQ(problem.run(problem.network, {phase}, {}, 1).particles,
            problem.run(problem.network, {phase}, {}, 2).particles);
  Phase drawn = phase;
  drawn.sampling = Sampling::without_replacement;
  EXPECT_NE(problem.run(problem.network, {drawn}, {}, 1).particles,
            problem.run(problem.network, {drawn}, {}, 2).particles);
}

}  // namespace
}  // namespace mfld
