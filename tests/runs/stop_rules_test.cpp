#include "runs/stop_rules.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <sstream>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/runs/extend.hpp"
#include "mfld/runs/runner.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::read_bytes;

const double nan = std::numeric_limits<double>::quiet_NaN();

/// The steps, from 0, after which the rule is met by a column with these values.
std::vector<std::size_t> met_after(const StopRule& rule, const std::vector<double>& values) {
  const std::vector<std::optional<StopRule>> list = {std::nullopt, rule};
  runs::StopRules rules(list, {"other", "a"});
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < values.size(); ++i) {
    rules.look(1, std::to_array({static_cast<double>(i), 1.0, 0.5, 7.0}), std::to_array({1.0, values[i]}));
    rules.look(0, std::to_array({static_cast<double>(i), 1.0, 0.5, 7.0}), std::to_array({1.0, values[i]}));
    if (rules.is_met(1)) {
      steps.push_back(i);
    }
    EXPECT_FALSE(rules.is_met(0)) << "it has none";
  }
  return steps;
}

TEST(StopRules, AreMetByRowsInARowStrictlyBeyondTheBound) {
  using Steps = std::vector<std::size_t>;
  const StopRule below = {"a", Side::below, 1, 1};
  EXPECT_EQ(met_after(below, {2, 1, 0.5, 1.5, -1e300, -HUGE_VAL}), (Steps{2, 4, 5}));
  EXPECT_EQ(met_after({"a", Side::above, 1, 1}, {2, 1, 0.5, 1.5, 1e300, HUGE_VAL}), (Steps{0, 3, 4, 5}));
  EXPECT_EQ(met_after({"a", Side::below, 1, 3}, {0, 0, 1, 0, 0, 0, 0, 5, 0}), (Steps{5, 6}));
}

TEST(StopRules, AreNotMetByWhatIsNotANumber) {
  for (const Side side : {Side::below, Side::above}) {
    const double beyond = side == Side::below ? -1 : 1;
    EXPECT_TRUE(met_after({"a", side, 0, 1}, {nan, nan, -nan}).empty());
    EXPECT_EQ(met_after({"a", side, 0, 2}, {beyond, nan, beyond, beyond}), (std::vector<std::size_t>{3}));
  }
}

TEST(StopRules, KnowTheFilesOwnColumns) {
  EXPECT_EQ(met_after({"step", Side::above, 1, 1}, {nan, nan, nan, nan}), (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(met_after({"gradient_evaluations", Side::above, 6, 2}, {nan, nan, nan}), (std::vector<std::size_t>{1, 2}));
  EXPECT_TRUE(met_after({"time", Side::below, 0.5, 1}, {nan, nan, nan}).empty());
}

TEST(StopRules, CountARowOnceAndGoOnFromWhatTheyKept) {
  const std::vector<std::optional<StopRule>> list = {StopRule{"a", Side::below, 1, 3}};
  runs::StopRules rules(list, {"a"});
  const auto look = [](runs::StopRules& at, double step) {
    at.look(0, std::to_array({step, 0.0, 0.0, 0.0}), std::to_array({0.25}));
  };
  look(rules, 10);
  look(rules, 10);
  look(rules, 20);
  EXPECT_FALSE(rules.is_met(0));
  EXPECT_EQ(rules.in_words(1), "; phase 0 ended without a < 1 at 3 rows in a row, 0.25 at its last row");
  runs::StopRules later(list, {"a"});
  EXPECT_EQ(later.in_words(1), "; phase 0 ended without a < 1 at 3 rows in a row: it has no row behind its first step");
  later.restore(rules.looks());
  look(later, 30);
  EXPECT_TRUE(later.is_met(0));
  EXPECT_EQ(later.in_words(1), "; phase 0 ended at step 30: a = 0.25 < 1 at 3 rows in a row");
  EXPECT_EQ(later.in_words(0), "");
}

/// A row of metrics.csv.
struct Row {
  std::int64_t step = 0;
  std::int64_t phase = 0;
  std::vector<double> values;  // time, gradient evaluations, columns
};

std::vector<Row> rows_of(const fs::path& run) {
  std::istringstream lines(read_bytes(run / "metrics.csv"));
  std::vector<Row> rows;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.starts_with("step")) {
      continue;
    }
    std::istringstream cells(line);
    std::vector<double> values;
    for (std::string cell; std::getline(cells, cell, ',');) {
      values.push_back(std::strtod(cell.c_str(), nullptr));
    }
    rows.push_back({static_cast<std::int64_t>(values[0]),
                    static_cast<std::int64_t>(values[1]),
                    {values.begin() + 2, values.end()}});
  }
  return rows;
}

