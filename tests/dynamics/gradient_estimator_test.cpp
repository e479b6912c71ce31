#include "mfld/dynamics/estimators.hpp"
#include "mfld/objective/empirical_risk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "mfld/core/parallel.hpp"
#include "mfld/core/random.hpp"
#include "support/every_neuron.hpp"
#include "support/instruction_sets.hpp"
#include "support/sample_problem.hpp"
#include "support/statistics.hpp"

namespace mfld {
namespace {

// ---- Which samples

std::vector<Index> batch_of(std::uint64_t seed, std::int64_t step, Index n, Index size,
                            Sampling sampling = Sampling::without_replacement) {
  std::vector<Index> batch(static_cast<std::size_t>(size), -1);
  draw_batch(seed, step, n, sampling, batch);
  return batch;
}

TEST(DrawBatch, WithoutReplacementIsSortedDistinctAndInRange) {
  for (const Index n : {1, 2, 5, 64, 1000}) {
    for (Index size = 1; size <= std::min<Index>(n, 64); ++size) {
      for (std::int64_t step = 0; step < 20; ++step) {
        const auto batch = batch_of(1, step, n, size);
        ASSERT_TRUE(std::is_sorted(batch.begin(), batch.end()));
        ASSERT_EQ(std::adjacent_find(batch.begin(), batch.end()), batch.end());
        ASSERT_TRUE(batch.front() >= 0 && batch.back() < n);
      }
    }
  }
}

TEST(DrawBatch, OfAllSamplesIsAllSamplesInOrder) {
  for (const Index n : {1, 2, 63, 1000}) {
    const auto batch = batch_of(3, 4, n, n);
    for (Index i = 0; i < n; ++i) {
      ASSERT_EQ(batch[static_cast<std::size_t>(i)], i);
    }
  }
}

// Floyd's algorithm with a set, by the same draws: however membership is found, and where half of the draws are there
// already.
TEST(DrawBatch, IsThatOfFloydForAnyNumberOfSamples) {
  for (const Index n : {2, 63, 64, 65, 1000, 16383, 16384, 16385, 50000}) {
    for (const Index size : {Index{1}, std::min<Index>(32, n / 2), n / 2, n - 1}) {
      RandomStream stream(5, Purpose::batch, 9);
      std::set<Index> members;
      for (Index upper = n - size; upper < n; ++upper) {
        if (!members.insert(boost::random::uniform_int_distribution<Index>(0, upper)(stream)).second) {
          members.insert(upper);
        }
      }
      ASSERT_EQ(batch_of(5, 9, n, size), std::vector<Index>(members.begin(), members.end())) << n << ' ' << size;
    }
  }
}

TEST(DrawBatch, IsAPureFunctionOfSeedAndStep) {
  EXPECT_EQ(batch_of(1, 7, 100, 10), batch_of(1, 7, 100, 10));
  std::set<std::vector<Index>> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    for (std::int64_t step = 0; step < 30; ++step) {
      seen.insert(batch_of(seed, step, 1000, 10));
    }
  }
  // 900 batches out of 2.6e23 possible ones: a coincidence has probability 2e-18.
  EXPECT_EQ(seen.size(), 900U) << "a batch came back: the next seed may be this one shifted by a step";
  EXPECT_NE(batch_of(1, 5, 1000, 10), batch_of(1, 5 + (std::int64_t{1} << 32U), 1000, 10));
}

TEST(DrawBatch, EverySubsetIsEquallyLikely) {
  // Chi-square over all C(6, 3) = 20 subsets and over all C(7, 2) = 21 and C(5, 4) = 5: p > 1e-6 each for a fair draw.
  for (const auto& [n, size, subsets] :
       {std::tuple<Index, Index, std::size_t>{6, 3, 20}, {7, 2, 21}, {5, 4, 5}, {9, 1, 9}}) {
    std::map<std::vector<Index>, double> counts;
    for (std::int64_t step = 0; step < 100000; ++step) {
      ++counts[batch_of(11, step, n, size)];
    }
    ASSERT_EQ(counts.size(), subsets);
    std::vector<double> flat;
    for (const auto& [batch, count] : counts) {
      flat.push_back(count);
    }
    EXPECT_GT(chi_square_p_uniform(flat), 1e-6) << n << " choose " << size;
  }
}

TEST(DrawBatch, WithReplacementDrawsIndependentlyAndUniformly) {
  // Sorted, so the law is the multinomial one: of 4 samples taken twice, each pair {i, i} has probability 1/16 and each
  // {i, j} 2/16. Chi-square p > 1e-6.
  std::map<std::vector<Index>, double> counts;
  for (std::int64_t step = 0; step < 100000; ++step) {
    const auto batch = batch_of(13, step, 4, 2, Sampling::with_replacement);
    ASSERT_TRUE(std::is_sorted(batch.begin(), batch.end()));
    ++counts[batch];
  }
  ASSERT_EQ(counts.size(), 10U);
  std::vector<double> flat;
  std::vector<double> probabilities;
  for (const auto& [batch, count] : counts) {
    flat.push_back(count);
    probabilities.push_back(batch[0] == batch[1] ? 1.0 / 16 : 2.0 / 16);
  }
  EXPECT_GT(chi_square_p(flat, probabilities), 1e-6);
  // More draws than samples are possible.
  EXPECT_EQ(batch_of(13, 0, 1, 5, Sampling::with_replacement), std::vector<Index>(5, 0));
}

TEST(DrawBatch, NeighbouringStepsAreIndependent) {
  // Joint law of the single draws of steps k and k + 1 from 8 samples: chi-square over 64 cells, p > 1e-6.
  std::vector<double> counts(64);
  for (std::int64_t step = 0; step < 64000; ++step) {
    ++counts[static_cast<std::size_t>(8 * batch_of(17, step, 8, 1)[0] + batch_of(17, step + 1, 8, 1)[0])];
  }
  EXPECT_GT(chi_square_p_uniform(counts), 1e-6);
}

// ---- Estimates

/// An estimator of one problem, asked outside a run.
template <class Scalar>
class LoneEstimator {
 public:
  LoneEstimator(const Network& network, const Risk& risk, const Dataset& data) : objective_(network, risk, data) {}

