#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mfld/observe/observables.hpp"
#include "mfld/task/surroundings.hpp"

namespace mfld::test {

/// Surroundings with a column that takes long, as a certificate does: at the step `stops_at` somebody asks to stop while
/// it is computed.
struct LongLook {
  std::atomic<bool> stop = false;
  std::int64_t stops_at = -1;
  std::vector<Observable> own = std::vector<Observable>(1);
  Surroundings surroundings{"."};

  LongLook() {
    own[0].name = "long_look";
    own[0].columns = [](const Scene& /*scene*/) { return std::vector<std::string>{"long_look"}; };
    own[0].evaluate = [this](Moment& moment, std::span<double> values) {
      stop = moment.step() == stops_at;
      moment.watch().hear(0.5);
      values[0] = static_cast<double>(moment.step());
    };
    surroundings.observables = &own;
  }
  LongLook(const LongLook&) = delete;
  LongLook& operator=(const LongLook&) = delete;

  void stop_at(std::int64_t step) {
    stops_at = step;
    stop = false;
  }
};

}  // namespace mfld::test