/// One parameter in, one out: dual_gap by quadrature.
std::string line_experiment(const std::string& phases, const std::string& more = {}) {
  return "seed = 1\n[task]\nkind = \"single-index\"\nlink = \"tanh\"\ninput_dim = 1\nnum_train = 20\nnum_test = 0\n"
         "[network]\nwidth = 200\nneuron = \"bounded-r\"\nbias = false\n" +
         more + phases;
}

std::string mfld_phase(int steps, const std::string& until) {
  return fmt::format("[[phase]]\nmethod = \"mfld\"\nsteps = {}\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.1\n{}",
                     steps, until.empty() ? "" : "until = {" + until + "}\n");
}

class StoppedByRule : public ::testing::Test {
 protected:
  RunSummary run(const std::string& name, const std::string& text, int threads = 1) {
    const Experiment experiment = build_experiment(parse_toml(text, "test.toml"), ".");
    RunDirectory files = RunDirectory::create(directory / name);
    RunSummary summary;
    with_threads(threads, [&] { summary = run_experiment(experiment, files, std::atomic<bool>(false)); });
    return summary;
  }
  RunSummary go_on(const std::string& name, Kept kept) {
    RunDirectory files = RunDirectory::reopen(directory / name);
    const StoppedRun stopped = read_stopped_run(directory / name, kept);
    RunOptions options;
    options.start = &*stopped.checkpoint;
    RunSummary summary;
    with_threads(2, [&] { summary = run_experiment(stopped.experiment, files, std::atomic<bool>(false), options); });
    return summary;
  }

  test::TemporaryDirectory directory;
};

TEST_F(StoppedByRule, TrainsUntilItIsCertifiedToBeNearTheOptimum) {
  const std::string observe = "[observe]\ncolumns = [\"train_loss\"]\nevery = 5\n";
  const RunSummary summary =
      run("r", line_experiment(mfld_phase(5000, "column = \"dual_gap\", below = 0.02, held = 3") + observe));
  const auto rows = rows_of(directory / "r");
  ASSERT_GT(rows.size(), 4U);
  ASSERT_LT(rows.size(), 100U);
  std::size_t num_held = 0;  // columns: time, gradient evaluations, train_loss, dual_gap, dual_gap_error
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_LT(num_held, 3U) << "the row that ended the phase is the last";
    num_held = rows[i].values[3] < 0.02 ? num_held + 1 : 0;
  }
  EXPECT_EQ(num_held, 3U);
  EXPECT_EQ(summary.end.ending, Ending::finished);
  EXPECT_EQ(summary.end.step, rows.back().step);
  EXPECT_EQ(rows.back().step % 5, 0);
  EXPECT_EQ(summary.message,
            fmt::format("finished after {0} steps; phase 0 ended at step {0}: dual_gap = {1} < 0.02 at 3 rows in a row",
                        rows.back().step, rows.back().values[3]));
  // Up to there it is the run without the rule.
  run("without", line_experiment(mfld_phase(static_cast<int>(summary.end.step), "") + observe));
  EXPECT_EQ(load_checkpoint(directory / "without/checkpoint.h5").matrices.at("particles"),
            load_checkpoint(directory / "r/checkpoint.h5").matrices.at("particles"));
}

/// The row with which a phase begins shows the phase before, so that one rule in two phases does not end both at once.
TEST_F(StoppedByRule, EachPhaseHasItsOwnRows) {
  const std::string always = "column = \"train_loss\", above = 0, held = 2";
  const RunSummary summary = run(
      "r", line_experiment(mfld_phase(50, always) + mfld_phase(50, always) + mfld_phase(6, "") + mfld_phase(50, always),
                           "[observe]\nevery = 4\n"));
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  for (const Row& row : rows_of(directory / "r")) {
    seen.emplace_back(row.step, row.phase);
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::int64_t, std::int64_t>>{
                      {0, 0}, {4, 0}, {8, 0}, {12, 1}, {16, 1}, {20, 2}, {22, 3}, {24, 3}, {28, 3}}));
  EXPECT_TRUE(mentions(summary.message, "phase 0 ended at step 8: train_loss = "));
  EXPECT_TRUE(mentions(summary.message, "phase 1 ended at step 16: train_loss = "));
  EXPECT_FALSE(mentions(summary.message, "phase 2"));
  EXPECT_TRUE(mentions(summary.message, "phase 3 ended at step 28: train_loss = "));
}

