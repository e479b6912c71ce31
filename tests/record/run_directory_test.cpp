#include "mfld/record/run_directory.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "mfld/core/error.hpp"
#include "support/file_size_limit.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/sample_trajectory.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::append_sample_frame;
using test::holds_frames;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::read_frames;
using test::sample_data;
using test::sample_info;
using test::write_bytes;

/// A checkpoint all of whose numbers follow from `step`.
Checkpoint checkpoint_at(std::int64_t step) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.matrices["particles"] = Particles<double>::Constant(100, 3, static_cast<double>(step));
  return checkpoint;
}

std::int64_t step_of(const fs::path& path) {
  const Checkpoint checkpoint = load_checkpoint(path);
  EXPECT_EQ(checkpoint.matrices, checkpoint_at(checkpoint.step).matrices);
  return checkpoint.step;
}

class RunDirectoryTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  fs::path path = directory / "run";
};

TEST_F(RunDirectoryTest, IsMadeWithItsParents) {
  RunDirectory::create(directory / "a/b/c");
  EXPECT_TRUE(fs::is_directory(directory / "a/b/c"));
}

TEST_F(RunDirectoryTest, TakesAnEmptyDirectory) {
  fs::create_directory(path);
  EXPECT_EQ(RunDirectory::create(path).path(), path);
}

TEST_F(RunDirectoryTest, TakesWhatIsLeftOfARunThatWasKilledBeforeItBegan) {
  fs::create_directory(path);
  write_bytes(path / "experiment.new.toml", "half an exper");
  write_bytes(path / "checkpoint.new.h5", "half a checkpoint of the run it branches from");
  RunDirectory::create(path).write_experiment("whole");
  EXPECT_EQ(read_bytes(path / "experiment.toml"), "whole");
  EXPECT_FALSE(fs::exists(path / "experiment.new.toml"));
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path); }), "exists and is not empty"));
}

/// It counts no rows: any other checkpoint is one that somebody keeps there.
TEST_F(RunDirectoryTest, TakesWhatIsLeftOfABranchThatWasKilledBeforeItBegan) {
  Checkpoint checkpoint;
  checkpoint.matrices["particles"] = Particles<double>::Ones(2, 2);
  checkpoint.step = 7;
  checkpoint.metrics_rows = 3;
  RunDirectory::create(path).write_checkpoint(checkpoint);
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path); }), "exists and is not empty"));
  EXPECT_TRUE(fs::exists(path / "checkpoint.h5"));
  checkpoint.metrics_rows = 0;
  RunDirectory::reopen(path).write_checkpoint(checkpoint);
  fs::remove(path / "checkpoint.previous.h5");
  RunDirectory::create(path).write_checkpoint(checkpoint);
  EXPECT_FALSE(fs::exists(path / "checkpoint.previous.h5"));  // what was left is not this run's
  RunDirectory::reopen(path).write_experiment("whole");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path); }), "exists and is not empty"));
  EXPECT_TRUE(fs::exists(path / "checkpoint.h5"));
}

TEST_F(RunDirectoryTest, RefusesWhatWouldBeOverwritten) {
  fs::create_directory(path);
  write_bytes(path / "precious", "data");
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path); }), "exists and is not empty"));
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { RunDirectory::create(path / "precious"); }), "is a file"));
  EXPECT_EQ(read_bytes(path / "precious"), "data");
}

TEST_F(RunDirectoryTest, ReportsAPlaceThatCannotBe) {
  write_bytes(path, "a file");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { RunDirectory::create(path / "below"); }), "Not a directory"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { RunDirectory::create(path / "below/it"); }), "Not a directory"));
}

TEST_F(RunDirectoryTest, IsOpenOnceAtATime) {
  {
    RunDirectory run = RunDirectory::create(path);
    run.write_experiment("seed = 1\n");
    EXPECT_TRUE(
        mentions(message_of<FileError>([&] { RunDirectory::reopen(path); }), "another process is running there"));
  }
  EXPECT_EQ(RunDirectory::reopen(path).path(), path);
  EXPECT_EQ(read_bytes(path / "experiment.toml"), "seed = 1\n");
}

