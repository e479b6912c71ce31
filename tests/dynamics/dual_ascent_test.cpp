#include "mfld/dynamics/dual_ascent.hpp"

#include <gtest/gtest.h>

#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "mfld/core/random.hpp"
#include "mfld/trust/certificate.hpp"
#include "mfld/trust/log_sobolev.hpp"
#include "mfld/trust/neuron_values.hpp"
#include "support/every_neuron.hpp"
#include "support/kernel_problem.hpp"
#include "support/oracles/line_chain.hpp"
#include "support/oracles/line_law.hpp"

namespace mfld {
namespace {

const Neuron tanh_neuron{NeuronKind::sigma, Activation::tanh, true, 1};
constexpr Scaling mean_field{.kind = ScalingKind::mean_field};

Phase ascent(std::int64_t num_steps, std::int64_t inner_steps, std::int64_t coordinate_steps) {
  Phase phase = phase_of("p-sdca", num_steps, 0.2);
  phase.inner_steps = inner_steps;
  phase.coordinate_steps = coordinate_steps;
  phase.lambda1 = constant(0.1);
  phase.temperature = constant(0.1);
  return phase;
}

Vector dual_of(const State<double>& state) {
  const auto& g = std::get<DualAscent<double>>(state.estimator).variables();
  return g.size() > 0 ? Vector(g.col(0)) : Vector();
}

/// The first coordinates that an outer iteration draws.
std::vector<Index> coordinates_of(std::uint64_t seed, std::int64_t step, Index num_samples, int count) {
  RandomStream stream(seed, Purpose::coordinate, static_cast<std::uint64_t>(step));
  std::vector<Index> coordinates;
  for (int k = 0; k < count; ++k) {
    coordinates.push_back(boost::random::uniform_int_distribution<Index>(0, num_samples - 1)(stream));
  }
  return coordinates;
}

// ---- What a step does

TEST(DualAscent, StepIsThatOfThePotentialOfTheDualVariables) {
  // theta - eta [w sum_i g_i grad h(theta_j; x_i) + 2 lambda1 theta_j] + sqrt(2 lambda2 eta) xi_j, w = 1/n or 1, in the
  // steps that no resampling comes before.
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
    problem.risk = Risk({}, reduction);
    Phase phase = ascent(12, 3, 2);
    const PackedInputs<double> inputs(problem.data.train_inputs);
    KernelWorkspace<double> workspace;
    Particles<double> before;
    problem.run(problem.network, {phase}, [&](const State<double>& state) {
      if (state.step > 0 && state.phase == 0 && (state.step - 1) % 3 != 0) {
        const Vector g = dual_of(state);
        Drift drift(20, before.cols());
        problem.network.drift(before, inputs, GivenField(span_of(g)), reduction == Reduction::mean ? 1.0 / 9 : 1.0,
                              Accumulate::assign, drift, {}, workspace);
        Matrix xi(20, before.cols());
        langevin_noise(3, state.step - 1, 0, xi);
        const Particles<double> expected = before - 0.2 * (drift + 2 * 0.1 * before) + std::sqrt(2 * 0.1 * 0.2) * xi;
        EXPECT_LE((state.particles - expected).cwiseAbs().maxCoeff(), 1e-14) << state.step;
      }
      before = state.particles;
    });
  }
}

/// g after the coordinates of one outer iteration, and the weights, from the formulas.
struct Expected {
  Vector dual;
  Vector weights;  // [N], their sum is 1
  int num_coordinates = 0;
};

Expected ascend(const KernelProblem& problem, const Phase& phase, const Particles<double>& particles, Vector dual,
                const std::vector<Index>& coordinates) {
  const double w = problem.risk.scale(9) / 9;
  const double c = w / phase.temperature.value;
  Expected expected{std::move(dual), Vector::Ones(particles.rows()), 0};
  for (const Index i : coordinates) {
    Vector h(particles.rows());
    for (Index j = 0; j < particles.rows(); ++j) {
      h[j] = outputs_at(problem.network, particles.row(j), problem.data.train_inputs)[i];
    }
    const Vector normalised = expected.weights / expected.weights.sum();
    const double y = problem.data.train_targets[i];
    const double delta = (normalised.dot(h) - y - expected.dual[i]) / (1 + c);
    expected.dual[i] += delta;
    expected.weights = expected.weights.array() * (-delta * w / phase.temperature.value * h.array()).exp();
    ++expected.num_coordinates;
    const double size = std::pow(expected.weights.sum(), 2) / expected.weights.squaredNorm();
    if (size < phase.effective_share * static_cast<double>(particles.rows())) {
      break;
    }
  }
  expected.weights /= expected.weights.sum();
  return expected;
}

TEST(DualAscent, MovesCoordinatesByWeightedParticlesUntilTheseAreWorthTooFew) {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    for (const double share : {0.0, 0.9, 0.98, 1.0}) {
      KernelProblem problem(tanh_neuron, mean_field, 9, 1, 60);
      problem.risk = Risk({}, reduction);
      Phase phase = ascent(13, 3, 40);
      phase.effective_share = share;
      State<double> before;
      Expected expected;
      int fewest = 40;
      int most = 0;
      problem.run(problem.network, {phase}, [&](const State<double>& state) {
        if (state.step > 1 && (state.step - 1) % 3 == 0) {
          expected =
              ascend(problem, phase, before.particles, dual_of(before), coordinates_of(3, state.step - 1, 9, 40));
          EXPECT_EQ(state.gradient_evaluations, before.gradient_evaluations + 9 + expected.num_coordinates);
          EXPECT_LE((dual_of(state) - expected.dual).norm(), 1e-13);
          fewest = std::min(fewest, expected.num_coordinates);
          most = std::max(most, expected.num_coordinates);
        } else if (state.step > 0 && state.phase == 0) {
          EXPECT_EQ(state.gradient_evaluations, before.gradient_evaluations + 9);
          EXPECT_EQ(dual_of(state), state.step == 1 ? Vector(Vector::Zero(9)) : dual_of(before));
        }
        before = state;
      });
      EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
      EXPECT_EQ(fewest == 40, share == 0) << share;
      EXPECT_EQ(most == 1, share == 1) << share;
    }
  }
}

