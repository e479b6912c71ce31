#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"

namespace mfld {

/// Somebody who waits for a long computation: hears what part of it is done, and can stop it. One of nobody costs
/// nothing.
class Watch {
 public:
  Watch() = default;
  /// Once *stop is true the computation ends with Interrupted, which says that `work` was. tell: called by the thread
  /// that computes, with numbers from 0 to 1 that do not fall.
  Watch(const std::atomic<bool>* stop, std::string work, std::function<void(double part)> tell = {})
      : stop_(stop), work_(std::move(work)), tell_(std::move(tell)) {}

  /// What watches a part of the computation, from a part done to another.
  Watch within(double from, double to) const {
    return {stop_, work_, tell_ ? [tell = tell_, from, to](double part) { tell(from + (to - from) * part); } : tell_};
  }

  bool is_there() const { return stop_ != nullptr || tell_; }
  /// Throws Interrupted.
  void hear(double part) const {
    stop_if_asked(stop_, work_);
    if (tell_) {
      tell_(part);
    }
  }

 private:
  const std::atomic<bool>* stop_ = nullptr;
  std::string work_;
  std::function<void(double)> tell_;
};

/// for_each_task, heard of after every hundredth of the tasks or so; some for each thread at a time at least.
template <class Body>
void for_each_task(Index num_tasks, const Watch& watch, const Body& body) {
  constexpr Index times = 100;
  const Index least_at_once = std::max<Index>(16, 4 * num_slots());
  const Index at_once = watch.is_there() ? std::max(least_at_once, (num_tasks + times - 1) / times) : num_tasks;
  for (Index first = 0; first < num_tasks; first += at_once) {
    for_each_task(std::min(at_once, num_tasks - first), [&](Index task) { body(first + task); });
    watch.hear(static_cast<double>(std::min(num_tasks, first + at_once)) / static_cast<double>(num_tasks));
  }
}

}  // namespace mfld
