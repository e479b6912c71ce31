#pragma once
#include <string>
#include <vector>

namespace mfld::theorems {

/// What one check found.
struct Finding {
  std::string value;
  std::string bound;
  bool passed = false;
};

/// A sample's number whose law is known.
struct Statistic {
  double found;
  double expected;
  double standard_error;

  double z() const { return (found - expected) / standard_error; }
};

/// How far a statistic may be from its mean in standard errors: a false alarm has probability 6e-7.
inline constexpr double max_standard_errors = 5;

/// Each within max_standard_errors; the bound has the chance of a false alarm of all of them.
Finding within_errors(const std::vector<Statistic>& statistics);

/// A deviation that only rounding makes.
Finding at_most(double deviation, double limit);

/// Numbers that should be the same bits.
Finding no_difference(long num_differing);

}  // namespace mfld::theorems
