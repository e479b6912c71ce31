#pragma once
#include <map>
#include <string>
#include <string_view>

#include "mfld/core/particles.hpp"

namespace mfld {

/// Arrays in the memory of a program, for the experiments that it builds. An experiment names one by a text of its
/// shape and of a checksum of its numbers: what it computes is then part of what it is, whoever gave the array.
class GivenArrays {
 public:
  /// Keeps the array, whose numbers are finite; its text.
  std::string add(Inputs array);
  /// The array of that text, or nullptr.
  const Inputs* find(std::string_view text) const;
  /// All of them, by their texts.
  const std::map<std::string, Inputs, std::less<>>& all() const { return arrays_; }

 private:
  std::map<std::string, Inputs, std::less<>> arrays_;
};

/// Whether the text is of an array, here or elsewhere.
bool is_text_of_array(std::string_view text);

/// What is wrong with a text that no array has.
inline constexpr std::string_view no_given_array =
    "is no array here: arrays are those of a program that uses the library, such as Python";

}  // namespace mfld
