#include "python/computing.hpp"

#include <chrono>
#include <future>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/startable_threads.hpp"

namespace mfld::python {

namespace {

constexpr double seconds_between_looks = 0.05;

}  // namespace

void Attention::look() {
  if (seconds_since(last_) > seconds_between_looks) {
    const py::gil_scoped_acquire gil;
    look_now();
  }
}

void Attention::look_now() {
  last_ = Clock::now();
  if (PyErr_CheckSignals() != 0) {
    py::error_already_set error;
    keep(error);
  }
}

void Attention::keep(py::error_already_set& error) {
  if (!kept_) {
    kept_.emplace(std::move(error));
  }
  stop_ = true;
}

void Attention::raise() {
  if (kept_) {
    py::error_already_set error = std::move(*kept_);
    kept_.reset();
    throw error;
  }
}

void compute_attentively(Attention& attention, const std::function<void()>& work) {
  std::exception_ptr thrown;
  {
    const py::gil_scoped_release released;
    std::future<void> future = std::async(std::launch::async, work);
    while (future.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
      const py::gil_scoped_acquire gil;
      attention.look_now();
    }
    try {
      future.get();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  attention.look_now();
  attention.raise();
  if (thrown) {
    std::rethrow_exception(thrown);
  }
}

int threads_allowed(int asked) {
  static const int all = startable_threads(static_cast<int>(num_slots()));
  return asked == 0 ? all : startable_threads(asked);
}

void with_threads_of(int num_threads, const std::function<void()>& work) {
  if (num_threads == static_cast<int>(num_slots())) {
    work();  // with_threads would take longer than short steps do
  } else {
    with_threads(num_threads, work);
  }
}

void compute(int num_threads, const std::function<void()>& work) {
  const py::gil_scoped_release released;
  with_threads_of(num_threads, work);
}

}  // namespace mfld::python