TEST_F(RunDirectoryTest, ContinuedMetricsAreThoseThatNeverStopped) {
  const std::vector<std::string> columns = {"x", "y"};
  const auto append = [](RunDirectory& run, std::int64_t k) {
    run.append_metrics(10 * k, 0, 0.1 * static_cast<double>(k), k, std::vector{1.0 / static_cast<double>(k + 1), 2.0});
  };
  RunDirectory run = RunDirectory::create(path);
  run.start_metrics({"comment"}, columns);
  for (const std::int64_t k : {0, 1, 2, 3, 4}) {
    append(run, k);
  }
  const std::string whole = read_bytes(path / "metrics.csv");
  for (std::int64_t rows = 0; rows <= 5; ++rows) {
    for (const char* tail : {"", "50,0,0.5", "50,0,0.5,5,1,2\n60"}) {  // rows after the checkpoint, the last cut short
      write_bytes(path / "metrics.csv", whole + tail);
      const LastRow last = run.continue_metrics(rows, columns);
      EXPECT_EQ(last.step, rows == 0 ? -1 : 10 * (rows - 1));
      EXPECT_EQ(last.values.size(), rows == 0 ? 0U : 2U);
      for (std::int64_t k = rows; k < 5; ++k) {
        append(run, k);
      }
      EXPECT_EQ(read_bytes(path / "metrics.csv"), whole) << rows << tail;
    }
  }
  const auto error = [&](std::int64_t rows, const std::vector<std::string>& names) {
    return message_of<FileError>([&] { run.continue_metrics(rows, names); });
  };
  EXPECT_TRUE(mentions(error(6, columns), "it has 5 complete rows of 6 columns and the checkpoint counts 6 of 6"));
  EXPECT_TRUE(mentions(error(2, {"x"}), "2 complete rows of 6 columns and the checkpoint counts 2 of 5"));
  EXPECT_EQ(read_bytes(path / "metrics.csv"), whole);
}

TEST_F(RunDirectoryTest, WritesMetricsAsCommentsNamesAndRows) {
  RunDirectory run = RunDirectory::create(path);
  run.start_metrics({"seed 1", "two\nlines"}, {"train_loss", "movement_mean"});
  run.append_metrics(0, 0, 0, 0, std::vector{0.1, -0.0});
  run.append_metrics(10, 1, 0.5, 1000, std::vector{-std::numeric_limits<double>::infinity(), std::nan("")});
  EXPECT_EQ(read_bytes(path / "metrics.csv"),
            "# seed 1\n# two\\x0alines\n"
            "step,phase,time,gradient_evaluations,train_loss,movement_mean\n"
            "0,0,0,0,0.1,-0\n"
            "10,1,0.5,1000,-inf,nan\n");
}

TEST_F(RunDirectoryTest, MetricsReadBackToTheSameDoubles) {
  const std::vector<double> values = test::awkward_doubles();
  RunDirectory run = RunDirectory::create(path);
  run.start_metrics({}, std::vector<std::string>(values.size(), "x"));
  run.append_metrics(0, 0, 1.0 / 3, 0, values);
  std::istringstream rows(read_bytes(path / "metrics.csv"));
  std::string field;
  std::getline(rows, field);
  std::getline(rows, field, ',');
  std::getline(rows, field, ',');
  std::getline(rows, field, ',');
  EXPECT_EQ(std::stod(field), 1.0 / 3);
  std::getline(rows, field, ',');
  for (const double value : values) {
    std::getline(rows, field, ',');
    const double read = std::strtod(field.c_str(), nullptr);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(read));
    } else {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(read), std::bit_cast<std::uint64_t>(value)) << field;
    }
  }
}

