#pragma once
#include <atomic>
#include <concepts>
#include <filesystem>
#include <utility>

namespace mfld {

/// What an experiment is built in, and is no part of it.
struct Surroundings {
  std::filesystem::path folder;             // relative paths in the experiment start here
  const std::atomic<bool>* stop = nullptr;  // once true, what takes long ends with Interrupted; null: nothing stops it

  Surroundings() = default;
  template <std::convertible_to<std::filesystem::path> Path>
  Surroundings(Path&& start, const std::atomic<bool>* stop_flag = nullptr)
      : folder(std::forward<Path>(start)), stop(stop_flag) {}
};

}  // namespace mfld
