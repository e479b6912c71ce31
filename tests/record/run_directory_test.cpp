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
#include "mfld/hdf5/hdf5_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/file_text.hpp"
#include "support/sample_checkpoint.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::write_bytes;

Dataset sample_data() {
  Dataset data;
  data.train_inputs = (Inputs(3, 2) << 1, 2, 3, 4, 5, 6).finished();
  data.train_targets = Vector::LinSpaced(3, -1, 1);
  data.test_inputs.resize(0, 2);
  data.description = "a small table";
  data.teacher = Teacher{(Matrix(2, 2) << 1, 2, 3, 4).finished(), Vector::Ones(2)};
  return data;
}

TrajectoryInfo sample_info(Index num_particles) {
  TrajectoryInfo info;
  for (Index j = 0; j < num_particles; ++j) {
    info.particles.push_back(2 * j);
  }
  info.parameter_names = {"r", "w_1", "w_2"};
  info.step_size = 0.125;
  return info;
}

/// Frame k of a trajectory: a different number at each place.
Matrix sample_frame(Index frame, Index num_particles) {
  return Matrix::NullaryExpr(num_particles, 3, [=](Index particle, Index parameter) {
    return static_cast<double>(frame) + 1e-3 * static_cast<double>(particle) + 1e-9 * static_cast<double>(parameter);
  });
}

struct Frames {
  std::vector<std::int64_t> steps;
  std::vector<double> times;
  std::vector<double> positions;
};

Frames read_frames(const fs::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  Frames frames;
  frames.steps.resize(static_cast<std::size_t>(file.shape("/particles/neurons/position/step").at(0)));
  frames.times.resize(static_cast<std::size_t>(file.shape("/particles/neurons/position/time").at(0)));
  const Hdf5File::Shape shape = file.shape("/particles/neurons/position/value");
  frames.positions.resize(static_cast<std::size_t>(shape.at(0) * shape.at(1) * shape.at(2)));
  file.read<std::int64_t>("/particles/neurons/position/step", frames.steps);
  file.read<double>("/particles/neurons/position/time", frames.times);
  file.read<double>("/particles/neurons/position/value", frames.positions);
  return frames;
}

/// Whether the first `count` frames are those of sample_frame.
::testing::AssertionResult holds_frames(const Frames& frames, Index count, Index num_particles) {
  if (std::cmp_less(frames.steps.size(), count) || std::cmp_less(frames.times.size(), count) ||
      std::cmp_less(frames.positions.size(), count * num_particles * 3)) {
    return ::testing::AssertionFailure() << "only " << frames.times.size() << " frames of " << count;
  }
  for (Index k = 0; k < count; ++k) {
    const Eigen::Map<const Inputs> found(frames.positions.data() + k * num_particles * 3, num_particles, 3);
    const auto i = static_cast<std::size_t>(k);
    if (frames.steps[i] != 10 * k || frames.times[i] != 0.5 * static_cast<double>(k) ||
        found != sample_frame(k, num_particles)) {
      return ::testing::AssertionFailure() << "frame " << k << " differs";
    }
  }
  return ::testing::AssertionSuccess();
}

void append_sample_frame(RunDirectory& run, Index frame, Index num_particles) {
  run.append_trajectory({10 * frame, 0.5 * static_cast<double>(frame), sample_frame(frame, num_particles), {}});
}

/// The bytes of a trajectory that never stopped.
std::string unbroken_trajectory(const fs::path& place, Index num_frames, Index num_particles) {
  fs::remove_all(place);
  RunDirectory run = RunDirectory::create(place);
  run.start_trajectory(sample_info(num_particles), sample_data());
  for (Index k = 0; k < num_frames; ++k) {
    append_sample_frame(run, k, num_particles);
  }
  run.finish_trajectory();
  return read_bytes(place / "trajectory.h5");
}

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

