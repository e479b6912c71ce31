#include "mfld/core/startable_threads.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace mfld {

namespace {

void* wait_for(void* end) {
  static_cast<std::atomic<bool>*>(end)->wait(false);
  return nullptr;
}

/// Starts up to `wanted` threads that are all there at once, and ends them.
int num_started(int wanted) {
  constexpr std::size_t stack_bytes = std::size_t{4} << 20U;  // as oneTBB's
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  std::vector<pthread_t> threads;
  threads.reserve(static_cast<std::size_t>(wanted));
  std::atomic<bool> end = false;
  for (pthread_t thread = 0;
       static_cast<int>(threads.size()) < wanted && pthread_create(&thread, &attributes, wait_for, &end) == 0;) {
    threads.push_back(thread);
  }
  end = true;
  end.notify_all();
  for (const pthread_t thread : threads) {
    pthread_join(thread, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return static_cast<int>(threads.size());
}

}  // namespace

int startable_threads(int wanted) {
  const int others = wanted - 1;
  const int started = num_started(others);
  return started == others ? wanted : std::max(1, started);
}

}  // namespace mfld
