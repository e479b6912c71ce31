#include "record/frame_writer.hpp"

#include <system_error>
#include <utility>

#include "mfld/core/parallel.hpp"
#include "mfld/core/startable_threads.hpp"

namespace mfld::record {

namespace {

/// Whether every run that can be made at once may have a thread, beside those that the steps may still start and one
/// for a process: a threading library that fails to start one half-way ends the program. Found out once.
bool has_threads_to_spare() {
  static const bool has = [] {
    const int wanted = 2 * static_cast<int>(num_slots()) + 1;
    return startable_threads(wanted) == wanted;
  }();
  return has;
}

std::exception_ptr failure_of(const FrameWriter::Write& write, const TrajectoryFrame& frame) {
  try {
    write(frame);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

FrameWriter::~FrameWriter() {
  if (thread_.joinable()) {
    {
      const std::lock_guard guard(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
}

void FrameWriter::append(TrajectoryFrame frame) {
  const std::size_t bytes = frame.num_bytes();
  if (!thread_.joinable() && (bytes < least_bytes || !start())) {
    write_(frame);
    return;
  }
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || unwritten_ == 0 || unwritten_ + bytes <= most_bytes; });
    throw_failure();
    waiting_.push_back(std::move(frame));
    unwritten_ += bytes;
  }
  changed_.notify_all();
}

void FrameWriter::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return unwritten_ == 0; });
  throw_failure();
}

/// Whether there is a thread now.
bool FrameWriter::start() {
  if (!has_threads_to_spare()) {
    return false;
  }
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void FrameWriter::work() {
  for (std::unique_lock lock(mutex_);;) {
    changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return;
    }
    TrajectoryFrame frame = std::move(waiting_.front());
    waiting_.pop_front();
    const std::size_t bytes = frame.num_bytes();
    lock.unlock();
    std::exception_ptr failure = failure_of(write_, frame);
    frame = {};
    lock.lock();
    unwritten_ -= bytes;
    if (failure) {
      failure_ = std::move(failure);
      waiting_.clear();
      unwritten_ = 0;
    }
    changed_.notify_all();
  }
}

void FrameWriter::throw_failure() const {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

}  // namespace mfld::record