TEST_F(RunDirectoryTest, AContinuedTrajectoryKeepsItsFrames) {
  for (const Index num_particles : {1, 3000}) {
    const fs::path place = directory / fmt::format("run{}", num_particles);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(sample_info(num_particles), sample_data());
    for (Index k = 0; k < 6; ++k) {
      append_sample_frame(run, k, num_particles);
    }
    EXPECT_EQ(run.continue_trajectory(4, sample_info(num_particles)), 30);
    EXPECT_EQ(read_frames(place / "trajectory.h5").steps.size(), 4U);
    for (Index k = 4; k < 9; ++k) {
      append_sample_frame(run, k, num_particles);
    }
    EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), 9, num_particles));
    run.finish_trajectory();
    EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), 9, num_particles));
    EXPECT_EQ(read_bytes(place / "trajectory.h5"), unbroken_trajectory(directory / "unbroken", 9, num_particles));
    const Hdf5File file = Hdf5File::open(place / "trajectory.h5");
    EXPECT_EQ(file.shape("/particles/neurons/position/value"), (Hdf5File::Shape{9, num_particles, 3}));
    EXPECT_EQ(file.shape("/particles/neurons/position/step"), Hdf5File::Shape{9});
    EXPECT_EQ(file.shape("/parameters/names"), Hdf5File::Shape{3});
    EXPECT_TRUE(file.has_data_set("/data/train_inputs"));
    EXPECT_TRUE(mentions(message_of<FileError>([&] { run.continue_trajectory(10, sample_info(num_particles)); }),
                         "it has 9 frames and the checkpoint counts 10"));
    EXPECT_TRUE(mentions(
        message_of<FileError>([&] { run.continue_trajectory(3, sample_info(num_particles + 1)); }),
        fmt::format("its frames hold {} x 3 numbers and the experiment's {} x 3", num_particles, num_particles + 1)));
    EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), 9, num_particles));
  }
}

TEST_F(RunDirectoryTest, VelocitiesStandBesideThePositionsOfTheSameFrames) {
  for (const Index num_particles : {1, 20, 3000, 50000}) {
    const fs::path place = directory / fmt::format("run{}", num_particles);
    TrajectoryInfo info = sample_info(num_particles);
    info.velocities = true;
    const auto append = [num_particles](RunDirectory& run, Index k) {
      const Matrix positions = sample_frame(k, num_particles);
      run.append_trajectory({10 * k, 0.5 * static_cast<double>(k), positions, -2 * positions});
    };
    const auto expect_frames = [&](Index count) {
      EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), count, num_particles));
      const Hdf5File file = Hdf5File::open(place / "trajectory.h5");
      const Hdf5File::Shape shape = {count, num_particles, 3};
      ASSERT_EQ(file.shape("/particles/neurons/velocity/value"), shape);
      std::vector<double> positions(static_cast<std::size_t>(count * num_particles * 3));
      std::vector<double> velocities(positions.size());
      file.read<double>("/particles/neurons/position/value", positions);
      file.read<double>("/particles/neurons/velocity/value", velocities);
      EXPECT_TRUE(std::equal(positions.begin(), positions.end(), velocities.begin(),
                             [](double position, double velocity) { return velocity == -2 * position; }));
      std::vector<std::int64_t> steps(static_cast<std::size_t>(count));
      file.read<std::int64_t>("/particles/neurons/velocity/step", steps);
      EXPECT_EQ(steps, read_frames(place / "trajectory.h5").steps);
      EXPECT_EQ(file.shape("/particles/neurons/velocity/time"), Hdf5File::Shape{count});
    };
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(info, sample_data());
    for (Index k = 0; k < 9; ++k) {
      append(run, k);
    }
    expect_frames(9);
    run.finish_trajectory();
    const std::string unbroken = read_bytes(place / "trajectory.h5");
    EXPECT_EQ(run.continue_trajectory(4, info), 30);
    expect_frames(4);
    for (Index k = 4; k < 9; ++k) {
      append(run, k);
    }
    run.finish_trajectory();
    EXPECT_TRUE(read_bytes(place / "trajectory.h5") == unbroken);
    EXPECT_TRUE(mentions(message_of<FileError>([&] { run.continue_trajectory(4, sample_info(num_particles)); }),
                         "not written by this version"));
  }
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

TEST_F(RunDirectoryTest, TrajectoryHoldsFramesDataAndNames) {
  for (const Index num_particles : {1, 7, 30000}) {  // many frames a chunk; many; several chunks a frame
    const fs::path place = directory / fmt::format("run{}", num_particles);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(sample_info(num_particles), sample_data());
    EXPECT_TRUE(read_frames(place / "trajectory.h5").steps.empty());
    for (Index k = 0; k < 4; ++k) {
      append_sample_frame(run, k, num_particles);
      const Frames frames = read_frames(place / "trajectory.h5");  // while it is being written
      EXPECT_EQ(frames.steps.size(), static_cast<std::size_t>(k + 1));
      EXPECT_TRUE(holds_frames(frames, k + 1, num_particles));
    }
    const Hdf5File file = Hdf5File::open(place / "trajectory.h5");
    std::vector<std::int64_t> ids(static_cast<std::size_t>(num_particles));
    file.read<std::int64_t>("/particles/neurons/id", ids);
    EXPECT_EQ(ids.back(), 2 * (num_particles - 1));
    EXPECT_EQ(file.read_attribute<std::int64_t>("/particles/neurons/box", "dimension"), 3);
    EXPECT_EQ(file.read_attribute<double>("/parameters", "step_size"), 0.125);
    EXPECT_EQ(file.shape("/parameters/names"), Hdf5File::Shape{3});
    std::vector<double> inputs(6);
    file.read<double>("/data/train_inputs", inputs);
    EXPECT_EQ(inputs, (std::vector<double>{1, 2, 3, 4, 5, 6}));
    std::vector<double> directions(4);
    file.read<double>("/data/teacher_directions", directions);
    EXPECT_EQ(directions, (std::vector<double>{1, 2, 3, 4}));
    EXPECT_EQ(file.shape("/data/test_inputs"), (Hdf5File::Shape{0, 2}));
    EXPECT_FALSE(file.has_data_set("/data/relevant_subspace"));
  }
}