TEST_F(RunDirectoryTest, ARowIsThereWholeOrNotAtAll) {
  RunDirectory run = RunDirectory::create(path);
  run.start_metrics({}, {"x"});
  const std::size_t head = read_bytes(path / "metrics.csv").size();
  const test::FileSizeLimit limit(head + 30);
  std::string message;
  std::int64_t rows = 0;
  while (message.empty() && rows < 100) {
    message = message_of<FileError>([&] { run.append_metrics(rows++, 0, 0, 0, std::vector{1.25}); });
  }
  EXPECT_TRUE(mentions(message, "metrics.csv: File too large"));
  // "0,0,0,0,1.25\n" is 13 bytes: two rows fit into 30.
  EXPECT_EQ(read_bytes(path / "metrics.csv").substr(head), "0,0,0,0,1.25\n1,0,0,0,1.25\n");
}

TEST_F(RunDirectoryTest, ReportsAFullDiskForTextFiles) {
  RunDirectory run = RunDirectory::create(path);
  const test::FileSizeLimit limit(20);
  EXPECT_TRUE(mentions(message_of<FileError>([&] { run.start_metrics({}, {"x"}); }), "File too large"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { run.write_summary({}); }), "File too large"));
  EXPECT_FALSE(fs::exists(path / "summary.json"));
}

TEST_F(RunDirectoryTest, RunsWriteSideBySide) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      RunDirectory run = RunDirectory::create(directory / fmt::format("run{}", t));
      run.start_trajectory(sample_info(5 + t), sample_data());
      for (Index k = 0; k < 50; ++k) {
        append_sample_frame(run, k, 5 + t);
        run.write_checkpoint(checkpoint_at(k));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int t = 0; t < 4; ++t) {
    EXPECT_TRUE(holds_frames(read_frames(directory / fmt::format("run{}/trajectory.h5", t)), 50, 5 + t));
    EXPECT_EQ(step_of(directory / fmt::format("run{}/checkpoint.h5", t)), 49);
  }
}

TEST_F(RunDirectoryTest, KeepsTheLastTwoCheckpoints) {
  RunDirectory run = RunDirectory::create(path);
  run.write_checkpoint(checkpoint_at(1));
  EXPECT_EQ(step_of(path / "checkpoint.h5"), 1);
  EXPECT_FALSE(fs::exists(path / "checkpoint.previous.h5"));
  for (const std::int64_t step : {2, 3}) {
    run.write_checkpoint(checkpoint_at(step));
    EXPECT_EQ(step_of(path / "checkpoint.h5"), step);
    EXPECT_EQ(step_of(path / "checkpoint.previous.h5"), step - 1);
    EXPECT_FALSE(fs::exists(path / "checkpoint.new.h5"));
  }
}

TEST_F(RunDirectoryTest, AFailedCheckpointLeavesTheLastOne) {
  RunDirectory run = RunDirectory::create(path);
  run.write_checkpoint(checkpoint_at(1));
  {
    const test::FileSizeLimit limit(3000);
    EXPECT_TRUE(mentions(message_of<FileError>([&] { run.write_checkpoint(checkpoint_at(2)); }), "File too large"));
  }
  EXPECT_EQ(step_of(path / "checkpoint.h5"), 1);
  // The first rename cannot replace a directory.
  fs::create_directory(path / "checkpoint.previous.h5");
  EXPECT_TRUE(
      mentions(message_of<FileError>([&] { run.write_checkpoint(checkpoint_at(3)); }), "checkpoint.previous.h5"));
  EXPECT_EQ(step_of(path / "checkpoint.h5"), 1);
}

TEST_F(RunDirectoryTest, GoesOnFromBetweenTheRenames) {
  RunDirectory run = RunDirectory::create(path);
  run.write_checkpoint(checkpoint_at(1));
  run.write_checkpoint(checkpoint_at(2));
  // As a crash after the first rename leaves it: 2 is the previous one, 3 is complete but has not its name yet.
  save_checkpoint(checkpoint_at(3), path / "checkpoint.new.h5");
  fs::rename(path / "checkpoint.h5", path / "checkpoint.previous.h5");
  EXPECT_EQ(step_of(path / "checkpoint.previous.h5"), 2);
  run.write_checkpoint(checkpoint_at(4));
  EXPECT_EQ(step_of(path / "checkpoint.h5"), 4);
  EXPECT_EQ(step_of(path / "checkpoint.previous.h5"), 2);
}

