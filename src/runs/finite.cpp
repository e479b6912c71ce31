#include "runs/finite.hpp"

#include <cmath>

namespace mfld {

std::string not_finite_in_words(const std::vector<std::string>& columns, std::span<const double> values) {
  std::string words;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!std::isfinite(values[i])) {
      words += (words.empty() ? "; not finite: " : ", ") + columns[i];
    }
  }
  return words;
}

}  // namespace mfld
