#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "mfld/record/run_record.hpp"

namespace mfld::record {

/// Writes the frames of a trajectory in their order while the steps go on: in a thread of its own, which makes nothing
/// but these writes and is none of those that share the tasks of steps (parallel.hpp). It is started with the first
/// frame that is large. Small frames, for which handing over costs more than writing, are written before append()
/// returns; so are all where the system has no thread to spare.
///
/// What a write throws, the next append() or drain() throws, and so does every later one; nothing is written after it.
/// For one caller.
class FrameWriter {
 public:
  /// Frames of fewer bytes are small.
  static constexpr std::size_t least_bytes = std::size_t{1} << 17U;
  /// The frames that wait, with the one that is being written, have so many bytes together at most; a larger one waits
  /// alone.
  static constexpr std::size_t most_bytes = std::size_t{1} << 23U;

  using Write = std::function<void(const TrajectoryFrame&)>;
  explicit FrameWriter(Write write) : write_(std::move(write)) {}
  /// Returns once all is written; what fails then is not said.
  ~FrameWriter();
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  /// Waits while too much waits.
  void append(TrajectoryFrame frame);
  /// Returns once all that was appended is written.
  void drain();

 private:
  bool start();
  void work();
  void throw_failure() const;

  Write write_;
  std::mutex mutex_;  // of all that follows but the thread
  std::condition_variable changed_;
  std::deque<TrajectoryFrame> waiting_;
  std::size_t unwritten_ = 0;  // bytes of those, and of the one that is being written
  std::exception_ptr failure_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace mfld::record
