#include "mfld/dynamics/symmetric_sweep.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "support/kernel_problem.hpp"
#include "support/power_fit.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

using Batch = std::vector<Index>;

/// The batches of steps first..first + count, of a phase that began at step `start`, each from a sweep of its own.
std::vector<Batch> batches(Index n, Index size, std::int64_t first, std::int64_t count, std::int64_t start = 0,
                           std::uint64_t seed = 1) {
  std::vector<Batch> all(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) {
    SymmetricSweep().choose(seed, first + k, first + k - start, n, size, all[static_cast<std::size_t>(k)]);
  }
  return all;
}

TEST(SymmetricSweep, UsesEverySampleTwiceForwardAndBackward) {
  for (const Index n : {1, 2, 5, 12, 13, 100}) {
    for (Index size = 1; size <= std::min<Index>(n, 13); ++size) {
      const Index m = SymmetricSweep::num_batches(n, size);
      for (const std::int64_t pair : {0, 1, 2}) {
        const auto all = batches(n, size, 7 + 2 * m * pair, 2 * m, 7);
        std::vector<int> uses(static_cast<std::size_t>(n));
        for (std::size_t k = 0; k < all.size(); ++k) {
          EXPECT_TRUE(std::is_sorted(all[k].begin(), all[k].end()));
          EXPECT_EQ(all[k], all[all.size() - 1 - k]) << "backward as forward";
          for (const Index i : all[k]) {
            ++uses[static_cast<std::size_t>(i)];
          }
        }
        EXPECT_EQ(uses, std::vector<int>(static_cast<std::size_t>(n), 2)) << n << " in batches of " << size;
      }
    }
  }
}

TEST(SymmetricSweep, IsAPureFunctionOfSeedAndStep) {
  // Steps of one object in any order give what fresh objects give; pairs of epochs, phases and seeds differ.
  SymmetricSweep sweep;
  Batch batch;
  for (const std::int64_t step : {0, 1, 5, 17, 18, 3, 40, 17}) {
    sweep.choose(1, step, step, 20, 5, batch);
    EXPECT_EQ(batch, batches(20, 5, step, 1)[0]) << step;
  }
  std::set<std::vector<Batch>> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::int64_t first : {0, 40, 80}) {
      seen.insert(batches(20, 1, first, 40, 0, seed));
    }
    seen.insert(batches(20, 1, 7, 40, 7, seed));  // a phase that begins at step 7
  }
  EXPECT_EQ(seen.size(), 80U) << "of 2.4e18 orders one came back";
}

TEST(SymmetricSweep, EveryOrderIsEquallyLikely) {
  std::map<std::vector<Batch>, double> counts;
  for (std::int64_t pair = 0; pair < 24000; ++pair) {
    ++counts[batches(4, 1, 8 * pair, 4)];
  }
  ASSERT_EQ(counts.size(), 24U);
  std::vector<double> flat;
  for (const auto& [order, count] : counts) {
    flat.push_back(count);
  }
  EXPECT_GT(chi_square_p_uniform(flat), 1e-6);
}

