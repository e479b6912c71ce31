// What a run is: its directory and what it computes, wherever they lie.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/runs/resume.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/runs/sweep_runner.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::write_bytes;

/// A project: an experiment, its data and its runs.
class RunIdentity : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(directory / "old/data");
    write_bytes(directory / "old/data/d.csv", "1,2,3\n4,5,6\n7,8,9\n");
    write_bytes(directory / "old/e.toml",
                "seed = 1\n[task]\nkind = \"file\"\npath = \"data/d.csv\"\ntest_fraction = 0.0\n[network]\nwidth = 4\n"
                "[[phase]]\nmethod = \"mfld\"\nsteps = 20\nstep_size = 0.01\nlambda2 = 0.01\n");
  }
  /// Until it is stopped, which is before its first step.
  void run_in_old(const std::string& name, const std::vector<std::string>& provenance = {}, bool stopped = true) const {
    const Plan plan = read_plan(directory / "old/e.toml", {});
    const Experiment experiment = build_experiment(plan.runs.front().config, plan.folder());
    RunDirectory files = RunDirectory::create(directory / "old/runs" / name);
    RunOptions options;
    options.provenance = provenance;
    run_experiment(experiment, files, std::atomic<bool>(stopped), options);
  }
  static RunSummary resume(const fs::path& run) {
    RunDirectory files = RunDirectory::reopen(run);
    const StoppedRun stopped = read_stopped_run(files.place());
    RunOptions options;
    options.start = stopped.checkpoint ? &*stopped.checkpoint : nullptr;
    options.notes = stopped.notes;
    return run_experiment(stopped.experiment, files, std::atomic<bool>(false), options);
  }
  static std::string refusal(const fs::path& run) {
    return message_of<FileError>([&] { read_stopped_run(run); });
  }

  test::TemporaryDirectory directory;
};

TEST_F(RunIdentity, AProjectThatMovesGoesOnToTheSameBytes) {
  run_in_old("whole", {}, false);
  run_in_old("r");
  fs::rename(directory / "old", directory / "new");
  EXPECT_EQ(resume(directory / "new/runs/r").end.ending, Ending::finished);
  for (const char* file : {"checkpoint.h5"}) {
    EXPECT_EQ(read_bytes(directory / "new/runs/r" / file), read_bytes(directory / "new/runs/whole" / file)) << file;
  }
}

TEST_F(RunIdentity, ARunThatMovesAloneFindsItsDataWhereTheyAre) {
  run_in_old("r");
  fs::create_directories(directory / "elsewhere/deep");
  fs::rename(directory / "old/runs/r", directory / "elsewhere/deep/r");
  EXPECT_EQ(resume(directory / "elsewhere/deep/r").end.ending, Ending::finished);
}

/// Of both places the one counts whose data are the run's.
TEST_F(RunIdentity, ACopiedProjectIsItsOwnWhicheverChanges) {
  for (const bool original_changes : {true, false}) {
    run_in_old("r");
    fs::copy(directory / "old", directory / "copy", fs::copy_options::recursive);
    write_bytes(directory / (original_changes ? "old" : "copy") / "data/d.csv", "1,2,3\n4,5,6\n7,8,8\n");
    EXPECT_EQ(resume(directory / "copy/runs/r").end.ending, Ending::finished);
    fs::remove_all(directory / "copy");
    fs::remove_all(directory / "old");
    SetUp();
  }
}

TEST_F(RunIdentity, MissingDataAreSaidWithTheLineToCorrect) {
  run_in_old("r");
  fs::rename(directory / "old/data", directory / "data");
  const fs::path run = directory / "old/runs/r";
  const std::string refused = refusal(run);
  EXPECT_TRUE(mentions(refused, (directory / "old/data/d.csv").string() + ": there is no such file"));
  EXPECT_TRUE(mentions(refused, "correct the line \"# paths start at ...\" of " + (run / "experiment.toml").string()));
  EXPECT_EQ(refused.find("--previous"), std::string::npos);
  std::string text = read_bytes(run / "experiment.toml");
  const std::string line = "# paths start at " + (directory / "old/").string();
  ASSERT_TRUE(mentions(text, line + '\n'));
  text.replace(text.find(line), line.size(), "# paths start at " + directory.path().string() + '/');
  write_bytes(run / "experiment.toml", text);
  EXPECT_EQ(resume(run).end.ending, Ending::finished);
}