  /// The number of evaluations.
  std::int64_t estimate(const Phase& phase, std::int64_t step, std::int64_t step_in_phase, std::uint64_t batch_seed,
                        const Particles<Scalar>& particles, Drift& drift) {
    const auto kind = static_cast<std::size_t>(phase.method->estimator);
    if (estimator_.index() != kind) {
      estimator_ = make_estimator<Scalar>(phase.method->estimator);
    }
    EXPECT_EQ(estimator_.index(), kind);
    const Finish nothing;
    const EstimateContext<Scalar> context = {objective_, phase,     step,  step_in_phase,
                                             batch_seed, particles, drift, nothing};
    const Estimate made = std::visit([&context](auto& one) { return one.estimate(context); }, estimator_);
    EXPECT_EQ(made.failure, "");
    return made.evaluations;
  }

  void full(const Particles<Scalar>& particles, Drift& drift, std::span<double> outputs) {
    objective_.drift_and_outputs(particles, drift, outputs);
  }

  /// What it carries, by name.
  std::map<std::string, Matrix> carried() const {
    std::map<std::string, Matrix> matrices;
    const auto list = [&](std::string_view name, const auto& matrix, const MatrixShape& /*shape*/) {
      matrices[std::string(name)] = matrix.template cast<double>();
    };
    std::visit([&](const auto& one) { std::decay_t<decltype(one)>::for_each_matrix(one, RunSizes{}, list); },
               estimator_);
    return matrices;
  }

 private:
  EmpiricalRisk<Scalar> objective_;
  AnyEstimator<Scalar> estimator_;
};

/// A data set, particles, and phases of every estimator.
template <class Scalar>
struct Fixture {
  Neuron neuron;
  Loss loss;
  Dataset data;
  Network network;
  Risk risk;
  Particles<Scalar> particles;