TEST(SymmetricSweep, DriftsOfAPairOfEpochsHaveTheFullDriftAsTheirMean) {
  // Whether B divides n or not, for the mean and the sum: at particles that rest.
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    for (const Index size : {1, 3, 4, 5, 12}) {
      const Dataset data = random_dataset(12, 3, {}, 1);
      const Neuron neuron{};
      const Network network(neuron, 3, {.kind = ScalingKind::mean_field});
      const Particles<double> particles = random_particles(neuron, 3, 20, 2);
      EmpiricalRisk<double> risk(network, Risk({}, reduction), data);
      Phase phase = phase_of("sgd-mfld", 1000, 0.1);
      phase.batch_size = size;
      phase.sampling = Sampling::symmetric_sweep;
      MiniBatch<double> estimator;
      Drift full(20, particles.cols());
      risk.drift(particles, full);
      Drift sum = Drift::Zero(20, particles.cols());
      Drift drift(20, particles.cols());
      std::vector<int> finished(20);
      const Finish finish = [&](Index first, Index last) {
        for (Index j = first; j < last; ++j) {
          ++finished[static_cast<std::size_t>(j)];
          sum.row(j) += drift.row(j);  // what the step sees
        }
      };
      const Index num_steps = 2 * SymmetricSweep::num_batches(12, size);
      std::int64_t evaluations = 0;
      for (std::int64_t k = 0; k < num_steps; ++k) {
        evaluations += estimator.estimate({risk, phase, k, k, 5, particles, drift, finish}).evaluations;
      }
      EXPECT_EQ(evaluations, 24);
      EXPECT_EQ(finished, std::vector<int>(20, static_cast<int>(num_steps)));
      EXPECT_LE((sum / static_cast<double>(num_steps) - full).cwiseAbs().maxCoeff(),
                1e-14 * (1 + full.cwiseAbs().maxCoeff()))
          << "B = " << size;
    }
  }
}

// ---- The stationary law of one particle and a quadratic potential, three samples in batches of one

/// h = w x: the force of sample i is a_i w - c_i with the penalty.
struct Line {
  Dataset data;
  Eigen::Vector3d slope;
  Eigen::Vector3d offset;

  static constexpr double lambda1 = 0.1;
  static constexpr double temperature = 0.05;
  static constexpr double friction = 1.3;

  Line() : data(random_dataset(3, 1, {}, 1)) {
    data.train_inputs << 1, -0.5, 1.7;
    data.train_targets << 0.8, 0.3, -1;
    slope = data.train_inputs.array().square() + 2 * lambda1;
    offset = data.train_inputs.array() * data.train_targets.array();
  }
  double optimum() const { return offset.mean() / slope.mean(); }

  Phase phase(std::int64_t num_steps, double step_size, StepKind rule) const {
    Phase phase = phase_of("sgd-mfld", num_steps, step_size);
    phase.lambda1 = constant(lambda1);
    phase.temperature = constant(0);
    phase.batch_size = 1;
    phase.sampling = Sampling::symmetric_sweep;
    phase.step_rule = rule;
    phase.friction = friction;
    return phase;
  }

  /// Where the program is after each step from `start` at rest.
  std::vector<double> path(const Phase& phase, double start) const {
    class Recorder : public Listener<double> {
     public:
      void hear(const State<double>& state, Ending ending) override {
        if (state.step > 0 && (ending == Ending::running || ending == Ending::finished)) {
          path.push_back(state.particles(0, 0));
        }
      }
      std::vector<double> path;
    } recorder;
    const Network network({NeuronKind::linear, Activation::linear, false, 1}, 1, {.kind = ScalingKind::mean_field});
    State<double> state;
    state.particles = Particles<double>::Constant(1, 1, start);
    Simulation<double> simulation(std::make_unique<EmpiricalRisk<double>>(network, Risk({}, Reduction::mean), data),
                                  {phase}, {1, 1, 1, 1}, std::move(state));
    simulation.run(recorder, std::atomic<bool>(false));
    return recorder.path;
  }
};

/// (position - optimum, velocity) <- matrix (..) + shift + noise of one kinetic step with the force of one sample.
struct Transition {
  Eigen::Matrix2d matrix = Eigen::Matrix2d::Identity();
  Eigen::Vector2d shift = Eigen::Vector2d::Zero();
  Eigen::Matrix2d covariance = Eigen::Matrix2d::Zero();

  void then(const Line& line, Index sample, double eta) {
    const double e = std::exp(-Line::friction * eta);
    const Eigen::Matrix2d kick{{1, 0}, {-eta * line.slope[sample], 1}};
    const Eigen::Matrix2d rest{{1, eta / 2 * (1 + e)}, {0, e}};
    const Eigen::Vector2d push(0, -eta * (line.slope[sample] * line.optimum() - line.offset[sample]));
    const Eigen::Vector2d noise(eta / 2, 1);
    matrix = rest * kick * matrix;
    shift = rest * (kick * shift + push);
    covariance = rest * kick * covariance * (rest * kick).transpose() +
                 Line::temperature * (1 - e * e) * noise * noise.transpose();
  }
};

