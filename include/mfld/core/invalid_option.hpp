#pragma once
#include <string>
#include <utility>

#include "mfld/core/error.hpp"

namespace mfld {

/// One option of a function is wrong, whatever the data: "sparsity = 10: must be at most input_dim = 9". Who has read
/// it from a key of that name says the same with the path of the key.
class InvalidOption : public InvalidInput {
 public:
  InvalidOption(std::string key, std::string reason, const std::string& value = {})
      : InvalidInput(key + (value.empty() ? "" : " = " + value) + ": " + reason),
        key_(std::move(key)),
        reason_(std::move(reason)) {}

  const std::string& key() const { return key_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string key_;
  std::string reason_;
};

}  // namespace mfld
