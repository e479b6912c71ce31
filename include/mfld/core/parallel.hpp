#pragma once
#if defined(__SANITIZE_THREAD__)
#define MFLD_PLAIN_THREADS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MFLD_PLAIN_THREADS
#endif
#endif

#ifdef MFLD_PLAIN_THREADS
#include "mfld/core/plain_threads.hpp"
#else
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Runs body(task) for task = 0..num_tasks-1 on the threads there are. The tasks, not the threads, own the partial
/// results, and what a task does may not depend on who runs it: that is why results are the same on any thread count.
/// Throws what a body throws. This header is the only place that names the threading library.
template <class Body>
void for_each_task(Index num_tasks, const Body& body) {
  if (num_tasks == 1) {
    body(Index{0});
    return;
  }
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<Index>(0, num_tasks, 1),
                            [&](const oneapi::tbb::blocked_range<Index>& tasks) {
                              for (Index task = tasks.begin(); task != tasks.end(); ++task) {
                                body(task);
                              }
                            });
}

/// Runs body(job) for job = 0..num_jobs-1, at most `num_at_once` of them at a time. Threads that no job occupies help
/// with the tasks inside the jobs; a thread that waits for such tasks does not begin another job meanwhile.
template <class Body>
void for_each_job(int num_at_once, Index num_jobs, const Body& body) {
  std::atomic<Index> next = 0;
  const auto work = [&](int /*worker*/) {
    for (Index job = next++; job < num_jobs; job = next++) {
      oneapi::tbb::this_task_arena::isolate([&] { body(job); });
    }
  };
  if (num_at_once == 1) {
    work(0);
    return;
  }
  oneapi::tbb::parallel_for(0, num_at_once, 1, work, oneapi::tbb::simple_partitioner());
}

/// Scratch memory is kept per slot: at most num_slots() bodies run at once, and current_slot() tells them apart.
inline Index num_slots() { return std::max(1, oneapi::tbb::this_task_arena::max_concurrency()); }
inline Index current_slot() { return std::max(0, oneapi::tbb::this_task_arena::current_thread_index()); }

/// Calls body() with exactly `num_threads` >= 1 threads for the tasks in it, whatever the machine has.
template <class Body>
auto with_threads(int num_threads, const Body& body) {
  const oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(num_threads));
  return oneapi::tbb::task_arena(num_threads).execute([&] { return body(); });
}

}  // namespace mfld
#endif
