#pragma once
#include <functional>
#include <string_view>

namespace mfld {

/// The value of an arithmetic expression: numbers, names, + - * /, ^ (from right to left, before a sign), parentheses
/// and the functions sqrt, exp, log (natural), abs, floor, ceil and round. A name is letters, digits and _ with dots
/// between them ("task.input_dim"); value_of gives its value, or throws. No code is run. Throws InvalidInput with what
/// is wrong in the text, and what value_of throws; a result that is not finite is returned as it is.
double evaluate(std::string_view text, const std::function<double(std::string_view name)>& value_of);

}  // namespace mfld
