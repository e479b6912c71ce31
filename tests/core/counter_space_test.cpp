// Every random number is Philox at a key and a counter. These tests list the pairs that a run, its branches and the
// other runs of its sweep consume: each draw is made again from the documented pairs, found equal to what the program
// drew, and entered into a ledger that takes every pair once.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

#include "mfld/config/experiment.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/random.hpp"
#include "mfld/dynamics/mini_batch.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "mfld/steps/step.hpp"
#include "mfld/task/sampling.hpp"
#include "support/file_text.hpp"

namespace mfld {
namespace {

/// Pairs of key and counter, each once.
class Ledger {
 public:
  void enter(PhiloxKey key, PhiloxBlock counter) {
    ASSERT_TRUE(entries_.insert({key[0], key[1], counter[0], counter[1], counter[2], counter[3]}).second)
        << "key " << key[0] << ' ' << key[1] << ", counter " << counter[0] << ' ' << counter[1] << ' ' << counter[2]
        << ' ' << counter[3] << " is drawn from twice";
  }
  std::size_t size() const { return entries_.size(); }

 private:
  using Entry = std::array<std::uint32_t, 6>;
  struct Hash {
    std::size_t operator()(const Entry& entry) const {
      std::size_t hash = 0;
      for (const std::uint32_t word : entry) {
        hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 29U;
      }
      return hash;
    }
  };
  std::unordered_set<Entry, Hash> entries_;
};

/// A stream that is read from the documented counters and enters them: word i is word i mod 4 of block i / 4.
class LedgerStream {
 public:
  using result_type = std::uint32_t;

  LedgerStream(Ledger& ledger, std::uint64_t seed, Purpose purpose, std::uint64_t index)
      : ledger_(&ledger), key_(stream_key(seed, purpose)), index_(index) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return 0xFFFFFFFFU; }
  result_type operator()() {
    const std::uint64_t block = count_ / 4;
    const PhiloxBlock counter = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                                 static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32U)};
    if (count_ % 4 == 0) {
      ledger_->enter(key_, counter);
    }
    return philox4x32(counter, key_)[count_++ % 4];
  }

 private:
  Ledger* ledger_;
  PhiloxKey key_;
  std::uint64_t index_;
  std::uint64_t count_ = 0;
};

Vector normals(LedgerStream stream, Index dim) {
  boost::random::normal_distribution<double> normal;
  return Vector::NullaryExpr(dim, [&] { return normal(stream); });
}

constexpr Index input_dim = 3;
constexpr Index num_train = 9;
constexpr Index num_test = 4;
constexpr Index num_particles = 7;
constexpr std::int64_t steps_before = 5;  // in the first phase
constexpr std::int64_t steps_after = 6;   // in the second

Experiment experiment_of(const std::string& seeds) {
  return build_experiment(parse_toml(seeds + R"(
[task]
kind = "teacher-student"
input_dim = 3
num_teachers = 2
num_train = 9
num_test = 4
rotate = true
label_noise = "gaussian"
noise_level = 0.5
[network]
width = 7
[[phase]]
method = "sgd-mfld"
steps = 5
step_size = 0.1
lambda2 = 0.02
batch_size = 4
[[phase]]
method = "svrg-mfld"
steps = 6
step_size = 0.1
lambda2 = 0.02
batch_size = 3
snapshot_every = 4
)",
                                     "test.toml"),
                          ".");
}

/// The data set, drawn again.
void enter_data(Ledger& ledger, const Experiment& experiment) {
  const std::uint64_t seed = experiment.seeds.data;
  Matrix gaussian(input_dim, 2);
  for (Index c = 0; c < 2; ++c) {
    gaussian.col(c) = normals({ledger, seed, Purpose::rotation, static_cast<std::uint64_t>(c)}, input_dim);
  }
  // Q R with a positive diagonal of R is unique: w_l are the columns of Q.
  const Matrix r = experiment.data.teacher->directions * gaussian;
  ASSERT_LT(std::abs(r(1, 0)), 1e-12);
  ASSERT_GT(r.diagonal().minCoeff(), 0);
  ASSERT_LT((experiment.data.teacher->directions.transpose() * r - gaussian).norm(), 1e-12);
  for (Index i = 0; i < num_train; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    ASSERT_EQ(experiment.data.train_inputs.row(i).transpose(), normals({ledger, seed, Purpose::train_input, index}, 3));
    ASSERT_EQ(draw_label_noise(LabelNoise::gaussian, 0.5, seed, Purpose::train_label, i),
              0.5 * normals({ledger, seed, Purpose::train_label, index}, 1)[0]);
  }
  for (Index i = 0; i < num_test; ++i) {
    ASSERT_EQ(experiment.data.test_inputs.row(i).transpose(),
              normals({ledger, seed, Purpose::test_input, static_cast<std::uint64_t>(i)}, input_dim));
  }
}

