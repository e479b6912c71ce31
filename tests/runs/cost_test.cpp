// What runs take, by hand, and how many of them are made at a time.
#include "mfld/runs/cost.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "mfld/config/config.hpp"
#include "model/pass.hpp"

namespace mfld {
namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

Experiment experiment_of(Index width, Index num_train, const std::string& phase, const std::string& more = "") {
  const std::string text = fmt::format(
      "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"hermite2\"\ninput_dim = 4\nnum_train = {}\nnum_test = 10\n"
      "[network]\nwidth = {}\n{}[[phase]]\n{}step_size = 0.1\n[observe]\nat = []\n",
      num_train, width, more, phase);
  return build_experiment(parse_toml(text, "test.toml"), {"."});
}

constexpr const char* full_batch = "method = \"mfld\"\nlambda2 = 0.001\nsteps = 7\n";
constexpr const char* mini_batch = "method = \"sgd-mfld\"\nlambda2 = 0.001\nsteps = 7\nbatch_size = 5\n";
constexpr const char* svrg =
    "method = \"svrg-mfld\"\nlambda2 = 0.001\nsteps = 7\nbatch_size = 5\nsnapshot_every = 20\n";

/// Rows of the first and the last step alone.
TEST(RunCost, OfStepsAndLooks) {
  const double of_sample = 8.0 * 30 * (4 + 16);
  const double looks = 2 * (100.0 + 10) * of_sample / 2;
  EXPECT_EQ(cost_of(experiment_of(30, 100, full_batch), 2).work, 7 * 100 * of_sample + looks);
  EXPECT_EQ(cost_of(experiment_of(30, 100, mini_batch), 2).work, 7 * 5 * of_sample + looks);
  EXPECT_EQ(cost_of(experiment_of(30, 100, svrg), 2).work, 7 * (2 * 5 + 5) * of_sample + looks);
  const Experiment single = experiment_of(30, 100, full_batch, "precision = \"single\"\n");
  EXPECT_EQ(cost_of(single, 2).work, (7 * 100 * of_sample + looks) / 2);
}

TEST(RunCost, OfAKernelRegression) {
  const std::string phase = "method = \"kernel-regression\"\nkernel = \"infinite-tangent\"\n";
  const auto cost = [&](const std::string& ridge) {
    const std::string text =
        "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"hermite2\"\ninput_dim = 4\nnum_train = 60\nnum_test = 10\n"
        "[network]\nwidth = 5\n[[phase]]\n" +
        phase + ridge;
    return cost_of(build_experiment(parse_toml(text, "test.toml"), {"."}), 2);
  };
  EXPECT_DOUBLE_EQ(cost("ridge = 0.1\n").work, 8 * (70.0 * 60 * (4 + 16) + 60.0 * 60 * 60 / 3));
  EXPECT_DOUBLE_EQ(cost("").work, 8 * (70.0 * 60 * (4 + 16) + 9 * 60.0 * 60 * 60));
  EXPECT_GT(cost("").memory, 3 * 8 * 60.0 * 60);
}

/// Steps as small as those of most sweeps have one thread, large ones all of them.
TEST(RunCost, ThreadsAreThoseThatPassesAreShared) {
  const Experiment small = experiment_of(50, 100, "method = \"mfld\"\nlambda2 = 0.001\nsteps = 1000000\n");
  ASSERT_LT(8.0 * 50 * 100 * (4 + 16), passes::least_shared_bytes);
  const Experiment large = experiment_of(20000, 1000, "method = \"mfld\"\nlambda2 = 0.001\nsteps = 1000000\n");
  for (const int threads : {1, 2, 16}) {
    EXPECT_EQ(cost_of(small, threads).threads, 1);
    EXPECT_NEAR(cost_of(large, threads).threads, threads, 1e-3 * threads);
    EXPECT_EQ(runs_at_once(cost_of(small, threads), threads, no_limit), threads);
    EXPECT_EQ(runs_at_once(cost_of(large, threads), threads, no_limit), 1);
  }
  // What a run does beside its steps has one thread.
  EXPECT_LT(cost_of(experiment_of(20000, 1000, "method = \"mfld\"\nlambda2 = 0.001\nsteps = 0\n"), 16).threads, 16);
}

/// Each 8 N (d + 2) bytes and 16; 8 MiB of them wait, and two are made and copied.
TEST(RunCost, OfFramesThatWaitToBeWritten) {
  const auto bytes = [](Index width, int num_steps, bool tracks = true) {
    const std::string phase = fmt::format("method = \"mfld\"\nlambda2 = 0.001\nsteps = {}\n", num_steps);
    Experiment experiment = experiment_of(width, 10, phase);
    if (tracks) {
      experiment.track = Trigger::every(1);
      for (Index j = 0; j < width; ++j) {
        experiment.tracked.push_back(j);
      }
    }
    return frame_bytes_in_memory(experiment);
  };
  const double frame = 8.0 * 10000 * 6 + 16;
  EXPECT_EQ(bytes(10000, 1000), (17 + 2) * frame);  // 17 x 480016 < 2^23 < 18 x 480016
  EXPECT_EQ(bytes(10000, 4), (5 + 2) * frame);      // no more than there are
  EXPECT_EQ(bytes(200000, 1000), (1 + 2) * (8.0 * 200000 * 6 + 16));
  EXPECT_EQ(bytes(2000, 1000), 0);
  EXPECT_EQ(bytes(10000, 1000, false), 0);
}

/// What is observed, and what a phase factorises, takes memory as well: by their formulas.
TEST(RunCost, CountsTheMatricesOfLooksAndPhases) {
  const auto memory = [](const std::string& phase, const std::string& columns) {
    const std::string text = fmt::format(
        "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"hermite2\"\ninput_dim = 4\nnum_train = 100\n"
        "[network]\nwidth = 30\nneuron = \"sigma\"\n[[phase]]\n{}step_size = 0.1\n[observe]\nat = []\n"
        "certificate_samples = 65536\ncolumns = [\"train_loss\"{}]\n",
        phase, columns);
    return cost_of(build_experiment(parse_toml(text, "test.toml"), {"."}), 2).memory;
  };
  const std::string gradient = "method = \"mfld\"\nlambda1 = 0.1\nlambda2 = 0.1\nsteps = 7\n";
  const double plain = memory(gradient, "");
  const double p = 5;
  EXPECT_EQ(memory(gradient, ", \"kernel_alignment\"") - plain, 8 * 4 * 100.0 * 100);
  EXPECT_EQ(memory(gradient, ", \"kernel_alignment\", \"tangent_eigenvalues\"") - plain, 8 * 5 * 100.0 * 100);
  EXPECT_EQ(memory(gradient, ", \"dual_bound\", \"proximal_gap\"") - plain, 8 * (4 * p + 12) * 65536);
  EXPECT_EQ(memory(gradient, ", \"certified_gap\"]\ncertified_gap_at = [3") - plain, 8 * 5 * 2 * 32768 * p);
  EXPECT_EQ(memory("method = \"natural-gradient\"\ndamping = 0.1\nsteps = 7\n", "") - plain, 8 * 2 * 100.0 * 100);
}

TEST(RunsAtOnce, KeepAllThreadsBusy) {
  EXPECT_EQ(runs_at_once({1, 1, 0}, 1, no_limit), 1);
  EXPECT_EQ(runs_at_once({1, 1, 0}, 64, no_limit), 64);
  EXPECT_EQ(runs_at_once({1, 1.5, 0}, 4, no_limit), 3);
  EXPECT_EQ(runs_at_once({1, 1.7, 0}, 2, no_limit), 2);
  EXPECT_EQ(runs_at_once({1, 1.9, 0}, 2, no_limit), 1);
  EXPECT_EQ(runs_at_once({1, 40, 0}, 64, no_limit), 2);
  EXPECT_EQ(runs_at_once({}, 4, no_limit), 4);
}

TEST(RunsAtOnce, FitIntoMemory) {
  EXPECT_EQ(runs_at_once({1, 1, 100}, 8, 350), 3);
  EXPECT_EQ(runs_at_once({1, 1, 100}, 8, 10), 1);
  EXPECT_EQ(runs_at_once({1, 8, 100}, 8, 350), 1);
  EXPECT_EQ(runs_at_once({1, 1, 100}, 2, 350), 2);
}

}  // namespace
}  // namespace mfld