/// Where the other checkpoint is refused for the same reason there is no point in naming it.
TEST_F(RunIdentity, PreviousIsOfferedOnlyWhereItHelps) {
  run_in_old("r");
  const fs::path run = directory / "old/runs/r";
  fs::copy(run / "checkpoint.h5", run / "checkpoint.previous.h5");
  write_bytes(directory / "old/data/d.csv", "1,2,3\n4,5,6\n7,8,8\n");
  EXPECT_TRUE(mentions(refusal(run), "it is of another experiment"));
  EXPECT_EQ(refusal(run).find("--previous"), std::string::npos);
  SetUp();
  write_bytes(run / "checkpoint.h5", "damaged");
  EXPECT_TRUE(mentions(refusal(run), "; --previous goes on from the one before it"));
}

TEST_F(RunIdentity, AMovedSweepGoesOn) {
  write_bytes(directory / "old/e.toml", read_bytes(directory / "old/e.toml") + "[sweep]\nseed = [1, 2]\n");
  const Plan plan = read_plan(directory / "old/e.toml", {});
  start_sweep(plan, directory / "old/runs/s", {});
  run_sweep(plan, directory / "old/runs/s", std::atomic<bool>(true), {}, nullptr);
  fs::rename(directory / "old", directory / "new");
  const SweepOutcome outcome = run_sweep(read_stored_plan(directory / "new/runs/s"), directory / "new/runs/s",
                                         std::atomic<bool>(false), {}, nullptr);
  EXPECT_EQ(outcome.num_left, 0);
  EXPECT_EQ(read_summary(directory / "new/runs/s/seed=2")->end.ending, Ending::finished);
  EXPECT_FALSE(fs::exists(directory / "old"));
}

/// Where somebody's editor put an empty line, the comments behind it are read as before.
TEST_F(RunIdentity, AnEmptyLineHidesNoComment) {
  run_in_old("r", {"mfld run e.toml"});
  const fs::path run = directory / "elsewhere";
  fs::rename(directory / "old/runs/r", run);
  write_bytes(run / "experiment.toml", "\n \r\n  " + read_bytes(run / "experiment.toml"));
  EXPECT_EQ(read_stored_plan(run).comments.front(), "mfld run e.toml");
  EXPECT_EQ(resume(run).end.ending, Ending::finished);
}

/// What it says of its place is of where it lies when it says it.
TEST_F(RunIdentity, RunsBegunAfterTheirSweepMovedFindTheirData) {
  write_bytes(directory / "old/e.toml", read_bytes(directory / "old/e.toml") + "[sweep]\nseed = [1, 2]\n");
  const Plan plan = read_plan(directory / "old/e.toml", {});
  const fs::path out = directory / "old/runs/s";
  const fs::path moved = directory / "old/deep/er/s";
  fs::create_directories(moved.parent_path());
  start_sweep(plan, out, {});
  SweepOptions options;
  options.ended = [&](const CellReport& report) {
    if (report.position == 0) {
      fs::rename(out, moved);
    }
  };
  run_sweep(plan, out, std::atomic<bool>(false), options, nullptr);
  EXPECT_TRUE(mentions(read_bytes(moved / "seed=1/experiment.toml"), "# which is from here ../../..\n"));
  EXPECT_TRUE(mentions(read_bytes(moved / "seed=2/experiment.toml"), "# which is from here ../../../..\n"));
  EXPECT_FALSE(fs::exists(out));
}

/// Without a checkpoint, too.
TEST_F(RunIdentity, ARunKilledBeforeItsFirstCheckpointKeepsItsData) {
  run_in_old("r");
  const fs::path run = directory / "old/runs/r";
  fs::remove(run / "checkpoint.h5");
  fs::remove(run / "summary.json");
  write_bytes(directory / "old/data/d.csv", "1,2,3\n4,5,6\n7,8,8\n");
  const std::string refused = refusal(run);
  EXPECT_TRUE(mentions(refused, "task.path = \"data/d.csv\""));
  EXPECT_TRUE(mentions(refused, "old/data/d.csv does not hold the numbers that it held at the beginning"));
  SetUp();
  EXPECT_EQ(resume(run).end.ending, Ending::finished);
}

/// A sweep in old/runs/s over files, begun and stopped before its first run.
class SweepIdentity : public RunIdentity {
 protected:
  static constexpr const char* other_numbers = "1,2,3\n4,5,6\n7,8,8\n";