TEST(DualAscent, ParticlesAreResampledByTheWeights) {
  // A step so small that it moves none: each is then one of those before, N w_j times but for rounding.
  KernelProblem problem(tanh_neuron, mean_field, 9, 1, 60);
  Phase phase = ascent(2, 1, 25);
  phase.effective_share = 0;
  phase.step_size = constant(1e-30);
  State<double> before;
  problem.run(problem.network, {phase}, [&](const State<double>& state) {
    if (state.step == 2) {
      const Expected expected = ascend(problem, phase, before.particles, dual_of(before), coordinates_of(3, 1, 9, 25));
      EXPECT_LT(1 / expected.weights.squaredNorm(), 58);
      for (Index j = 0; j < 60; ++j) {
        Index count = 0;
        for (Index k = 0; k < 60; ++k) {
          count += (state.particles.row(k) - before.particles.row(j)).norm() < 1e-10 ? 1 : 0;
        }
        EXPECT_LT(std::abs(static_cast<double>(count) - 60 * expected.weights[j]), 1) << j;
      }
    }
    before = state;
  });
}

TEST(DualAscent, EveryPhaseBeginsAnew) {
  const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
  const Phase phase = ascent(5, 2, 3);
  int num_seen = 0;
  problem.run(problem.network, {phase, phase}, [&](const State<double>& state) {
    if (state.step == 6 || state.step == 7) {
      EXPECT_EQ(dual_of(state), Vector(Vector::Zero(9)));
      ++num_seen;
    }
  });
  EXPECT_EQ(num_seen, 2);
}

