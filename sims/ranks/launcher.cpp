#include "ranks/launcher.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace commands {

namespace {

struct LauncherKind {
  const char* rank;
  const char* count;
  const char* mpi;
};

constexpr auto launchers = std::to_array<LauncherKind>({
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "openmpi"},
    {"PMI_RANK", "PMI_SIZE", "mpich"},          // Hydra, and srun --mpi=pmi2
    {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", ""},  // srun --mpi=pmix
});

std::optional<int> count_in(const char* variable) {
  const char* given = std::getenv(variable);
  const std::string_view text = given == nullptr ? "" : given;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Launched> launched() {
  for (const LauncherKind& kind : launchers) {
    if (const auto rank = count_in(kind.rank)) {
      const int count = count_in(kind.count).value_or(0);
      return count == 1 ? std::nullopt : std::optional(Launched{*rank, count, kind.mpi});
    }
  }
  return std::nullopt;
}

}  // namespace commands