  void SetUp() override {
    RunIdentity::SetUp();
    write_bytes(directory / "old/e.toml", read_bytes(directory / "old/e.toml") + "[sweep]\nseed = [1, 2]\n");
  }
  static SweepOutcome go_on(const Plan& plan, const fs::path& out, const SweepOptions& options = {},
                            bool stopped = false) {
    return run_sweep(plan, out, std::atomic<bool>(stopped), options, nullptr);
  }
  /// As the program begins: the shard i of k, with the experiment of a project.
  static void begin(const fs::path& project, const fs::path& out, std::int64_t i, std::int64_t k,
                    bool stopped = false) {
    const Plan plan = read_plan(project / "e.toml", {});
    SweepOptions options;
    options.shard = i;
    options.num_shards = k;
    CheckedPlan checked(plan, options);
    const Folder folder = start_sweep(plan, out, options);
    run_sweep(plan, folder.place(), std::atomic<bool>(stopped), options, &checked);
  }
  void copy(const char* numbers) const {
    fs::remove_all(directory / "copy");
    fs::copy(directory / "old", directory / "copy", fs::copy_options::recursive);
    write_bytes(directory / "copy/data/d.csv", numbers);
  }
};

TEST_F(SweepIdentity, ACopyWithOtherNumbersDoesNotGoOn) {
  begin(directory / "old", directory / "old/runs/s", 1, 1, true);
  copy(other_numbers);
  const fs::path out = directory / "copy/runs/s";
  const std::string refused = message_of<InvalidInput>([&] { go_on(read_stored_plan(out), out); });
  EXPECT_TRUE(mentions(refused, "task.path = \"data/d.csv\": " + (directory / "copy/data/d.csv").string()));
  EXPECT_TRUE(mentions(refused, "the numbers that " + (directory / "old/data/d.csv").string() + " held"));
  EXPECT_FALSE(fs::exists(out / "seed=1"));
  copy("# the same\n1.0, 2.0, 3\n4,5,6\n7,8,9\n");
  EXPECT_EQ(go_on(read_stored_plan(out), out).num_left, 0);
}

TEST_F(SweepIdentity, ShardsOfTwoFoldersHaveTheSameNumbers) {
  copy(other_numbers);
  begin(directory / "old", directory / "s", 1, 2);
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { begin(directory / "copy", directory / "s", 2, 2); }),
                       "all runs of a sweep have the same data"));
  EXPECT_FALSE(fs::exists(directory / "s/seed=2"));
  copy("1,2,3\n4,5,6\n7,8,9\n");
  begin(directory / "copy", directory / "s", 2, 2);
  EXPECT_EQ(read_summary(directory / "s/seed=2")->end.ending, Ending::finished);
}

/// Runs whose files the sweep chooses are told apart by them.
TEST_F(SweepIdentity, EveryFileHasItsOwnNumbers) {
  std::string text = read_bytes(directory / "old/e.toml");
  text = text.substr(0, text.find("[sweep]")) + "[sweep]\ntask.path = [\"data/d.csv\", \"data/e.csv\"]\n";
  write_bytes(directory / "old/e.toml", text);
  write_bytes(directory / "old/data/e.csv", other_numbers);
  copy("9,9,9\n9,9,8\n");
  begin(directory / "old", directory / "s", 1, 2);
  begin(directory / "copy", directory / "s", 2, 2);  // which does not read d.csv
  EXPECT_EQ(read_summary(directory / "s/path=data-e.csv")->end.ending, Ending::finished);
  const std::string root = read_bytes(directory / "s/experiment.toml");
  EXPECT_TRUE(mentions(root, "# numbers of \"data/d.csv\": "));
  EXPECT_TRUE(mentions(root, " in " + (directory / "copy/data/e.csv").string() + "\n"));
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { begin(directory / "copy", directory / "s", 1, 2); }),
                       "data/d.csv does not hold the numbers that"));
}

/// A file that changes while its sweep is made stops the runs that read it, and no other.
TEST_F(SweepIdentity, AFileThatChangesMeanwhileIsNoticed) {
  const Plan plan = read_plan(directory / "old/e.toml", {});
  start_sweep(plan, directory / "s", {});
  SweepOptions options;
  std::vector<std::string> endings;
  options.ended = [&](const CellReport& report) {
    endings.emplace_back(info(report.end.ending).name);
    write_bytes(directory / "old/data/d.csv", other_numbers);
  };
  go_on(plan, directory / "s", options);
  EXPECT_EQ(endings, (std::vector<std::string>{"finished", "refused"}));
}