TEST_F(RunDirectoryTest, ManyFramesOfFewNumbersTakeLittleSpace) {
  RunDirectory run = RunDirectory::create(path);
  run.start_trajectory(sample_info(2), sample_data());
  for (Index k = 0; k < 1000; ++k) {
    append_sample_frame(run, k, 2);
  }
  EXPECT_TRUE(holds_frames(read_frames(path / "trajectory.h5"), 1000, 2));
  run.finish_trajectory();
  // 1000 frames of 8 numbers are 64 kB.
  EXPECT_LT(fs::file_size(path / "trajectory.h5"), 140'000U);
}

TEST_F(RunDirectoryTest, ATrajectoryThatIsCutAndStopsEarlierHoldsNothingOfWhatWasBehind) {
  for (const Index num_particles : {2, 50000}) {  // several frames a chunk; several chunks a frame
    const fs::path place = directory / fmt::format("run{}", num_particles);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(sample_info(num_particles), sample_data());
    for (Index k = 0; k < 70; ++k) {
      append_sample_frame(run, k, num_particles);
    }
    for (const Index kept : {40, 3}) {
      run.continue_trajectory(kept, sample_info(num_particles));
      append_sample_frame(run, kept, num_particles);
      EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), kept + 1, num_particles));
      run.finish_trajectory();
      EXPECT_EQ(read_bytes(place / "trajectory.h5"),
                unbroken_trajectory(directory / "unbroken", kept + 1, num_particles));
    }
  }
}

TEST_F(RunDirectoryTest, AFrameOfFewNumbersCostsFewCallsAndLittleBesidesItsNumbers) {
  struct Written {
    std::int64_t bytes;
    std::int64_t calls;
  };
  const auto written_so_far = [] {
    std::istringstream counts(read_bytes("/proc/self/io"));
    Written result{};
    std::string name;
    for (std::int64_t value = 0; counts >> name >> value;) {
      (name == "wchar:" ? result.bytes : name == "syscw:" ? result.calls : value) = value;
    }
    return result;
  };
  RunDirectory run = RunDirectory::create(path);
  run.start_trajectory(sample_info(20), sample_data());
  append_sample_frame(run, 0, 20);
  const Written before = written_so_far();
  constexpr Index num_frames = 10000;
  for (Index k = 1; k <= num_frames; ++k) {
    append_sample_frame(run, k, 20);
  }
  const Written after = written_so_far();
  EXPECT_LE(after.calls - before.calls, 4.2 * num_frames);
  EXPECT_LE(after.bytes - before.bytes, (20 * 3 * 8 + 16 + 1024) * num_frames);
  EXPECT_TRUE(holds_frames(read_frames(path / "trajectory.h5"), num_frames + 1, 20));
}

TEST_F(RunDirectoryTest, NamesOfManyParametersAndLongDescriptionsAreKept) {
  for (const Index num_parameters : {16383, 16384, 100000}) {
    TrajectoryInfo info = sample_info(1);
    info.parameter_names.assign(static_cast<std::size_t>(num_parameters), "w_100000");
    Dataset data = sample_data();
    data.description = std::string(100000, 'd');
    const fs::path place = directory / fmt::format("run{}", num_parameters);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(info, data);
    run.append_trajectory({0, 0, Matrix::Constant(1, num_parameters, 2), {}});
    run.finish_trajectory();
    const Hdf5File file = Hdf5File::open(place / "trajectory.h5");
    EXPECT_EQ(file.read_attribute<std::int64_t>("/particles/neurons/box", "dimension"), num_parameters);
    EXPECT_EQ(file.shape("/parameters/names"), Hdf5File::Shape{num_parameters});
    EXPECT_EQ(file.shape("/particles/neurons/position/value"), (Hdf5File::Shape{1, 1, num_parameters}));
  }
}

