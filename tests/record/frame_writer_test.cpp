// Frames that are written while the steps go on: in order, within a bound, before what counts them, with errors.
#include "record/frame_writer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <new>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/startable_threads.hpp"
#include "record/trajectory_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/file_text.hpp"
#include "support/sample_trajectory.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using record::FrameWriter;
using test::append_sample_frame;
using test::holds_frames;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::read_frames;
using test::sample_data;
using test::sample_frame;
using test::sample_info;

constexpr std::size_t own_bytes = 16;  // of step and time
constexpr Index least_numbers = (FrameWriter::least_bytes - own_bytes) / 8;
constexpr Index large_particles = least_numbers / 3 + 1;  // of sample_frame

TrajectoryFrame frame_of(std::int64_t step, Index numbers) { return {step, 0, Matrix::Zero(numbers, 1), {}}; }

/// A place where writes wait until they are let through.
class Gate {
 public:
  void open() {
    is_open_ = true;
    is_open_.notify_all();
  }
  void pass() {
    ++num_arrived_;
    num_arrived_.notify_all();
    is_open_.wait(false);
  }
  void await(int count) {
    for (int seen = num_arrived_; seen < count; seen = num_arrived_) {
      num_arrived_.wait(seen);
    }
  }

 private:
  std::atomic<bool> is_open_ = false;
  std::atomic<int> num_arrived_ = 0;
};

/// The first size that is handed over; what it says of both sides of it can only be wrong where the two are alike.
TEST(FrameWriter, LargeFramesAreWrittenElsewhereAndSmallOnesHere) {
  for (const Index numbers : {Index{1}, least_numbers - 1, least_numbers, 10 * least_numbers}) {
    std::vector<std::thread::id> writers;
    std::vector<std::int64_t> steps;
    {
      FrameWriter writer([&](const TrajectoryFrame& frame) {
        writers.push_back(std::this_thread::get_id());
        steps.push_back(frame.step);
      });
      for (std::int64_t step = 0; step < 100; ++step) {
        writer.append(frame_of(step, numbers));
      }
    }
    std::vector<std::int64_t> in_order(100);
    std::iota(in_order.begin(), in_order.end(), 0);
    EXPECT_EQ(steps, in_order) << numbers;
    const bool here = writers.front() == std::this_thread::get_id();
    EXPECT_EQ(here, numbers < least_numbers) << numbers;
    EXPECT_EQ(std::count(writers.begin(), writers.end(), writers.front()), 100) << numbers;
  }
}

/// While a write goes on, as many frames fit in as the bound says and at least that one; the next waits for room.
TEST(FrameWriter, WhatWaitsIsBounded) {
  constexpr auto all = static_cast<Index>(FrameWriter::most_bytes / 8);
  for (const auto& [numbers, fitting] : {std::pair<Index, int>{all / 4 - 2, 4}, {all / 4, 3}, {3 * all, 1}}) {
    Gate gate;
    FrameWriter writer([&](const TrajectoryFrame&) { gate.pass(); });
    std::atomic<int> appended = 0;
    std::thread loop([&, count = numbers, end = fitting + 1] {
      while (appended < end) {
        writer.append(frame_of(appended, count));
        ++appended;
        appended.notify_all();
      }
    });
    for (int seen = appended; seen < fitting; seen = appended) {
      appended.wait(seen);
    }
    gate.await(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // in which nothing can happen
    EXPECT_EQ(appended, fitting) << numbers;
    gate.open();
    loop.join();
    EXPECT_EQ(appended, fitting + 1) << numbers;
  }
}

TEST(FrameWriter, DrainsAndEndsOnceAllIsWritten) {
  std::atomic<int> written = 0;
  {
    FrameWriter writer([&](const TrajectoryFrame&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++written;
    });
    writer.drain();  // of nothing
    for (int i = 0; i < 5; ++i) {
      writer.append(frame_of(i, least_numbers));
    }
    writer.drain();
    EXPECT_EQ(written, 5);
    writer.append(frame_of(5, least_numbers));
    writer.append(frame_of(6, least_numbers));
  }
  EXPECT_EQ(written, 7);
}

/// Whatever is thrown there is thrown here, again and again, and nothing is written behind it.
TEST(FrameWriter, FailuresAreHandedOver) {
  const std::array<std::function<void()>, 2> failures = {[] { throw FileError("cannot write a: no"); },
                                                         [] { throw std::bad_alloc(); }};
  for (const auto& fail : failures) {
    std::vector<std::int64_t> steps;
    Gate gate;
    FrameWriter writer([&](const TrajectoryFrame& frame) {
      steps.push_back(frame.step);
      if (frame.step == 2) {
        gate.pass();
        fail();
      }
    });
    for (int i = 0; i < 5; ++i) {
      writer.append(frame_of(i, least_numbers));
    }
    gate.open();
    std::string expected;
    try {
      fail();
    } catch (const std::exception& error) {
      expected = error.what();
    }
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(message_of<std::exception>([&] { writer.drain(); }), expected);
      EXPECT_EQ(message_of<std::exception>([&] { writer.append(frame_of(9, least_numbers)); }), expected);
    }
    EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 1, 2}));
  }
}