TEST_F(SweepIdentity, ASweepThatDoesNotSayItsNumbersGoesOnAndSaysThem) {
  begin(directory / "old", directory / "s", 1, 1, true);
  std::string text = read_bytes(directory / "s/experiment.toml");
  const std::size_t line = text.find("# numbers of ");
  ASSERT_NE(line, std::string::npos);
  text.erase(line, text.find('\n', line) + 1 - line);
  write_bytes(directory / "s/experiment.toml", text);
  EXPECT_EQ(go_on(read_stored_plan(directory / "s"), directory / "s").num_left, 0);
  EXPECT_TRUE(mentions(read_bytes(directory / "s/experiment.toml"), "# numbers of \"data/d.csv\": "));
}

/// Whatever bytes a command, a note or a folder has.
TEST_F(RunIdentity, WhatIsWrittenCanBeReadAgain) {
  const std::string odd =
      "gr\xF6\xDF"
      "e \x1b[2J\n\r\f\x85 \\x41 \xE2\x80\xA8 \\";
  fs::rename(directory / "old", directory / odd);
  fs::create_directory_symlink(odd, directory / "old");
  const Plan plan = read_plan(directory / odd / "e.toml", {});
  const Experiment experiment = build_experiment(plan.runs.front().config, plan.folder());
  const fs::path run = directory / odd / odd;
  {
    RunDirectory files = RunDirectory::create(run);
    RunOptions options;
    options.provenance = {"mfld run " + odd};
    options.notes = {note_of({odd, 1, 2, 3})};
    run_experiment(experiment, files, std::atomic<bool>(true), options);
  }
  EXPECT_EQ(read_stored_plan(run).comments.front(), "mfld run " + odd);
  EXPECT_EQ(parent_in(read_stopped_run(run).notes)->directory, odd);
  const MetricsEnds table = read_ends(run / "metrics.csv");
  EXPECT_TRUE(mentions(table.comments.at(1), escaped(odd) + "/data/d.csv"));
  EXPECT_EQ(table.header.substr(0, 5), "step,");
  EXPECT_EQ(resume(run).end.ending, Ending::finished);
}

/// Another run that comes to lie at its path is not its own.
TEST_F(RunIdentity, ARunWritesIntoItsOwnDirectoryWhereverThatIs) {
  const fs::path path = directory / "out";
  RunDirectory run = RunDirectory::create(path);
  run.write_experiment("seed = 1\n");
  run.start_metrics({}, {"x"});
  fs::rename(path, directory / "moved");
  RunDirectory other = RunDirectory::create(path);
  other.write_experiment("seed = 2\n");
  Dataset data;
  data.train_inputs = Inputs::Ones(2, 1);
  data.train_targets = Vector::Ones(2);
  data.test_inputs.resize(0, 1);
  Checkpoint checkpoint;
  checkpoint.matrices["particles"] = Particles<double>::Ones(2, 2);
  run.start_trajectory({{0}, {"r"}, 0.1}, data);
  run.append_trajectory({0, 0, Matrix::Ones(1, 1), {}});
  run.append_metrics(0, 0, 0, 0, std::vector{1.0});
  run.write_checkpoint(checkpoint);
  run.write_checkpoint(checkpoint);
  run.finish_trajectory();
  run.write_predictions({}, data, {});
  RunSummary summary;
  summary.end.ending = Ending::finished;
  run.write_summary(summary);
  EXPECT_EQ(std::distance(fs::directory_iterator(path), {}), 1);
  EXPECT_EQ(read_bytes(path / "experiment.toml"), "seed = 2\n");
  for (const char* file : {"experiment.toml", "metrics.csv", "trajectory.h5", "checkpoint.h5", "checkpoint.previous.h5",
                           "predictions.csv", "summary.json"}) {
    EXPECT_TRUE(fs::exists(directory / "moved" / file)) << file;
  }
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path); }), "exists and is not empty"));
}

TEST_F(RunIdentity, AnEmptyDirectoryThatAnotherProcessBeginsInIsTaken) {
  const RunDirectory run = RunDirectory::create(directory / "out");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(directory / "out"); }), "is taken"));
}

}  // namespace
}  // namespace mfld