/// Writes checkpoints without end, then tells by a byte in the pipe how far it came.
[[noreturn]] void write_until_killed(const fs::path& path, int pipe) {
  RunDirectory run = RunDirectory::create(path);
  for (std::int64_t step = 1;; ++step) {
    run.write_checkpoint(checkpoint_at(step));
    if (::write(pipe, &step, sizeof(step)) != sizeof(step)) {
      ::_exit(1);
    }
  }
}
TEST_F(RunDirectoryTest, AKilledProcessLeavesACompleteCheckpoint) {
  for (int trial = 0; trial < 20; ++trial) {
    const fs::path place = directory / fmt::format("run{}", trial);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(place, ends[1]);
    }
    ::close(ends[1]);
    std::int64_t confirmed = 0;
    ASSERT_EQ(::read(ends[0], &confirmed, sizeof(confirmed)), sizeof(confirmed));
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + 617 * trial));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (std::int64_t step = 0; ::read(ends[0], &step, sizeof(step)) == sizeof(step);) {
      confirmed = step;
    }
    ::close(ends[0]);
    const fs::path last =
        fs::exists(place / "checkpoint.h5") ? place / "checkpoint.h5" : place / "checkpoint.previous.h5";
    EXPECT_GE(step_of(last), confirmed);
  }
}

TEST_F(RunDirectoryTest, SummaryIsJson) {
  RunSummary summary;
  summary.end.ending = Ending::diverged;
  summary.message = "a \"quote\", a \\, a\nnew line, \x01, \xC3\xA9 and \xFF";
  summary.end.step = 12;
  summary.time = 0.1;
  summary.gradient_evaluations = 1200;
  summary.end.first_bad_particle = 3;
  summary.parent = Parent{"/a \"b\"", 7, 3, 0xAB};
  summary.sessions = 2;
  summary.wall_seconds = 1.5;
  summary.step_seconds = 0.25;
  summary.pass_seconds = 0.0625;
  summary.observe_seconds = 0.125;
  summary.write_seconds = 1e-7;
  summary.columns = {"train_loss", "test_loss"};
  summary.final_values = {std::nan(""), 1e300};
  RunDirectory::create(path).write_summary(summary);
  EXPECT_EQ(read_bytes(path / "summary.json"), R"({
  "ending": "diverged",
  "message": "a \"quote\", a \\, a\nnew line, \u0001, )"
                                               "\xC3\xA9 and \xEF\xBF\xBD"
                                               R"(",
  "step": 12,
  "time": 0.1,
  "gradient_evaluations": 1200,
  "first_bad_particle": 3,
  "parent": {
    "directory": "/a \"b\"",
    "step": 7,
    "seed": 3,
    "experiment": "00000000000000ab"
  },
  "sessions": 2,
  "wall_seconds": 1.5,
  "wall_seconds_by_part": {
    "step": 0.25,
    "outputs": 0.0625,
    "observe": 0.125,
    "write": 1e-07
  },
  "final": {
    "train_loss": null,
    "test_loss": 1e+300
  }
}
)");
  EXPECT_FALSE(fs::exists(path / "summary.new.json"));
}

TEST_F(RunDirectoryTest, SummaryWithoutColumnsIsJson) {
  RunDirectory::create(path).write_summary({});
  EXPECT_TRUE(mentions(read_bytes(path / "summary.json"), "\"first_bad_particle\": null,"));
  EXPECT_TRUE(mentions(read_bytes(path / "summary.json"), "\"final\": {}\n}\n"));
}

}  // namespace
}  // namespace mfld
