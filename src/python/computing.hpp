#pragma once
#include <atomic>
#include <functional>
#include <optional>

#include "mfld/core/stopwatch.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// Asks Python now and then whether a signal came whose handler raises: Ctrl-C, unless somebody handles it otherwise.
/// Then, and when something that was called in Python raised, the work is asked to stop, and the first exception waits
/// for `raise`.
class Attention {
 public:
  const std::atomic<bool>& stop() const { return stop_; }

  /// Without the GIL, before every step: no more often than every 50 ms does it look.
  void look();
  /// With the GIL.
  void look_now();
  /// The exception that is being handled, which is kept until the work has stopped. With the GIL.
  void keep(py::error_already_set& error);
  /// With the GIL: throws what was kept.
  void raise();

 private:
  std::atomic<bool> stop_ = false;
  std::optional<py::error_already_set> kept_;
  Clock::time_point last_ = Clock::now();
};

/// Calls work() on a thread of its own, without the GIL, while this one pays attention: for work that takes long before
/// it next looks. Throws what it throws, or what was kept.
void compute_attentively(Attention& attention, const std::function<void()>& work);

/// Of the threads asked for (0: of one for each processor), those that the system allows. Finds out by starting them.
int threads_allowed(int asked);

/// Calls work() without the GIL, on so many threads, which are allowed.
void compute(int num_threads, const std::function<void()>& work);
/// The same where nobody holds it.
void with_threads_of(int num_threads, const std::function<void()>& work);

}  // namespace mfld::python