TEST(DualAscent, OfOneSampleOrOneParticle) {
  for (const auto& [num_samples, num_particles] : {std::pair<Index, Index>{1, 50}, {9, 1}, {1, 1}}) {
    const KernelProblem problem(tanh_neuron, mean_field, num_samples, 1, num_particles);
    const State<double> state = problem.run(problem.network, {ascent(40, 3, 70)});
    EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
    EXPECT_TRUE(state.particles.allFinite());
  }
}

TEST(DualAscent, LogisticVariablesStayInTheirInterval) {
  for (const double temperature : {1e-1, 1e-4, 1e-8}) {
    KernelProblem problem(tanh_neuron, mean_field, 9, 1, 40);
    const Loss logistic{.kind = LossKind::logistic};
    problem.risk = Risk(logistic, Reduction::mean);
    problem.data = random_dataset(9, 3, logistic, 1);
    Phase phase = ascent(60, 2, 20);
    phase.temperature = constant(temperature);
    problem.run(problem.network, {phase}, [&](const State<double>& state) {
      if (state.step > 0 && state.phase == 0) {
        const Vector s = -problem.data.train_targets.cwiseProduct(dual_of(state));
        EXPECT_GE(s.minCoeff(), 0);
        EXPECT_LE(s.maxCoeff(), 1);
      }
    });
    EXPECT_EQ(problem.outcome.end.ending, Ending::finished);
  }
}

