#include "run/job_array.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "mfld/core/error.hpp"

namespace commands {

namespace {

/// What a batch system tells its tasks. Others, PBS among them, do not say how many tasks there are.
struct BatchSystem {
  const char* task;
  const char* first;
  const char* last;
  const char* step;
  const char* count;
};

constexpr auto batch_systems = std::to_array<BatchSystem>({
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP",
     "SLURM_ARRAY_TASK_COUNT"},
    {"SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE", nullptr},
});

std::optional<std::int64_t> number_in(const char* variable) {
  const char* text = variable == nullptr ? nullptr : std::getenv(variable);
  if (text == nullptr || *text == '\0') {
    return std::nullopt;
  }
  char* end = nullptr;
  errno = 0;
  const std::int64_t number = std::strtoll(text, &end, 10);
  return *end == '\0' && errno == 0 ? std::optional(number) : std::nullopt;
}

std::string shard_of(const BatchSystem& system, std::int64_t task) {
  const auto first = number_in(system.first);
  const auto last = number_in(system.last);
  const std::int64_t step = number_in(system.step).value_or(1);
  if (!first || !last || step < 1 || task < *first || *last < task || (task - *first) % step != 0) {
    throw mfld::InvalidInput(
        fmt::format("--shard auto: {} = {} does not go with {} and {}, from which to which the tasks "
                    "are numbered; give i/k",
                    system.task, task, system.first, system.last));
  }
  const std::int64_t count = (*last - *first) / step + 1;
  if (const auto said = number_in(system.count); said && *said != count) {
    throw mfld::InvalidInput(fmt::format(
        "--shard auto: {} = {}, and {} tasks would make a range from {} to {}: the array leaves some out; give i/k",
        system.count, *said, count, *first, *last));
  }
  return fmt::format("{}/{}", (task - *first) / step + 1, count);
}

}  // namespace

std::string shard_of_job_array() {
  for (const BatchSystem& system : batch_systems) {
    if (const auto task = number_in(system.task)) {
      return shard_of(system, *task);
    }
  }
  std::string names;
  for (const BatchSystem& system : batch_systems) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", system.task);
  }
  throw mfld::InvalidInput(
      fmt::format("--shard auto: this is no task of a job array, none of {} is set; give i/k", names));
}

}  // namespace commands
