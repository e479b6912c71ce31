#pragma once
#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "mfld/core/particles.hpp"

/// What parallel.hpp is in builds with ThreadSanitizer, which sees through std::thread and not through a library that
/// was built without it: the same tasks, in threads that are made for each call. A thread's tasks are known beforehand,
/// so that nothing but the end of the call orders the tasks of two threads, and a race between them is seen.
namespace mfld {

namespace plain_threads {

/// The slots that belong to a thread: its own, and those of the threads it may call.
struct Crew {
  int first = 0;
  int size = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  int num_slots = size;
};

inline Crew& crew() {
  thread_local Crew own;
  return own;
}

/// body() as `as`.
template <class Body>
auto with_crew(const Crew& as, const Body& body) {
  struct Restored {
    Crew before = crew();
    ~Restored() { crew() = before; }
  } const restored;
  crew() = as;
  return body();
}

/// Calls body(worker) for worker = 0..num_workers-1, each in a thread with its share of the caller's slots, worker 0 in
/// the caller's. Throws what the first of them threw, once all have ended.
template <class Body>
void share(int num_workers, const Body& body) {
  if (num_workers == 1) {
    return body(0);
  }
  const Crew mine = crew();
  const int size = mine.size / num_workers;
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(num_workers));
  const auto work = [&](int worker) {
    try {
      with_crew({mine.first + worker * size, size, mine.num_slots}, [&] { body(worker); });
    } catch (...) {
      failures[static_cast<std::size_t>(worker)] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (int worker = 1; worker < num_workers; ++worker) {
    threads.emplace_back(work, worker);
  }
  work(0);
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) {
      std::rethrow_exception(failure);
    }
  }
}

/// body(0..count-1), by as many threads as the caller has slots and at most `most`.
template <class Body>
void share_out(Index count, Index most, const Body& body) {
  const Index num_workers = std::max<Index>(1, std::min<Index>({count, most, crew().size}));
  share(static_cast<int>(num_workers), [&](int worker) {
    for (Index i = worker; i < count; i += num_workers) {
      body(i);
    }
  });
}

}  // namespace plain_threads

template <class Body>
void for_each_task(Index num_tasks, const Body& body) {
  plain_threads::share_out(num_tasks, num_tasks, body);
}

template <class Body>
void for_each_job(int num_at_once, Index num_jobs, const Body& body) {
  plain_threads::share_out(num_jobs, num_at_once, body);
}

inline Index num_slots() { return plain_threads::crew().num_slots; }
inline Index current_slot() { return plain_threads::crew().first; }

template <class Body>
auto with_threads(int num_threads, const Body& body) {
  return plain_threads::with_crew({0, num_threads, num_threads}, body);
}

}  // namespace mfld