  Fixture(const Neuron& kind, Index n, Index num_particles, Loss loss_kind = {}, Reduction reduction = Reduction::mean,
          Scaling scaling = {.kind = ScalingKind::mean_field})
      : neuron(kind),
        loss(loss_kind),
        data(random_dataset(n, 4, loss, 1)),
        network(neuron, 4, scaling),
        risk(loss, reduction),
        particles(random_particles(neuron, 4, num_particles, 2).template cast<Scalar>()) {}

  LoneEstimator<Scalar> estimator() const { return {network, risk, data}; }

  Drift full(const Particles<Scalar>& at) const {
    Drift drift(at.rows(), at.cols());
    estimator().full(at, drift, {});
    return drift;
  }
};

Phase phase_of(const char* method, Index batch_size, std::int64_t snapshot_every = 5,
               Sampling sampling = Sampling::without_replacement) {
  Phase phase;
  phase.method = find_method(method);
  phase.num_steps = 1000;
  phase.batch_size = batch_size;
  phase.snapshot_every = snapshot_every;
  phase.sampling = sampling;
  return phase;
}

/// The estimate with exactly the samples `batch`: the first step whose draw is that batch, found by search.
std::map<std::vector<Index>, std::int64_t> steps_of_batches(Index n, Index size, Sampling sampling,
                                                            std::size_t num_batches) {
  std::map<std::vector<Index>, std::int64_t> steps;
  for (std::int64_t step = 0; steps.size() < num_batches && step < 1000000; ++step) {
    steps.try_emplace(batch_of(5, step, n, size, sampling), step);
  }
  EXPECT_EQ(steps.size(), num_batches);
  return steps;
}

double relative(const Drift& a, const Drift& b) {
  return (a - b).cwiseAbs().maxCoeff() / (1 + b.cwiseAbs().maxCoeff());
}

template <class Scalar>
void check_whole_batch(const Neuron& neuron, Reduction reduction, ScalingKind scaling) {
  const Fixture<Scalar> fixture(neuron, 75, 33, {}, reduction, {.kind = scaling});
  auto estimator = fixture.estimator();
  const Drift full = fixture.full(fixture.particles);
  Drift drift = Drift::Constant(33, fixture.particles.cols(), -777);
  EXPECT_EQ(estimator.estimate(phase_of("mfld", 0), 9, 9, 5, fixture.particles, drift), 75);
  EXPECT_EQ(drift, full) << "full";
  drift.setConstant(-777);
  EXPECT_EQ(estimator.estimate(phase_of("sgd-mfld", 75), 9, 9, 5, fixture.particles, drift), 75);
  EXPECT_EQ(drift, full) << "batch of all samples";
  drift.setConstant(-777);
  EXPECT_EQ(estimator.estimate(phase_of("svrg-mfld", 7), 10, 10, 5, fixture.particles, drift), 75);
  EXPECT_EQ(drift, full) << "at the snapshot";
}

TEST(Estimators, BatchOfAllSamplesAndSnapshotAreTheFullDriftBitForBit) {
  on_every_instruction_set([] {
    for (const Neuron& neuron : {Neuron{}, Neuron{.activation = Activation::softplus}, Neuron{NeuronKind::parity}}) {
      for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
        for (const ScalingKind scaling : {ScalingKind::mean_field, ScalingKind::ntk, ScalingKind::standard}) {
          check_whole_batch<double>(neuron, reduction, scaling);
          check_whole_batch<float>(neuron, reduction, scaling);
        }
      }
    }
  });
}

TEST(Estimators, FullDriftOfTheSumIsNSamplesTimesThatOfTheMean) {
  const Fixture<double> mean({}, 20, 9, {}, Reduction::mean);
  const Fixture<double> sum({}, 20, 9, {}, Reduction::sum);
  EXPECT_LE(relative(sum.full(sum.particles), 20 * mean.full(mean.particles)), 1e-14);
}

