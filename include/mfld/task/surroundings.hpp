#pragma once
#include <atomic>
#include <concepts>
#include <filesystem>
#include <memory>
#include <vector>

#include "mfld/model/loss.hpp"
#include "mfld/tables/table_store.hpp"
#include "mfld/task/given_arrays.hpp"

namespace mfld {

struct Observable;

/// What an experiment is built in, and is no part of it.
struct Surroundings {
  std::filesystem::path folder;             // relative paths in the experiment start here
  const std::atomic<bool>* stop = nullptr;  // once true, what takes long ends with Interrupted; null: nothing stops it
  std::shared_ptr<TableStore> tables = {};  // what the experiments of a sweep have in common; null: each reads its own
  std::shared_ptr<const GivenArrays> arrays = {};        // that experiments may name; null: there are none
  const LossInfo* loss = nullptr;                        // in place of [loss] kind, as Loss::own
  const std::vector<Observable>* observables = nullptr;  // recorded beside those of the table, in metrics.csv last

  int num_ranks = 1;  // that make the run together, and divide its particles
  int rank = 0;       // of this process among them

  Surroundings() = default;
  template <std::convertible_to<std::filesystem::path> Path>
  Surroundings(const Path& start, const std::atomic<bool>* stop_flag = nullptr) : folder(start), stop(stop_flag) {}

  /// The same with another folder.
  Surroundings in(const std::filesystem::path& other) const {
    Surroundings result = *this;
    result.folder = other;
    return result;
  }
};

}  // namespace mfld