/// As when the loop that appends is left by an exception of its own.
TEST(FrameWriter, EndsWithItsCallersException) {
  std::atomic<int> written = 0;
  const auto loop = [&] {
    FrameWriter writer([&](const TrajectoryFrame&) { ++written; });
    writer.append(frame_of(0, least_numbers));
    throw std::runtime_error("elsewhere");
  };
  EXPECT_EQ(message_of<std::runtime_error>(loop), "elsewhere");
  EXPECT_EQ(written, 1);
}

constexpr int most_wanted(Index slots) { return 2 * static_cast<int>(slots) + 1; }

/// Of this process, from here on: so much more memory than it has now.
void limit_memory(rlim_t more_bytes) {
  std::istringstream sizes(read_bytes("/proc/self/statm"));
  rlim_t pages = 0;
  sizes >> pages;
  const rlim_t bytes = pages * static_cast<rlim_t>(::getpagesize()) + more_bytes;
  const rlimit room = {bytes, bytes};
  ::setrlimit(RLIMIT_AS, &room);
}

bool has_enough_threads(rlim_t more_bytes) {
  limit_memory(more_bytes);
  return startable_threads(most_wanted(num_slots())) == most_wanted(num_slots());
}

/// Whether a large frame is written, by another thread or by this one (2).
int writer_of_large_frame(rlim_t more_bytes) {
  int written = 0;
  FrameWriter frames([&written, caller = std::this_thread::get_id()](const TrajectoryFrame& /*frame*/) {
    written = std::this_thread::get_id() == caller ? 2 : 1;
  });
  TrajectoryFrame frame = frame_of(0, least_numbers);
  limit_memory(more_bytes);
  frames.append(std::move(frame));
  frames.drain();
  return written;
}

/// A writer has a thread only where there are enough for all that the steps and other runs may start. Every frame is
/// written in any case.
TEST(FrameWriter, TakesNoThreadThatOthersMayNeed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need more room than any limit leaves";
#endif
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";  // processes in which no other test has started any thread
  constexpr int code_of_0 = 10;                            // a test that fails in such a process ends it with 1
  int value = 0;
  const auto take = [&value](int status) {
    value = WIFEXITED(status) ? WEXITSTATUS(status) - code_of_0 : -1;
    return value >= 0;
  };
  std::array<int, 2> num_alone{};  // without enough threads, and with
  std::array<int, 2> num_written{};
  constexpr int num_limits = 20;  // up to twice what the stacks of all that are wanted take
  for (int i = 0; i < num_limits; ++i) {
    const rlim_t room = static_cast<rlim_t>(i * most_wanted(num_slots())) * (rlim_t{4} << 20U) / (num_limits / 2);
    EXPECT_EXIT(::_exit(code_of_0 + (has_enough_threads(room) ? 1 : 0)), take, "");
    const std::size_t enough = value == 1 ? 1 : 0;
    EXPECT_EXIT(::_exit(code_of_0 + writer_of_large_frame(room)), take, "");
    num_written.at(enough) += value > 0 ? 1 : 0;
    num_alone.at(enough) += value == 2 ? 1 : 0;
  }
  EXPECT_EQ(num_written[0] + num_written[1], num_limits);
  EXPECT_GT(num_written[0], 0);
  EXPECT_EQ(num_alone[0], num_written[0]);
  EXPECT_LT(num_alone[1], num_written[1]);
}

class LargeFrames : public ::testing::Test {
 protected:
  /// Written by the file alone, without any thread.
  std::string written_here(const TrajectoryInfo& info, Index num_frames) {
    const fs::path place = directory / "here.h5";
    record::TrajectoryFile file(place, info, sample_data(), nullptr);
    for (Index k = 0; k < num_frames; ++k) {
      file.append(sample(k, info));
    }
    file.finish();
    return read_bytes(place);
  }
  static TrajectoryFrame sample(Index k, const TrajectoryInfo& info) {
    const Matrix positions = sample_frame(k, std::ssize(info.particles));
    return {10 * k, 0.5 * static_cast<double>(k), positions, info.velocities ? Matrix(-2 * positions) : Matrix()};
  }

  test::TemporaryDirectory directory;
  fs::path path = directory / "run";
};