TEST_F(RunDirectoryTest, LargeDataAreNotWrittenOnceSomebodyAskedToStop) {
  Dataset data = sample_data();
  data.train_inputs = Inputs::Constant(1 << 19, 3, 1);
  const std::atomic<bool> stop = true;
  RunDirectory run = RunDirectory::create(path);
  EXPECT_THROW(run.start_trajectory(sample_info(3), data, &stop), Interrupted);
  EXPECT_FALSE(fs::exists(path / "trajectory.h5"));
  run.start_trajectory(sample_info(3), data);
  append_sample_frame(run, 0, 3);
  const std::string before = read_bytes(path / "trajectory.h5");
  EXPECT_THROW(run.continue_trajectory(1, sample_info(3), 0, &stop), Interrupted);
  EXPECT_EQ(read_bytes(path / "trajectory.h5"), before);
}

/// Every byte before the frames, and of the index that leads to them, is looked at before anything is written.
TEST_F(RunDirectoryTest, ADamagedTrajectoryIsNotContinued) {
  RunDirectory run = RunDirectory::create(path);
  run.start_trajectory(sample_info(3), sample_data());
  const fs::path file = path / "trajectory.h5";
  for (Index k = 0; k < 3; ++k) {
    append_sample_frame(run, k, 3);
  }
  run.finish_trajectory();
  const std::string whole = read_bytes(file);
  const std::size_t start = whole.find("mfld: ");  // of the seal, with which the part that never changes ends
  ASSERT_NE(start, std::string::npos);
  for (std::size_t place = 0; place < start + 64; place += place < 2048 ? 1 : 61) {
    if (place >= 40 && place < 48) {
      continue;  // where the file ends may be anywhere behind the frames
    }
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x41);
    write_bytes(file, damaged);
    const std::string message = message_of<FileError>([&] { run.continue_trajectory(2, sample_info(3)); });
    EXPECT_TRUE(mentions(message, "cannot continue")) << place;
    EXPECT_EQ(read_bytes(file), damaged) << place;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{5000}, start + 64, start + 3000}) {
    write_bytes(file, whole.substr(0, size));
    EXPECT_TRUE(mentions(message_of<FileError>([&] { run.continue_trajectory(2, sample_info(3)); }), "damaged"));
  }
  write_bytes(file, whole);
  EXPECT_EQ(run.continue_trajectory(2, sample_info(3)), 10);
}

TEST_F(RunDirectoryTest, ATrajectoryIsANewFileWhateverLayThere) {
  RunDirectory run = RunDirectory::create(path);
  write_bytes(directory / "precious", "data");
  fs::create_symlink(directory / "precious", path / "trajectory.new.h5");
  run.start_trajectory(sample_info(3), sample_data());
  EXPECT_EQ(read_bytes(directory / "precious"), "data");
  EXPECT_FALSE(fs::is_symlink(path / "trajectory.h5"));
}

TEST_F(RunDirectoryTest, AFullDiskKeepsTheEarlierFrames) {
  constexpr Index num_particles = 400;
  for (int i = 0; i < 40; ++i) {
    const fs::path place = directory / fmt::format("run{}", i);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(sample_info(num_particles), sample_data());
    const test::FileSizeLimit limit(8000 + static_cast<rlim_t>(i) * 4001);
    std::string message;
    Index written = 0;
    while (message.empty() && written < 100) {
      message = message_of<FileError>([&] { append_sample_frame(run, written, num_particles); });
      written += message.empty() ? 1 : 0;
    }
    EXPECT_TRUE(mentions(message, "trajectory.h5"));
    EXPECT_TRUE(mentions(message, "File too large"));
    EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), written, num_particles)) << "limit " << i;
  }
}

TEST_F(RunDirectoryTest, ReportsAFullDiskAtTheStartOfATrajectory) {
  RunDirectory run = RunDirectory::create(path);
  for (const rlim_t size : {0, 100, 1000, 3000}) {
    const test::FileSizeLimit limit(size);
    const std::string message = message_of<FileError>([&] { run.start_trajectory(sample_info(3), sample_data()); });
    EXPECT_TRUE(mentions(message, "trajectory.new.h5")) << size;
    EXPECT_TRUE(mentions(message, "File too large")) << size;
  }
  run.start_trajectory(sample_info(3), sample_data());
  append_sample_frame(run, 0, 3);
  EXPECT_TRUE(holds_frames(read_frames(path / "trajectory.h5"), 1, 3));
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
