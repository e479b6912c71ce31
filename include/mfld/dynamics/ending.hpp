#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mfld/core/particles.hpp"

namespace mfld {

/// What became of a run. Refused (its input is wrong) and failed are those of a sweep that leave no summary.
enum class Ending { running, finished, diverged, interrupted, refused, failed };

struct EndingInfo {
  Ending ending;
  std::string_view name;  // in summary.json and index.csv
  bool is_final;          // nothing is left to do
};

inline constexpr auto endings = std::to_array<EndingInfo>({
    {Ending::running, "running", false},
    {Ending::finished, "finished", true},
    {Ending::diverged, "diverged", true},
    {Ending::interrupted, "interrupted", false},
    {Ending::refused, "refused", false},
    {Ending::failed, "failed", false},
});

/// The row of an ending.
constexpr const EndingInfo& info(Ending ending) { return endings[static_cast<std::size_t>(ending)]; }

/// How a run ended, and where.
struct RunEnd {
  Ending ending = Ending::running;
  std::int64_t step = 0;
  std::optional<Index> first_bad_particle = {};  // with a coordinate that is not finite; diverged only
};

}  // namespace mfld
