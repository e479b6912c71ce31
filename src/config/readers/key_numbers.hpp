#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "mfld/config/value.hpp"

namespace mfld::readers {

/// Numbers of an experiment file that are written as expressions of its other keys, "0.1 / task.input_dim". A name is
/// that of a key in the section where the expression stands, else in the section around that, and so on to the whole
/// file: of a number, or of another expression. A key that the file does not have counts once it is resolved.
class KeyNumbers {
 public:
  /// given and resolved are root tables and outlive this.
  KeyNumbers(const Value& given, const Value& resolved) : given_(given), resolved_(resolved) {}

  /// The value of the text that stands at `path`. Throws InvalidInput with what is wrong with the text, a name that is
  /// no key of a number (and the nearest that is), or a circle.
  double evaluate(std::string_view text, const std::string& path);

 private:
  double value_of(std::string_view name);
  [[noreturn]] void complain_about(std::string_view name) const;

  const Value& given_;
  const Value& resolved_;
  std::vector<std::string> open_;  // paths whose texts are being evaluated, the last one inside the others
};

}  // namespace mfld::readers