TEST(DualAscent, SinglePrecisionFollowsDouble) {
  const auto last = []<class Scalar>(Scalar) {
    const KernelProblem problem(tanh_neuron, mean_field, 9, 1, 20);
    Phase phase = ascent(8, 4, 5);
    phase.temperature = constant(0.1);
    class Silent : public Listener<Scalar> {
     public:
      void hear(const State<Scalar>& /*state*/, Ending /*ending*/) override {}
    } silent;
    State<Scalar> state;
    state.particles = problem.initial.cast<Scalar>();
    Simulation<Scalar> simulation(std::make_unique<EmpiricalRisk<Scalar>>(problem.network, problem.risk, problem.data),
                                  {phase}, {}, std::move(state), nullptr, {.precision = NormalPrecision::in_double});
    simulation.run(silent, std::atomic<bool>(false));
    return Vector(std::get<DualAscent<Scalar>>(simulation.state().estimator).variables().col(0));
  };
  EXPECT_GT(last(double{}).norm(), 0.01);
  EXPECT_LE((last(float{}) - last(double{})).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(DualAscent, SaysWhereItDoesNotExist) {
  const auto refusal = [](const Neuron& neuron, Scaling scaling, bool linearised) {
    const KernelProblem problem(neuron, scaling, 9, 1, 20);
    problem.run(linearised ? static_cast<const Model&>(problem.linear) : problem.network, {ascent(4, 2, 3)});
    EXPECT_EQ(problem.outcome.end.ending, Ending::diverged);
    return problem.outcome.failure;
  };
  EXPECT_NE(refusal({NeuronKind::r_sigma, Activation::tanh, true, 1}, mean_field, false), "");
  EXPECT_NE(refusal({NeuronKind::sigma, Activation::relu, true, 1}, mean_field, false), "");
  EXPECT_NE(refusal({NeuronKind::fixed_sign, Activation::tanh, true, 1}, mean_field, false), "");
  EXPECT_NE(refusal(tanh_neuron, mean_field, true), "");
  EXPECT_NE(refusal(tanh_neuron, {.kind = ScalingKind::ntk}, false), "");
}

TEST(RangeOf, BoundsWhatEveryNeuronReaches) {
  int num_bounded = 0;
  for (const Neuron& neuron : every_neuron()) {
    const double range = range_of(neuron);
    const Network network(neuron, 2, mean_field);
    const Particles<double> particles = 30 * random_particles(neuron, 2, 4000, 1);
    const Dataset data = random_dataset(3, 2, {}, 2);
    Particles<double> values;
    KernelWorkspace<double> workspace;
    network.neuron_outputs(particles, PackedInputs<double>(data.train_inputs), values, workspace);
    if (std::isfinite(range)) {
      ++num_bounded;
      EXPECT_LE(values.maxCoeff() - values.minCoeff(), range * (1 + 1e-15)) << name_of(neuron);
      EXPECT_GE(values.maxCoeff() - values.minCoeff(), 0.99 * range) << name_of(neuron);
    }
  }
  EXPECT_EQ(num_bounded, 3 * 2 + 3 * 2 + 1)
      << "sigma and bounded-r, by three activations with and without bias; parity";
}

// ---- The trajectory of infinitely many particles whose refreshes are exact draws

/// One coordinate after the other from g = 0, by the estimator itself, its particles replaced by the law each time.
std::vector<Eigen::Vector2d> exact_ascent(const std::vector<Index>& coordinates) {
  const ChainOptions line = line_chain(1);
  Dataset data;
  data.train_inputs = line.inputs;
  data.train_targets = line.targets;
  const Network network(line.neuron, 1, mean_field);
  EmpiricalRisk<double> risk(network, Risk({}, Reduction::mean), data);
  const Phase phase = ascent(1000000, 1, 1);
  DualAscent<double> estimator;
  Particles<double> particles = quantiles_of_line_law(Vector::Zero(2), 1, 20000);
  Drift drift(particles.rows(), 1);
  const Finish nothing;
  EXPECT_EQ(estimator.estimate({risk, phase, 0, 0, 1, particles, drift, nothing}).failure, "");
  std::vector<Eigen::Vector2d> iterates;
  std::int64_t step = 0;
  for (const Index wanted : coordinates) {
    do {
      ++step;
    } while (coordinates_of(1, step, 2, 1).front() != wanted);
    EXPECT_EQ(estimator.prepare({risk, phase, step, step, 1, particles, drift, nothing}, particles), 1);
    iterates.emplace_back(estimator.variables().col(0));
    particles = quantiles_of_line_law(iterates.back(), 1, 20000);
  }
  return iterates;
}

std::vector<Index> alternating(int count) {
  std::vector<Index> coordinates;
  for (int k = 0; k < count; ++k) {
    coordinates.push_back(k % 2);
  }
  return coordinates;
}

TEST(DualAscent, FollowsTheExactTrajectoryOfTheLine) {
  const std::vector<Eigen::Vector2d> iterates = exact_ascent(alternating(60));
  for (const auto& [k, g, bound] : reference::line_dual_ascent) {
    const Eigen::Vector2d& found = iterates[static_cast<std::size_t>(k - 1)];
    EXPECT_NEAR(found[0], g[0], 1e-6) << k;
    EXPECT_NEAR(found[1], g[1], 1e-6) << k;
    EXPECT_NEAR(-line_dual_value(found, line_law(found)), bound, 1e-6) << k;
  }
}

TEST(DualAscent, ItsGapFallsGeometricallyAndNeverBelowZero) {
  // Random coordinates. In theory, by at least 1 / (n + H^2 / lambda2) = 1/12 a coordinate in the mean.
  const std::vector<Eigen::Vector2d> iterates = exact_ascent(coordinates_of(7, 0, 2, 70));
  std::vector<double> times;
  std::vector<double> gaps;
  std::vector<double> errors;
  double last = HUGE_VAL;
  for (std::size_t k = 0; k < iterates.size(); ++k) {
    const LineLaw law = line_law(iterates[k]);
    const double gap = line_gap(law.outputs, iterates[k]);
    const double dual = line_dual_value(iterates[k], law);
    EXPECT_NEAR(gap, law.free_energy + dual, 1e-7) << "P(p[g]) + D(g)";
    EXPECT_GE(gap, reference::line_minimum + dual - 1e-9);
    EXPECT_LE(dual, last + 1e-9) << "-D never falls";
    last = dual;
    if (k >= 10) {
      times.push_back(static_cast<double>(k));
      gaps.push_back(gap);
      errors.push_back(gap);
    }
  }
  const DecayRate fit = decay_rate(times, gaps, errors);
  EXPECT_GE(fit.low, 1.0 / 12);
  EXPECT_LE(fit.high - fit.low, 0.02);
  RecordProperty("rate", std::to_string(fit.rate));
  RecordProperty("low", std::to_string(fit.low));
  RecordProperty("high", std::to_string(fit.high));
}

// 40 clouds of 1600 particles whose coordinates alternate. z = 4 for each of ten means; their standard errors, from the
// clouds, are below 0.001. After one step a cloud is refreshed by resampling nearly alone, after twenty by the dynamics
// too.
TEST(DualAscent, ParticlesFollowItWithinTheirError) {
  for (const std::int64_t inner_steps : {1, 20}) {
    Phase phase = ascent(12 * inner_steps, inner_steps, 1);
    phase.step_rule = StepKind::leimkuhler_matthews;
    const auto alternates = [&](std::uint64_t seed) {
      for (int k = 1; k <= 10; ++k) {
        if (coordinates_of(seed, k * inner_steps, 2, 1).front() != (k - 1) % 2) {
          return false;
        }
      }
      return true;
    };
    std::map<std::int64_t, std::array<MeanTest, 2>> seen;
    std::uint64_t seed = 0;
    for (int cloud = 0; cloud < 40; ++cloud) {
      do {
        ++seed;
      } while (!alternates(seed));
      KernelProblem problem({NeuronKind::sigma, Activation::tanh, false, 1}, mean_field, 2, 1, 1600);
      problem.data.train_inputs = Eigen::Map<const Vector>(reference::line_inputs, 2);
      problem.data.train_targets = Eigen::Map<const Vector>(reference::line_targets, 2);
      problem.initial = std::sqrt(0.5) * random_normals(1600, 1, static_cast<unsigned>(seed));
      const Network network(problem.neuron, 1, mean_field);
      problem.run(
          network, {phase},
          [&](const State<double>& state) {
            if (state.phase == 0 && state.step > 0 && (state.step - 1) % inner_steps == 0) {
              for (Index i = 0; i < 2; ++i) {
                seen[(state.step - 1) / inner_steps][static_cast<std::size_t>(i)].add(dual_of(state)[i]);
              }
            }
          },
          seed);
    }
    for (const auto& [k, g, bound] : reference::line_dual_ascent) {
      for (std::size_t i = 0; i < 2 && k <= 10; ++i) {
        const MeanTest& mean = seen.at(k)[i];
        if (g[i] == 0) {
          EXPECT_EQ(mean.sum_of_squares, 0);
          continue;
        }
        EXPECT_LE(std::abs(mean.z(g[i])), 4) << "k = " << k << ", g_" << i + 1;
        EXPECT_LE(mean.standard_error(), 0.001);
        RecordProperty("z_" + std::to_string(inner_steps) + "_" + std::to_string(k) + "_" + std::to_string(i + 1),
                       std::to_string(mean.z(g[i])));
      }
    }
  }
}

// ---- The gap

TEST(FenchelGap, IsNeverNegativeAndZeroForTheDualOfTheOutputsAlone) {
  for (const Loss& loss : {Loss{.kind = LossKind::squared}, Loss{.kind = LossKind::squared, .prefactor = 1},
                           Loss{.kind = LossKind::logistic}, Loss{.kind = LossKind::huber, .delta = 0.4}}) {
    const Dataset data = random_dataset(20, 3, loss, 1);
    const Network network(tanh_neuron, 3, mean_field);
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      const Risk risk(loss, reduction);
      const MeanFieldProblem problem{&network, &risk, &data, 0.1, 0.1};
      for (unsigned seed = 1; seed <= 50; ++seed) {
        const Vector outputs = 2 * random_normals(20, 1, seed);
        const Vector others = 2 * random_normals(20, 1, seed + 100);
        EXPECT_LE(fenchel_gap(problem, span_of(outputs), mfld::dual_of(problem, span_of(outputs))), 1e-13);
        EXPECT_GT(fenchel_gap(problem, span_of(outputs), mfld::dual_of(problem, span_of(others))), 1e-3);
      }
    }
  }
}

}  // namespace
}  // namespace mfld
