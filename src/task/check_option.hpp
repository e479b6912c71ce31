#pragma once
#include <fmt/format.h>

#include <string>

#include "mfld/core/invalid_option.hpp"

namespace mfld {

/// Throws InvalidOption unless `condition`.
inline void check_option(bool condition, const char* key, const std::string& reason) {
  if (!condition) {
    throw InvalidOption(key, reason);
  }
}

/// The same with the value, where it is short.
template <class Value>
void check_option(bool condition, const char* key, const Value& value, const std::string& reason) {
  if (!condition) {
    throw InvalidOption(key, reason, fmt::format("{}", value));
  }
}

}  // namespace mfld
