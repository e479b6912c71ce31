// trajectory.h5: written frame by frame, continued, damaged, on a full disk.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "mfld/core/error.hpp"
#include "support/file_size_limit.hpp"
#include "support/file_text.hpp"
#include "support/sample_trajectory.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::append_sample_frame;
using test::Frames;
using test::holds_frames;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::read_frames;
using test::sample_data;
using test::sample_frame;
using test::sample_info;
using test::write_bytes;

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

class TrajectoryFile : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  fs::path path = directory / "run";
};

TEST_F(TrajectoryFile, AContinuedTrajectoryKeepsItsFrames) {
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
    run.drain_trajectory();
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

TEST_F(TrajectoryFile, VelocitiesStandBesideThePositionsOfTheSameFrames) {
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
    run.drain_trajectory();
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

TEST_F(TrajectoryFile, TrajectoryHoldsFramesDataAndNames) {
  for (const Index num_particles : {1, 7, 30000}) {  // many frames a chunk; many; several chunks a frame
    const fs::path place = directory / fmt::format("run{}", num_particles);
    RunDirectory run = RunDirectory::create(place);
    run.start_trajectory(sample_info(num_particles), sample_data());
    EXPECT_TRUE(read_frames(place / "trajectory.h5").steps.empty());
    for (Index k = 0; k < 4; ++k) {
      append_sample_frame(run, k, num_particles);
      run.drain_trajectory();
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

TEST_F(TrajectoryFile, ManyFramesOfFewNumbersTakeLittleSpace) {
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

TEST_F(TrajectoryFile, ATrajectoryThatIsCutAndStopsEarlierHoldsNothingOfWhatWasBehind) {
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
      run.drain_trajectory();
      EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), kept + 1, num_particles));
      run.finish_trajectory();
      EXPECT_EQ(read_bytes(place / "trajectory.h5"),
                unbroken_trajectory(directory / "unbroken", kept + 1, num_particles));
    }
  }
}

TEST_F(TrajectoryFile, AFrameOfFewNumbersCostsFewCallsAndLittleBesidesItsNumbers) {
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

TEST_F(TrajectoryFile, NamesOfManyParametersAndLongDescriptionsAreKept) {
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

TEST_F(TrajectoryFile, LargeDataAreNotWrittenOnceSomebodyAskedToStop) {
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
TEST_F(TrajectoryFile, ADamagedTrajectoryIsNotContinued) {
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

TEST_F(TrajectoryFile, ATrajectoryIsANewFileWhateverLayThere) {
  RunDirectory run = RunDirectory::create(path);
  write_bytes(directory / "precious", "data");
  fs::create_symlink(directory / "precious", path / "trajectory.new.h5");
  run.start_trajectory(sample_info(3), sample_data());
  EXPECT_EQ(read_bytes(directory / "precious"), "data");
  EXPECT_FALSE(fs::is_symlink(path / "trajectory.h5"));
}

TEST_F(TrajectoryFile, AFullDiskKeepsTheEarlierFrames) {
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

TEST_F(TrajectoryFile, ReportsAFullDiskAtTheStartOfATrajectory) {
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

}  // namespace
}  // namespace mfld
