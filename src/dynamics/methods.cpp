#include "mfld/dynamics/methods.hpp"

#include <algorithm>

namespace mfld {

const Method* find_method(std::string_view name) {
  const auto row = std::find_if(methods.begin(), methods.end(), [name](const Method& m) { return m.name == name; });
  return row == methods.end() ? nullptr : &*row;
}

}  // namespace mfld