TEST(SymmetricSweep, ProgramTakesTheStepsOfItsBatches) {
  const Line line;
  const double eta = 0.2;
  const auto order = batches(3, 1, 0, 18);
  for (const double start : {-1.0, 2.0}) {
    const auto path = line.path(line.phase(18, eta, StepKind::kinetic), start);
    ASSERT_EQ(path.size(), 18U);
    Transition all;
    for (std::size_t k = 0; k < path.size(); ++k) {
      all.then(line, order[k][0], eta);
      const Eigen::Vector2d now = all.matrix * Eigen::Vector2d(start - line.optimum(), 0) + all.shift;
      EXPECT_NEAR(path[k], line.optimum() + now[0], 1e-13) << k;
    }
  }
}

/// Exact stationary moments at the end of a pair of epochs, over the equally likely sequences of samples.
struct Bias {
  double mean;
  double variance;
};

Bias stationary_bias(const Line& line, double eta, const std::vector<std::vector<Index>>& sequences) {
  Eigen::Matrix2d mean_matrix = Eigen::Matrix2d::Zero();
  Eigen::Vector2d mean_shift = Eigen::Vector2d::Zero();
  std::vector<Transition> transitions(sequences.size());
  const double share = 1 / static_cast<double>(sequences.size());
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    for (const Index i : sequences[s]) {
      transitions[s].then(line, i, eta);
    }
    mean_matrix += share * transitions[s].matrix;
    mean_shift += share * transitions[s].shift;
  }
  const Eigen::Vector2d mean = (Eigen::Matrix2d::Identity() - mean_matrix).inverse() * mean_shift;
  // E z z' = E[(M z + s)(M z + s)'] + covariance, iterated to its fixed point.
  Eigen::Matrix2d second = Eigen::Matrix2d::Identity();
  for (int k = 0; k < 20000; ++k) {
    Eigen::Matrix2d next = Eigen::Matrix2d::Zero();
    for (const Transition& one : transitions) {
      const Eigen::Matrix2d mixed = one.matrix * mean * one.shift.transpose();
      next += share * (one.matrix * second * one.matrix.transpose() + mixed + mixed.transpose() +
                       one.shift * one.shift.transpose() + one.covariance);
    }
    second = next;
  }
  return {mean[0], second(0, 0) - mean[0] * mean[0] - Line::temperature / line.slope.mean()};
}

TEST(SymmetricSweep, BiasesTheStationaryLawOfTheKineticStepBySecondOrderAndFreshBatchesByFirst) {
  const Line line;
  std::vector<std::vector<Index>> sweeps;
  std::vector<Index> order = {0, 1, 2};
  do {
    sweeps.push_back({order[0], order[1], order[2], order[2], order[1], order[0]});
  } while (std::next_permutation(order.begin(), order.end()));
  PowerFit mean;
  PowerFit variance;
  PowerFit fresh;
  for (const double eta : {0.08, 0.04, 0.02, 0.01}) {
    const Bias of_sweeps = stationary_bias(line, eta, sweeps);
    mean.add(eta, std::abs(of_sweeps.mean));
    variance.add(eta, std::abs(of_sweeps.variance));
    fresh.add(eta, std::abs(stationary_bias(line, eta, {{0}, {1}, {2}}).variance));
  }
  EXPECT_NEAR(mean.slope(), 2, 0.05);
  EXPECT_NEAR(variance.slope(), 2, 0.25);
  EXPECT_NEAR(fresh.slope(), 1, 0.05);
  RecordProperty("slopes", std::to_string(mean.slope()) + " " + std::to_string(variance.slope()) + " " +
                               std::to_string(fresh.slope()));
}

}  // namespace
}  // namespace mfld