TEST_F(LargeFrames, LeaveTheBytesOfThoseThatAreWrittenAtOnce) {
  for (const Index num_particles : {large_particles - 1, large_particles, Index{50000}}) {
    for (const bool velocities : {false, true}) {
      fs::remove_all(path);
      TrajectoryInfo info = sample_info(num_particles);
      info.velocities = velocities;
      RunDirectory run = RunDirectory::create(path);
      run.start_trajectory(info, sample_data());
      constexpr Index num_frames = 6;
      for (Index k = 0; k < num_frames; ++k) {
        run.append_trajectory(sample(k, info));
      }
      run.finish_trajectory();
      const std::string found = read_bytes(path / "trajectory.h5");
      EXPECT_TRUE(found == written_here(info, num_frames)) << num_particles;
      EXPECT_FALSE(found == written_here(info, num_frames - 1)) << num_particles;
    }
  }
}

/// A process that is killed as soon as it has written a checkpoint has left the frames that this counts.
TEST_F(LargeFrames, AreInTheFileBeforeACheckpointIs) {
  constexpr Index num_particles = 40000;  // 960 kB
  constexpr Index num_frames = 8;
  RunDirectory run = RunDirectory::create(path);
  EXPECT_EXIT(
      {
        run.start_trajectory(sample_info(num_particles), sample_data());
        for (Index k = 0; k < num_frames; ++k) {
          append_sample_frame(run, k, num_particles);
        }
        LentCheckpoint checkpoint;
        checkpoint.trajectory_frames = num_frames;
        run.write_checkpoint(checkpoint);
        std::raise(SIGKILL);
      },
      ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(load_checkpoint(path / "checkpoint.h5").trajectory_frames, num_frames);
  EXPECT_TRUE(holds_frames(read_frames(path / "trajectory.h5"), num_frames, num_particles));
}

/// At whatever frame the disk is full, the sentence is that of the file; no checkpoint, no summary and no end comes
/// after it, and the frames before it are whole.
TEST_F(LargeFrames, OfAFullDiskAreReportedBeforeACheckpoint) {
  const std::array<std::function<void(RunDirectory&)>, 4> ends = {
      [](RunDirectory& run) { run.write_checkpoint({}); }, [](RunDirectory& run) { run.write_summary({}); },
      [](RunDirectory& run) { run.finish_trajectory(); }, [](RunDirectory& run) { run.drain_trajectory(); }};
  for (std::size_t end = 0; end < ends.size(); ++end) {
    for (int i = 0; i < 5; ++i) {
      const fs::path place = directory / fmt::format("run{}_{}", end, i);
      RunDirectory run = RunDirectory::create(place);
      run.start_trajectory(sample_info(large_particles), sample_data());
      std::string message;
      Index appended = 0;
      {
        const test::FileSizeLimit limit(8000 + static_cast<rlim_t>(i) * 70001);
        message = message_of<FileError>([&] {
          for (; appended < 10; ++appended) {
            append_sample_frame(run, appended, large_particles);
          }
          ends[end](run);
        });
      }
      EXPECT_TRUE(mentions(message, "trajectory.h5: File too large")) << message;
      EXPECT_FALSE(fs::exists(place / "checkpoint.h5"));
      EXPECT_FALSE(fs::exists(place / "checkpoint.new.h5"));
      EXPECT_FALSE(fs::exists(place / "summary.json"));
      const auto whole = std::ssize(read_frames(place / "trajectory.h5").steps);
      EXPECT_LT(whole, 10);
      EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), whole, large_particles));
      // With room again nothing of this goes on: a resumed run opens the file anew.
      EXPECT_EQ(message_of<FileError>([&] { run.write_checkpoint({}); }), message);
      if (whole > 0) {
        EXPECT_EQ(run.continue_trajectory(whole, sample_info(large_particles)), 10 * (whole - 1));
        append_sample_frame(run, whole, large_particles);
        run.write_checkpoint({});
        EXPECT_TRUE(holds_frames(read_frames(place / "trajectory.h5"), whole + 1, large_particles));
      }
    }
  }
}

/// Checkpoints go through a library that no two threads may be in, and frames do not.
TEST_F(LargeFrames, OfRunsSideBySideAreWrittenBesideTheirCheckpoints) {
  constexpr Index num_frames = 30;
  std::vector<std::thread> loops;
  for (int t = 0; t < 3; ++t) {
    loops.emplace_back([this, t] {
      RunDirectory run = RunDirectory::create(directory / fmt::format("run{}", t));
      run.start_trajectory(sample_info(large_particles + t), sample_data());
      for (Index k = 0; k < num_frames; ++k) {
        append_sample_frame(run, k, large_particles + t);
        if (k % 7 == t) {
          run.write_checkpoint({});
          EXPECT_TRUE(
              holds_frames(read_frames(directory / fmt::format("run{}/trajectory.h5", t)), k + 1, large_particles + t));
        }
      }
      run.finish_trajectory();
    });
  }
  for (std::thread& loop : loops) {
    loop.join();
  }
  for (int t = 0; t < 3; ++t) {
    EXPECT_TRUE(read_bytes(directory / fmt::format("run{}/trajectory.h5", t)) ==
                written_here(sample_info(large_particles + t), num_frames));
  }
}

}  // namespace
}  // namespace mfld
