#include "mfld/runs/runner.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <sstream>

#include "mfld/core/parallel.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using namespace small_experiment;

struct Row {
  std::int64_t step = 0;
  std::int64_t phase = 0;
  std::string rest;
};

std::vector<Row> read_rows(const std::filesystem::path& directory) {
  std::istringstream stream(test::read_bytes(directory / "metrics.csv"));
  std::vector<Row> rows;
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with('#') && !line.starts_with("step")) {
      Row row;
      char comma = 0;
      std::istringstream(line) >> row.step >> comma >> row.phase >> comma >> row.rest;
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<std::int64_t> steps(const std::vector<Row>& rows) {
  std::vector<std::int64_t> result;
  for (const Row& row : rows) {
    result.push_back(row.step);
  }
  return result;
}

class Run : public testing::Test {
 protected:
  RunSummary run(const std::string& name, const std::vector<std::string>& settings, bool stopped = false) {
    const Experiment experiment = build(settings);
    RunDirectory directory = RunDirectory::create(folder_ / name);
    return run_experiment(experiment, directory, std::atomic<bool>(stopped));
  }

  test::TemporaryDirectory folder_;
};

TEST_F(Run, RecordsWhatTheMethodPredictsWith) {
  // The mean of the first iterate alone is that iterate; penalty 0 at the start it is measured from.
  const auto settings = plus(averaged_sgd, {"observe.every=1", "observe.columns=[\"train_loss\", \"objective\"]"});
  const RunSummary summary = run("a", settings);
  const auto rows = read_rows(folder_ / "a");
  ASSERT_EQ(rows.size(), 51U);
  const auto values = [](const Row& row) { return row.rest.substr(row.rest.rfind(',', row.rest.rfind(',') - 1)); };
  EXPECT_EQ(values(rows[0]), values(rows[1]));
  EXPECT_NE(values(rows[1]), values(rows[2]));
  EXPECT_EQ(summary.gradient_evaluations, 50);
  EXPECT_GT(summary.final_values[1], summary.final_values[0]);
}

TEST_F(Run, SaysThatThereIsNoNaturalGradient) {
  const RunSummary summary = run(
      "a", plus(natural_gradient,
                {"phase.0.damping=0",
                 "task={kind = \"single-index\", link = \"tanh\", input_dim = 3, num_train = 20, inputs = \"cube\"}"}));
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  EXPECT_EQ(
      summary.message,
      "stopped at step 0: the tangent kernel matrix of the natural gradient is not finite and positive definite; a "
      "damping > 0, a larger one, or a smaller step_size keeps it so");
  EXPECT_EQ(summary.end.first_bad_particle, std::nullopt);
  EXPECT_EQ(read_rows(folder_ / "a").size(), 1U);
}

TEST_F(Run, ObservesWhereTheTriggerFiresAndAtTheEnds) {
  const RunSummary summary =
      run("a", {"observe.every=12",
                "phase=[{method = \"gd\", steps = 20, step_size = 0.1}, {method = \"mfld\", steps = 10, "
                "step_size = 0.2, lambda2 = 0.1}]"});
  const auto rows = read_rows(folder_ / "a");
  EXPECT_EQ(steps(rows), (std::vector<std::int64_t>{0, 12, 20, 24, 30}));
  EXPECT_EQ(rows[1].phase, 0);
  EXPECT_EQ(rows[2].phase, 1);
  EXPECT_EQ(rows[4].phase, 1);
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.end.step, 30);
  EXPECT_NEAR(summary.time, 20 * 0.1 + 10 * 0.2, 1e-12);
  EXPECT_EQ(summary.gradient_evaluations, 30 * 50);
  for (const char* file : {"experiment.toml", "metrics.csv", "checkpoint.h5", "summary.json"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "a" / file)) << file;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a" / "trajectory.h5"));
}

TEST_F(Run, LookingChangesNothing) {
  run("rarely", {"observe.every=30", "phase.0.method=sgd-mfld", "phase.0.batch_size=7"});
  run("often", {"observe.every=1", "observe.trajectory={particles = \"all\", every = 1}", "checkpoint.every_steps=1",
                "phase.0.method=sgd-mfld", "phase.0.batch_size=7"});
  EXPECT_EQ(read_rows(folder_ / "rarely").back().rest, read_rows(folder_ / "often").back().rest);
  EXPECT_EQ(load_checkpoint(folder_ / "rarely" / "checkpoint.h5").matrices.at("particles"),
            load_checkpoint(folder_ / "often" / "checkpoint.h5").matrices.at("particles"));
}

