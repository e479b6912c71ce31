#include "runs/finite.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

/// One step, which may be so long that outputs or losses overflow although the particles do not.
std::string phase(const std::string& text, const std::string& neuron = "r-sigma") {
  return "seed = 1\n"
         "task = { kind = \"single-index\", link = \"hermite2\", input_dim = 3, num_train = 8, num_test = 4 }\n"
         "network = { width = 5, neuron = \"" +
         neuron + "\" }\n[[phase]]\nsteps = 1\n" + text;
}

class NotFinite : public ::testing::Test {
 protected:
  RunSummary run(const std::string& text) {
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunDirectory directory = RunDirectory::create(folder_ / "run");
    return run_experiment(experiment, directory, stop_);
  }

  test::TemporaryDirectory folder_;
  std::atomic<bool> stop_ = false;
};

TEST_F(NotFinite, ALossThatIsNotIsADivergence) {
  const RunSummary summary = run(phase("method = \"gd\"\nstep_size = 1e300\n"));
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_EQ(summary.end.step, 1);
  EXPECT_EQ(summary.end.first_bad_particle, std::nullopt);
  EXPECT_EQ(summary.message, "diverged at step 1: the training loss is inf, although every particle is finite");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/checkpoint.h5"));
  EXPECT_TRUE(is_final(read_summary(folder_ / "run")));
}

TEST_F(NotFinite, ALossThatNobodyObservesIsLookedAtToo) {
  const RunSummary summary = run(phase("method = \"sgd-mfld\"\nstep_size = 1e300\nlambda2 = 0\nbatch_size = 2\n") +
                                 "[observe]\ncolumns = [\"mean_r\"]\npredictions = true\n");
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_EQ(summary.message, "diverged at step 1: the training loss is inf, although every particle is finite");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/predictions.csv"));
}

TEST_F(NotFinite, OtherColumnsAreNamed) {
  // A bounded neuron stays finite wherever the noise throws it, and the squares of its parameters do not.
  const RunSummary summary = run(phase("method = \"mfld\"\nstep_size = 1\nlambda2 = 8e307\n", "bounded-r") +
                                 "[observe]\ncolumns = [\"train_loss\", \"second_moment\"]\n");
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.message, "finished after 1 steps; not finite: second_moment");
}

TEST_F(NotFinite, FiniteColumnsAreNotMentioned) {
  EXPECT_EQ(run(phase("method = \"gd\"\nstep_size = 0.1\n")).message, "finished after 1 steps");
}

TEST_F(NotFinite, ASolutionOfKernelRegressionIsLookedAt) {
  const RunSummary summary =
      run("seed = 1\n"
          "task = { kind = \"single-index\", link = \"hermite2\", input_dim = 3, num_train = 8, num_test = 4, "
          "label_noise = \"gaussian\", noise_level = 1e200 }\n"
          "network.width = 5\n"
          "[[phase]]\nmethod = \"kernel-regression\"\nkernel = \"infinite-tangent\"\nridge = 1\n"
          "[observe]\ncolumns = [\"test_loss\"]\n");
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_EQ(summary.message, "diverged: the training loss of the solution is inf");
}

}  // namespace
}  // namespace mfld