TEST_F(StoppedByRule, APhaseThatReachesItsStepsSaysSo) {
  const RunSummary summary =
      run("r", line_experiment(mfld_phase(7, "column = \"train_loss\", below = -1") +
                                   mfld_phase(7, "column = \"train_loss\", above = -1, held = 4"),
                               "[observe]\nevery = 5\n"));
  const auto rows = rows_of(directory / "r");
  ASSERT_EQ(rows.size(), 5U);  // 0, 5, 7, 10, 14
  EXPECT_EQ(summary.message,
            fmt::format("finished after 14 steps; phase 0 ended without train_loss < -1, {} at its last row; phase 1 "
                        "ended without train_loss > -1 at 4 rows in a row, {} at its last row",
                        rows[1].values[2], rows[4].values[2]));
}

TEST_F(StoppedByRule, DualGapOfAPhaseWithoutNoiseNeverEndsIt) {
  const RunSummary summary =
      run("r", line_experiment(mfld_phase(2, "") + "[[phase]]\nmethod = \"gd\"\nsteps = 6\nstep_size = 0.1\n"
                                                   "until = {column = \"dual_gap\", below = 1e9}\n",
                               "[observe]\nevery = 1\n"));
  EXPECT_TRUE(mentions(summary.message, "phase 1 ended without dual_gap < 1000000000, nan at its last row"));
  EXPECT_EQ(summary.end.step, 8);
}

std::string held_experiment(const std::string& precision, int every_steps) {
  return line_experiment(mfld_phase(40, "column = \"train_loss\", above = 0, held = 4"),
                         fmt::format("precision = \"{}\"\n[observe]\nevery = 2\n[observe.trajectory]\nparticles = 3\n"
                                     "[checkpoint]\nevery_steps = {}\n",
                                     precision, every_steps));
}

/// Of the last phase, from the checkpoint before the last: in the middle of the rows that the rule counts, at the row
/// that ends it, and after.
TEST_F(StoppedByRule, GoesOnToTheSameBytesFromEveryCheckpoint) {
  for (const std::string precision : {"double", "single"}) {
    for (int every = 1; every <= 8; ++every) {
      for (const Kept kept : {Kept::previous, Kept::last}) {
        const std::string name = fmt::format("{}{}{}", precision, every, kept == Kept::last ? "last" : "previous");
        SCOPED_TRACE(name);
        const RunSummary summary = run(name, held_experiment(precision, every), 1 + every % 3);
        ASSERT_EQ(summary.end.step, 8);
        const Checkpoint checkpoint = load_checkpoint(directory / name / "checkpoint.h5");
        const std::string metrics = read_bytes(directory / name / "metrics.csv");
        fs::remove(directory / name / "summary.json");
        EXPECT_EQ(go_on(name, kept).message, summary.message);
        EXPECT_EQ(read_bytes(directory / name / "metrics.csv"), metrics);
        EXPECT_TRUE(test::same_bits(load_checkpoint(directory / name / "checkpoint.h5"), checkpoint));
      }
    }
  }
}

/// It counts on where its parent was, and ends at the same step.
TEST_F(StoppedByRule, ABranchHasTheRowsOfItsParentInItsCount) {
  run("parent", held_experiment("double", 5));
  for (const Kept kept : {Kept::previous, Kept::last}) {
    const StoppedRun child = branch(directory / "parent", {1, {}}, kept);
    RunDirectory files = RunDirectory::create(directory / fmt::format("child{}", static_cast<int>(kept)));
    RunOptions options;
    options.start = &*child.checkpoint;
    const RunSummary summary = run_experiment(child.experiment, files, std::atomic<bool>(false), options);
    EXPECT_EQ(summary.end.step, 8);
    EXPECT_EQ(summary.message, read_summary(directory / "parent")->message);
  }
}

TEST_F(StoppedByRule, ACheckpointWithoutTheCountIsRefused) {
  run("r", held_experiment("double", 5));
  Checkpoint checkpoint = load_checkpoint(directory / "r/checkpoint.h5");
  ASSERT_EQ(checkpoint.matrices.erase("stop_rules"), 1U);
  save_checkpoint(checkpoint, directory / "r/checkpoint.h5");
  EXPECT_TRUE(mentions(test::message_of<FileError>([&] { read_stopped_run(directory / "r"); }),
                       "it lacks /stop_rules, which the phase needs"));
}

}  // namespace
}  // namespace mfld