TEST_F(Run, IsTheSameOnAnyNumberOfThreads) {
  for (const std::string precision : {"double", "single"}) {
    const std::vector<std::string> settings = {"network.precision=" + precision, "network.width=1001"};
    with_threads(1, [&] { run(precision + "1", settings); });
    for (const int threads : {2, 3, 8}) {
      const std::string name = precision + std::to_string(threads);
      with_threads(threads, [&] { run(name, settings); });
      EXPECT_EQ(test::read_bytes(folder_ / name / "metrics.csv"),
                test::read_bytes(folder_ / (precision + "1") / "metrics.csv"));
    }
  }
}

TEST_F(Run, SinglePrecisionWithoutNoiseStaysNearDouble) {
  const RunSummary in_double = run("double", {"phase.0.lambda2=0"});
  const RunSummary in_single = run("single", {"phase.0.lambda2=0", "network.precision=single"});
  for (std::size_t i = 0; i < in_double.columns.size(); ++i) {
    EXPECT_NEAR(in_single.final_values[i], in_double.final_values[i], 1e-4) << in_double.columns[i];
  }
  EXPECT_NE(in_single.final_values, in_double.final_values);
}

TEST_F(Run, DivergenceIsAnOutcomeThatKeepsWhatWasRecorded) {
  const RunSummary summary = run("a", {"phase.0.step_size=1e200", "observe.every=1"});
  EXPECT_EQ(summary.end.ending, Ending::diverged);
  ASSERT_TRUE(summary.end.first_bad_particle);
  EXPECT_GE(*summary.end.first_bad_particle, 0);
  EXPECT_GE(summary.end.step, 1);
  EXPECT_EQ(summary.message, "diverged at step " + std::to_string(summary.end.step) + ": particle " +
                                 std::to_string(*summary.end.first_bad_particle) + " is not finite");
  const auto rows = read_rows(folder_ / "a");
  EXPECT_EQ(rows.front().step, 0);
  EXPECT_EQ(rows.back().step, summary.end.step);
  EXPECT_TRUE(test::mentions(test::read_bytes(folder_ / "a" / "summary.json"), "\"ending\": \"diverged\""));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a" / "checkpoint.h5"));
}

TEST_F(Run, AnInterruptionLeavesACheckpoint) {
  const RunSummary summary = run("a", {}, true);
  EXPECT_EQ(summary.end.ending, Ending::interrupted);
  EXPECT_EQ(summary.end.step, 0);
  const Checkpoint checkpoint = load_checkpoint(folder_ / "a" / "checkpoint.h5");
  EXPECT_EQ(checkpoint.step, 0);
  EXPECT_EQ(checkpoint.metrics_rows, 0);
  EXPECT_EQ(checkpoint.matrices.at("particles"), build().initial);
  EXPECT_EQ(checkpoint.experiment_hash, build().hash);
}

TEST_F(Run, ACheckpointHoldsEverythingThatChanges) {
  const std::vector<std::string> settings = plus(svrg, {"observe.every=8", "checkpoint.every_steps=10"});
  run("a", settings);
  const Checkpoint last = load_checkpoint(folder_ / "a" / "checkpoint.h5");
  EXPECT_EQ(last.step, 20);
  EXPECT_EQ(last.metrics_rows, 4);  // 0, 8, 16, 20
  EXPECT_EQ(last.step_in_phase, 20) << "a longer run goes on from there";
  EXPECT_TRUE(last.matrices.contains("snapshot/drift"));
  const Checkpoint previous = load_checkpoint(folder_ / "a" / "checkpoint.previous.h5");
  EXPECT_EQ(previous.step, 10);
  EXPECT_EQ(previous.metrics_rows, 2);
  EXPECT_EQ(previous.step_in_phase, 10);
  EXPECT_TRUE(previous.matrices.contains("snapshot/drift"));
}

TEST_F(Run, APhaseThatHasConvergedEndsEarlyAndIsRecordedOnce) {
  const RunSummary summary =
      run("a", {"network.neuron=linear", "observe.every=1000",
                "phase=[{method = \"gd\", steps = 100000, step_size = 0.5, until_gradient_norm = 1e-6}, "
                "{method = \"gd\", steps = 3, step_size = 0.1}]"});
  const auto rows = read_rows(folder_ / "a");
  ASSERT_EQ(rows.size(), 3U);  // the start, the end of the first phase, the end
  EXPECT_LT(rows[1].step, 1000);
  EXPECT_EQ(rows[1].phase, 1);
  EXPECT_EQ(rows[2].step, rows[1].step + 3);
  EXPECT_EQ(summary.end.step, rows[2].step);
}

}  // namespace
}  // namespace mfld
