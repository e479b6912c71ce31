// planted_race none|tasks|nested|jobs: adds up numbers in the loops of parallel.hpp, correctly or in one variable that
// all threads share. Built with ThreadSanitizer, whatever the rest is built with.
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "mfld/core/parallel.hpp"

using mfld::Index;

namespace {

constexpr Index num_tasks = 64;

Index sum_of_tasks(bool races) {
  std::vector<Index> parts(num_tasks);
  Index shared = 0;
  mfld::for_each_task(num_tasks, [&](Index task) {
    parts[static_cast<std::size_t>(task)] = task;
    if (races) {
      shared += task;
    }
  });
  Index sum = 0;
  for (const Index part : parts) {
    sum += part;
  }
  return races ? shared : sum;
}

/// Jobs that have tasks: the slots of all bodies that run at once are different, and below num_slots().
Index sum_of_jobs(int num_at_once, bool jobs_race, bool tasks_race) {
  std::vector<Index> of_slot(static_cast<std::size_t>(mfld::num_slots()));
  std::vector<Index> of_job(8);
  Index shared = 0;
  mfld::for_each_job(num_at_once, static_cast<Index>(of_job.size()), [&](Index job) {
    std::vector<Index> parts(num_tasks);
    Index shared_by_tasks = 0;
    mfld::for_each_task(num_tasks, [&](Index task) {
      of_slot.at(static_cast<std::size_t>(mfld::current_slot())) += 1;
      parts[static_cast<std::size_t>(task)] = task;
      if (tasks_race) {
        shared_by_tasks += task;
      }
    });
    for (const Index part : parts) {
      of_job[static_cast<std::size_t>(job)] += part;
    }
    if (jobs_race) {
      shared += job;
    }
  });
  Index sum = shared;
  for (const Index part : of_job) {
    sum += part;
  }
  return sum;
}

bool throws_what_a_task_throws() {
  try {
    mfld::for_each_task(num_tasks, [](Index task) {
      if (task == 5) {
        throw std::runtime_error("task 5");
      }
    });
  } catch (const std::runtime_error& error) {
    return std::string_view(error.what()) == "task 5";
  }
  return false;
}

bool nothing_races() {
  bool right = throws_what_a_task_throws() && sum_of_tasks(false) == 2016;
  for (const int num_at_once : {1, 2, 3, 9}) {
    right = right && sum_of_jobs(num_at_once, false, false) == 8 * 2016;
  }
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view where = argc > 1 ? argv[1] : "none";
  return mfld::with_threads(4, [&] {
    if (where == "none") {
      return nothing_races() ? 0 : 1;
    }
    const Index sum = where == "tasks" ? sum_of_tasks(true) : sum_of_jobs(2, where == "jobs", where == "nested");
    std::printf("%td\n", sum);
    return 0;
  });
}