/// The first particles: w, then r.
void enter_particles(Ledger& ledger, const Experiment& experiment) {
  const ParameterLayout layout = experiment.network().layout();
  for (Index j = 0; j < num_particles; ++j) {
    const Vector drawn = normals(
        {ledger, experiment.seeds.initialisation, Purpose::initialisation, static_cast<std::uint64_t>(j)}, layout.size);
    ASSERT_EQ(experiment.initial.row(j).segment(layout.input, input_dim).transpose(), drawn.head(input_dim));
    ASSERT_EQ(experiment.initial(j, layout.output), drawn[layout.size - 1]);
  }
}

/// Floyd's draws of one batch.
void enter_batch(Ledger& ledger, std::uint64_t seed, std::int64_t step, Index size) {
  LedgerStream stream(ledger, seed, Purpose::batch, static_cast<std::uint64_t>(step));
  std::vector<Index> batch;
  for (Index upper = num_train - size; upper < num_train; ++upper) {
    const Index candidate = boost::random::uniform_int_distribution<Index>(0, upper)(stream);
    batch.push_back(std::find(batch.begin(), batch.end(), candidate) == batch.end() ? candidate : upper);
  }
  std::sort(batch.begin(), batch.end());
  std::vector<Index> drawn(static_cast<std::size_t>(size));
  draw_batch(seed, step, num_train, Sampling::without_replacement, drawn);
  ASSERT_EQ(drawn, batch);
}

void enter_noise(Ledger& ledger, std::uint64_t seed, std::int64_t step, Index num_columns) {
  const auto k = static_cast<std::uint64_t>(step);
  for (Index particle = 0; particle < num_particles; ++particle) {
    for (Index pair = 0; 2 * pair < num_columns; ++pair) {
      ledger.enter(stream_key(seed, Purpose::noise),
                   {static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(particle),
                    static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(k >> 32U)});
    }
  }
}

/// What the steps from `first` on draw: a batch at every step (a snapshot's step draws none, but owns its counter), and
/// the noise.
void enter_steps(Ledger& ledger, const Experiment& experiment, std::int64_t first) {
  for (std::int64_t step = first; step < steps_before + steps_after; ++step) {
    enter_batch(ledger, experiment.seeds.batches, step, step < steps_before ? 4 : 3);
    enter_noise(ledger, experiment.seeds.noise, step, experiment.initial.cols());
  }
}

TEST(CounterSpace, NoPairServesTwiceInPhasesBranchesAndRunsOfASweep) {
  Ledger ledger;
  for (int seed = 1; seed <= 20; ++seed) {
    const Experiment run = experiment_of("seed = " + std::to_string(seed));
    enter_data(ledger, run);
    enter_particles(ledger, run);
    enter_steps(ledger, run, 0);
    for (int child = 1; child <= 3; ++child) {  // each from another step, in either phase
      const int of_child = 1000 * seed + child;
      const Experiment branch =
          experiment_of("seed = " + std::to_string(seed) + "\n[seeds]\nnoise = " + std::to_string(of_child) +
                        "\nbatches = " + std::to_string(of_child));
      ASSERT_EQ(branch.initial, run.initial);
      ASSERT_EQ(branch.data.train_inputs, run.data.train_inputs);
      enter_steps(ledger, branch, 3 * child - 2);
    }
    if (HasFatalFailure()) {
      return;
    }
  }
  EXPECT_GT(ledger.size(), 20U * (11 * 7 * 2 + 11 + 9 + 9 + 4 + 7 + 2));
}