TEST(Estimators, MeanOverAllBatchesIsTheFullDrift) {
  // Unbiased exactly: the mean over all C(n, B) subsets, and over the multisets with their multinomial probabilities.
  for (const Loss& loss : {Loss{}, Loss{.kind = LossKind::logistic}}) {
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      const Fixture<double> fixture({}, 6, 5, loss, reduction);
      const Drift full = fixture.full(fixture.particles);
      for (const auto& [size, num_batches] :
           {std::pair<Index, std::size_t>{1, 6}, {2, 15}, {3, 20}, {4, 15}, {5, 6}, {6, 1}}) {
        auto estimator = fixture.estimator();
        Drift sum = Drift::Zero(full.rows(), full.cols());
        Drift drift(full.rows(), full.cols());
        for (const auto& [batch, step] : steps_of_batches(6, size, Sampling::without_replacement, num_batches)) {
          EXPECT_EQ(estimator.estimate(phase_of("sgd-mfld", size), step, step, 5, fixture.particles, drift), size);
          sum += drift;
        }
        EXPECT_LE(relative(sum / static_cast<double>(num_batches), full), 1e-14) << "B = " << size;
      }
      auto estimator = fixture.estimator();
      Drift sum = Drift::Zero(full.rows(), full.cols());
      Drift drift(full.rows(), full.cols());
      for (const auto& [batch, step] : steps_of_batches(6, 2, Sampling::with_replacement, 21)) {
        estimator.estimate(phase_of("sgd-mfld", 2, 5, Sampling::with_replacement), step, step, 5, fixture.particles,
                           drift);
        sum += (batch[0] == batch[1] ? 1.0 : 2.0) / 36 * drift;
      }
      EXPECT_LE(relative(sum, full), 1e-14) << "with replacement";
    }
  }
}

TEST(Estimators, BatchCovarianceIsThePopulationCovarianceTimesTheFinitePopulationFactor) {
  // Without replacement, Cov v_I = (n - B) / (B (n - 1)) Sigma with Sigma the 1/n covariance of the per-sample drifts
  // (Suzuki, Wu & Nitanda, NeurIPS 2023, section 3; Cochran, "Sampling Techniques", theorem 2.2). By enumeration, so
  // exactly; for one pair of coordinates of different particles too, because the batch is shared. With replacement the
  // factor is 1 / B.
  const Index n = 6;
  const Fixture<double> fixture({}, n, 3, {});
  const Drift full = fixture.full(fixture.particles);
  const auto flat = [&](const Drift& drift) { return Vector((drift - full).reshaped()); };
  const auto covariance = [&](Index size, Sampling sampling, std::size_t num_batches) {
    auto estimator = fixture.estimator();
    Matrix sum = Matrix::Zero(full.size(), full.size());
    double total = 0;
    Drift drift(full.rows(), full.cols());
    for (const auto& [batch, step] : steps_of_batches(n, size, sampling, num_batches)) {
      estimator.estimate(phase_of("sgd-mfld", size, 5, sampling), step, step, 5, fixture.particles, drift);
      const double weight = sampling == Sampling::with_replacement && batch.front() != batch.back() ? 2 : 1;
      sum += weight * flat(drift) * flat(drift).transpose();
      total += weight;
    }
    return Matrix(sum / total);
  };
  const Matrix population = covariance(1, Sampling::without_replacement, 6);
  for (const auto& [size, num_batches] : {std::pair<Index, std::size_t>{2, 15}, {3, 20}, {4, 15}, {5, 6}, {6, 1}}) {
    const double factor = static_cast<double>(n - size) / static_cast<double>(size * (n - 1));
    EXPECT_LE(
        (covariance(size, Sampling::without_replacement, num_batches) - factor * population).cwiseAbs().maxCoeff(),
        1e-13 * population.cwiseAbs().maxCoeff())
        << "B = " << size;
  }
  EXPECT_LE((covariance(2, Sampling::with_replacement, 21) - population / 2).cwiseAbs().maxCoeff(),
            1e-13 * population.cwiseAbs().maxCoeff());
}

