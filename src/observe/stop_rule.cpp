#include "mfld/observe/stop_rule.hpp"

#include <fmt/format.h>

namespace mfld {

std::string StopRule::condition() const {
  const std::string words = fmt::format("{} {}", side == Side::below ? '<' : '>', bound);
  return held == 1 ? words : fmt::format("{} at {} rows in a row", words, held);
}

}  // namespace mfld
