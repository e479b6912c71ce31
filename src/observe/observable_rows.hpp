#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/observe/observables.hpp"

namespace mfld {

/// A row of one column that has the row's name.
template <class Value>
Observable number(std::string_view name, std::string_view formula, const Needs& needs, Value value) {
  return {name, formula, needs, [name](const Scene&) { return std::vector<std::string>{std::string(name)}; },
          [value](Moment& moment, std::span<double> values) { values[0] = value(moment); }};
}

inline Observable on_request(Observable observable) {
  observable.by_default = false;
  return observable;
}

/// The rows that compare the network with its tangent kernel and linearisation.
std::vector<Observable> kernel_observables();
/// The rows that say how far the particles are from the optimum of the mean field.
std::vector<Observable> trust_observables();

}  // namespace mfld