/// An estimator whose snapshot lies at `anchor`.
template <class Scalar>
LoneEstimator<Scalar> with_snapshot(const Fixture<Scalar>& fixture, const Particles<Scalar>& anchor, Index batch_size) {
  auto estimator = fixture.estimator();
  Drift drift(anchor.rows(), anchor.cols());
  estimator.estimate(phase_of("svrg-mfld", batch_size), 0, 0, 5, anchor, drift);
  return estimator;
}

TEST(Svrg, MeanOverAllBatchesIsTheFullDriftWhereverTheSnapshotIs) {
  // Johnson & Zhang, NeurIPS 2013, eq. (5), with the mean-field drift: E_I [v_I(theta) - v_I(snapshot)] + v(snapshot) =
  // v(theta).
  for (const Loss& loss : {Loss{}, Loss{.kind = LossKind::logistic}}) {
    const Fixture<double> fixture({}, 6, 5, loss);
    const Particles<double> anchor = random_particles({}, 4, 5, 99);
    const Drift full = fixture.full(fixture.particles);
    for (const auto& [size, num_batches] : {std::pair<Index, std::size_t>{1, 6}, {3, 20}, {6, 1}}) {
      auto estimator = with_snapshot(fixture, anchor, size);
      Drift sum = Drift::Zero(full.rows(), full.cols());
      Drift drift(full.rows(), full.cols());
      for (const auto& [batch, step] : steps_of_batches(6, size, Sampling::without_replacement, num_batches)) {
        EXPECT_EQ(estimator.estimate(phase_of("svrg-mfld", size), step, 1, 5, fixture.particles, drift), 2 * size);
        sum += drift;
      }
      EXPECT_LE(relative(sum / static_cast<double>(num_batches), full), 1e-14) << "B = " << size;
    }
  }
}

TEST(Svrg, EveryBatchGivesTheFullDriftWhileTheParticlesRestAtTheSnapshot) {
  // v_I - v_I cancels up to one rounding (a fused multiply-add may keep digits that the first store rounded away).
  on_every_instruction_set([] {
    const Fixture<double> fixture({}, 40, 21);
    const Drift full = fixture.full(fixture.particles);
    auto estimator = with_snapshot(fixture, fixture.particles, 7);
    Drift drift(full.rows(), full.cols());
    for (std::int64_t step = 1; step < 5; ++step) {
      estimator.estimate(phase_of("svrg-mfld", 7), step, step, 5, fixture.particles, drift);
      EXPECT_LE(relative(drift, full), 1e-15);
    }
  });
}

TEST(Svrg, IsTheFormulaForEachBatch) {
  // v_I(theta) - v_I(snapshot) + v(snapshot), v_I with the outputs of the respective configuration, against two
  // mini-batch estimates of other estimators.
  const Fixture<double> fixture({}, 30, 9, {.kind = LossKind::logistic});
  const Particles<double> anchor = random_particles({}, 4, 9, 99);
  auto svrg = with_snapshot(fixture, anchor, 4);
  auto plain = fixture.estimator();
  for (std::int64_t step = 1; step < 5; ++step) {
    Drift drift(9, 6);
    Drift here(9, 6);
    Drift there(9, 6);
    svrg.estimate(phase_of("svrg-mfld", 4), step, step, 5, fixture.particles, drift);
    plain.estimate(phase_of("sgd-mfld", 4), step, step, 5, fixture.particles, here);
    plain.estimate(phase_of("sgd-mfld", 4), step, step, 5, anchor, there);
    EXPECT_LE(relative(drift, here - there + fixture.full(anchor)), 1e-14);
    EXPECT_GT(relative(drift, fixture.full(fixture.particles)), 1e-3) << "the test could not see a wrong batch";
  }
}