/// A step draws at its number in the run, not in its phase: phases never repeat what those before them drew. The noise
/// of a step is seen as the difference between two runs that differ in it alone,
///   theta - theta' = sqrt(2 lambda2 eta) (xi - xi').
TEST(CounterSpace, EveryStepOfEveryPhaseDrawsAtItsNumberInTheRun) {
  const Experiment experiment = experiment_of("seed = 3");
  struct Nobody : Listener<double> {
    void hear(const State<double>& /*state*/, Ending /*ending*/) override {}
  } nobody;
  const std::array<std::uint64_t, 2> noise = {3, 8};
  for (std::int64_t step = 0; step < steps_before + steps_after; ++step) {
    std::array<Matrix, 2> after;
    std::array<Matrix, 2> xi;
    for (std::size_t i = 0; i < 2; ++i) {
      Seeds seeds = experiment.seeds;
      seeds.noise = noise[i];
      State<double> start;
      start.particles = experiment.initial;
      start.step = step;
      start.phase = step < steps_before ? 0 : 1;
      start.step_in_phase = step - (start.phase == 0 ? 0 : steps_before);
      std::vector<Phase> phases = experiment.phases;
      phases.resize(static_cast<std::size_t>(start.phase) + 1);
      phases.back().num_steps = start.step_in_phase + 1;
      phases.back().snapshot_every = 1;
      start.begin(phases.back());
      Simulation<double> one(
          std::make_unique<EmpiricalRisk<double>>(*experiment.model, experiment.risk, experiment.data), phases, seeds,
          start);
      ASSERT_EQ(one.run(nobody, std::atomic<bool>(false)).end.step, step + 1);
      after[i] = one.state().particles;
      xi[i].resize(num_particles, experiment.initial.cols());
      langevin_noise(noise[i], step, 0, xi[i]);
    }
    const Matrix expected = std::sqrt(2 * 0.02 * 0.1) * (xi[0] - xi[1]);
    EXPECT_LT((after[0] - after[1] - expected).norm(), 1e-13 * expected.norm() + 1e-14) << "step " << step;
  }
}

/// The fields of a counter: pairs of columns and particles below 2^32, 64 bits of steps, samples and blocks.
TEST(CounterSpace, ItsFieldsHoldTheirExtremes) {
  Ledger ledger;
  const PhiloxKey key = stream_key(1, Purpose::noise);
  const std::array<std::uint64_t, 5> edges = {0, 1, 0xFFFFFFFF, std::uint64_t{1} << 32U, ~std::uint64_t{0} >> 1U};
  Matrix all(2, 1);
  std::vector<double> seen;
  for (const std::uint64_t step : edges) {
    for (const std::uint64_t particle : {std::uint64_t{0}, std::uint64_t{0xFFFFFFFE}}) {
      langevin_noise(1, static_cast<std::int64_t>(step), static_cast<Index>(particle), all);
      seen.insert(seen.end(), {all(0, 0), all(1, 0)});
      for (std::uint64_t j = 0; j < 2; ++j) {
        ledger.enter(key, {0, static_cast<std::uint32_t>(particle + j), static_cast<std::uint32_t>(step),
                           static_cast<std::uint32_t>(step >> 32U)});
      }
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end()) << "no draw of 20 repeats, but with chance 2^-44";
  for (const Index first : {(Index{1} << 32U) - 1, Index{1} << 32U, Index{-1}}) {
    EXPECT_TRUE(test::mentions(test::message_of<InvalidInput>([&] { langevin_noise(1, 0, first, all); }),
                               "below 2^32 = 4294967296"));
  }
  EXPECT_TRUE(test::mentions(test::message_of<InvalidInput>([&] { langevin_noise(1, -1, 0, all); }), "step -1"));
}

/// Keys are 64 bits of Philox: among k of them two agree with probability k^2 / 2^65, here 2e-7.
TEST(CounterSpace, SeedsAndPurposesHaveKeysOfTheirOwn) {
  std::vector<std::uint64_t> keys;
  for (std::uint64_t i = 0; i < 260000; ++i) {
    const std::uint64_t seed = i < 200000 ? i : (i < 230000 ? ~i : i << 32U);
    for (std::uint32_t purpose = 1; purpose <= 11; ++purpose) {
      const PhiloxKey key = stream_key(seed, static_cast<Purpose>(purpose));
      keys.push_back((std::uint64_t{key[0]} << 32U) | key[1]);
    }
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

}  // namespace
}  // namespace mfld
