#pragma once
#include <cstdint>
#include <string>

namespace mfld {

/// On which side of its bound a column ends a phase.
enum class Side { below, above };

/// Ends a phase by what is recorded: once a column of metrics.csv is beyond a bound in so many of the phase's rows in a
/// row. The row that a phase begins with is not one of them: it shows where the phase before has come to.
struct StopRule {
  std::string column;
  Side side = Side::below;
  double bound = 0;
  std::int64_t held = 1;  // >= 1, rows in a row

  /// Strictly beyond; what is not a number never is.
  bool is_met_by(double value) const { return side == Side::below ? value < bound : value > bound; }
  /// "< 0.001", "< 0.001 at 3 rows in a row"
  std::string condition() const;
};

}  // namespace mfld
