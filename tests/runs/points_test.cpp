// Runs whose particles are points, from the experiment to the run directory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "mfld/objective/mmd.hpp"
#include "mfld/runs/extend.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::read_bytes;

const std::string text =
    "seed = 3\n[objective]\nkind = \"mmd\"\nkernel_width = 1.5\n"
    "[task]\nkind = \"mixture\"\ncentres = [[0, 0], [3, 1]]\nstd = 0.5\nnum_train = 30\n"
    "[network]\nwidth = 40\n"
    "[[phase]]\nmethod = \"mfld\"\nsteps = 20\nstep_size = 0.5\nlambda2 = 0.001\nlambda1 = 0.01\n"
    "[observe]\nevery = 5\n[observe.trajectory]\nparticles = \"all\"\nevery = 10\n";

class Points : public ::testing::Test {
 protected:
  RunSummary run(const std::string& experiment_text, const std::string& name, int threads = 1) {
    const Experiment experiment = build_experiment(parse_toml(experiment_text, "test.toml"), ".");
    RunDirectory files = RunDirectory::create(directory / name);
    return with_threads(threads, [&] { return run_experiment(experiment, files, std::atomic<bool>(false)); });
  }
  test::TemporaryDirectory directory;
};

TEST_F(Points, RecordWhatTheObjectiveSays) {
  const RunSummary summary = run(text, "run");
  EXPECT_EQ(summary.end.ending, Ending::finished);
  const std::string metrics = read_bytes(directory / "run" / "metrics.csv");
  EXPECT_TRUE(mentions(metrics, "# objective: R(mu) = MMD^2 of mu from the 30 points, k(x, z) = exp("));
  EXPECT_TRUE(mentions(metrics, "step,phase,time,gradient_evaluations,objective,mmd,"));

  const Hdf5File file = Hdf5File::open(directory / "run" / "trajectory.h5");
  std::vector<double> positions(3 * 40 * 2);
  file.read<double>("/particles/neurons/position/value", positions);
  Particles<double> last(40, 2);
  for (Index j = 0; j < 40; ++j) {
    last.row(j) << positions[static_cast<std::size_t>(2 * (80 + j))],
        positions[static_cast<std::size_t>(2 * (80 + j) + 1)];
  }
  const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
  Mmd<double> mmd({.width = 1.5}, experiment.data.train_inputs);
  const double value = mmd.value(last);
  EXPECT_EQ(summary.final_values[1], value);
  EXPECT_DOUBLE_EQ(summary.final_values[0], value + 0.01 * last.squaredNorm() / 40);
}

TEST_F(Points, GoDownHillWithoutNoise) {
  std::string cold = text;
  cold.replace(cold.find("lambda2 = 0.001"), 15, "lambda2 = 0.0  ");
  cold.replace(cold.find("lambda1 = 0.01"), 14, "lambda1 = 0.0 ");
  cold.replace(cold.find("steps = 20"), 10, "steps = 99");
  const RunSummary summary = run(cold, "cold");
  const Experiment experiment = build_experiment(parse_toml(cold, "test.toml"), ".");
  Mmd<double> mmd({.width = 1.5}, experiment.data.train_inputs);
  EXPECT_LT(summary.final_values[1], 0.1 * mmd.value(experiment.initial));
}

TEST_F(Points, AreTheSameBytesOnAnyNumberOfThreads) {
  run(text, "one", 1);
  run(text, "four", 4);
  EXPECT_EQ(read_bytes(directory / "one" / "metrics.csv"), read_bytes(directory / "four" / "metrics.csv"));
}

TEST_F(Points, BranchWithOtherNoise) {
  std::string with_checkpoints = text + "[checkpoint]\nevery_steps = 10\n";
  run(with_checkpoints, "parent");
  const StoppedRun child = branch(directory / "parent", {77, {}}, Kept::previous);
  RunDirectory files = RunDirectory::create(directory / "child");
  RunOptions options;
  options.start = &*child.checkpoint;
  const RunSummary summary = run_experiment(child.experiment, files, std::atomic<bool>(false), options);
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.end.step, 20);
}

TEST_F(Points, SayWhichOfThemAreLost) {
  std::string wild = text;
  wild.replace(wild.find("step_size = 0.5"), 15, "step_size = 1e300");
  const RunSummary summary = run(wild, "wild");
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_TRUE(mentions(summary.message, "is not finite"));
}

}  // namespace
}  // namespace mfld