TEST(Svrg, VarianceShrinksWithTheDistanceToTheSnapshot) {
  // |v_I - v|^2 is quadratic in the distance to the snapshot: ten times closer, a hundred times less, to first order.
  const Fixture<double> fixture({}, 30, 9);
  const Matrix direction = random_normals(9, 6, 3);
  const auto variance = [&](double distance) {
    const Particles<double> anchor = fixture.particles + distance * direction;
    auto estimator = with_snapshot(fixture, anchor, 2);
    double sum = 0;
    Drift drift(9, 6);
    for (std::int64_t step = 1; step < 5; ++step) {
      for (std::int64_t k = 0; k < 50; ++k) {
        estimator.estimate(phase_of("svrg-mfld", 2), 1000 * step + k, step, 5, fixture.particles, drift);
        sum += (drift - fixture.full(fixture.particles)).squaredNorm();
      }
    }
    return sum;
  };
  EXPECT_NEAR(variance(1e-3) / variance(1e-4), 100, 2);
}

TEST(Svrg, TakesSnapshotsAtMultiplesOfItsPeriodWithinThePhaseOnly) {
  const Fixture<double> fixture({}, 30, 9);
  auto estimator = fixture.estimator();
  EXPECT_TRUE(estimator.carried().empty()) << "no snapshot yet, nor a part that takes one";
  Drift drift(9, 6);
  Particles<double> particles = fixture.particles;
  for (std::int64_t k = 0; k < 12; ++k) {
    particles.array() += 0.01;
    const std::int64_t cost = estimator.estimate(phase_of("svrg-mfld", 4, 5), 100 + k, k, 5, particles, drift);
    EXPECT_EQ(cost, k % 5 == 0 ? 30 : 8);
    EXPECT_EQ(estimator.carried().at("snapshot/particles") == particles, k % 5 == 0) << k;
  }
  const auto snapshot = estimator.carried();
  EXPECT_EQ(snapshot.at("snapshot/drift"), fixture.full(snapshot.at("snapshot/particles")));
  std::vector<double> outputs(30);
  estimator.full(snapshot.at("snapshot/particles"), drift, outputs);
  for (Index i = 0; i < 30; ++i) {
    EXPECT_EQ(snapshot.at("snapshot/field")(i, 0),
              fixture.loss.derivative(outputs[static_cast<std::size_t>(i)], fixture.data.train_targets[i]));
  }
}

TEST(Estimators, OneProblemServesChangingBatchSizesAndMethods) {
  // Phases of one run share the memory of the passes: what an earlier phase left behind must not show.
  const Fixture<double> fixture({}, 30, 9);
  auto shared = fixture.estimator();
  Drift a(9, 6);
  Drift b(9, 6);
  for (const Index size : {30, 3, 17, 1, 29}) {
    for (const char* method : {"sgd-mfld", "mfld", "svrg-mfld"}) {
      shared.estimate(phase_of(method, size), 0, 0, 5, fixture.particles, a);
      fixture.estimator().estimate(phase_of(method, size), 0, 0, 5, fixture.particles, b);
      EXPECT_EQ(a, b) << method << ", B = " << size;
    }
  }
}

template <class Scalar>
void check_threads(const char* method) {
  const Fixture<Scalar> fixture({}, 400, 700);
  const Particles<Scalar> anchor = random_particles({}, 4, 700, 99).template cast<Scalar>();
  const auto run = [&](int threads) {
    return with_threads(threads, [&] {
      auto estimator = with_snapshot(fixture, anchor, 70);
      Drift drift(700, 6);
      estimator.estimate(phase_of(method, 70), 3, 3, 5, fixture.particles, drift);
      return drift;
    });
  };
  const Drift one = run(1);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(run(threads), one) << method << ", " << threads << " threads";
  }
}

TEST(Estimators, HasTheSameBitsOnAnyNumberOfThreads) {
  for (const Method& method : methods) {
    if (method.estimator == Estimator::dual_ascent || method.estimator == Estimator::at_rest) {
      continue;  // the one needs bounded neurons, the other makes no drift
    }
    check_threads<double>(method.name.data());
    check_threads<float>(method.name.data());
  }
}

}  // namespace
}  // namespace mfld
