#pragma once
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "mfld/model/neuron.hpp"

namespace mfld {

/// Every neuron of the program: each row of `neurons` with each activation and with and without bias where these are
/// free.
inline std::vector<Neuron> every_neuron() {
  std::vector<Neuron> all;
  for (const NeuronInfo& row : neurons) {
    for (const ActivationInfo& activation : activations) {
      for (const bool bias : {false, true}) {
        if ((row.fixed_activation && activation.kind != row.activation) ||
            (!row.bias_optional && bias != row.bias_default)) {
          continue;
        }
        all.push_back(
            {.kind = row.kind, .activation = activation.kind, .bias = bias, .bound = row.has_bound ? 1.5 : 1});
      }
    }
  }
  return all;
}

inline std::string name_of(const Neuron& neuron) {
  std::string name = std::string(info(neuron.kind).name) + "_" + std::string(info(neuron.activation).name) +
                     (neuron.bias ? "_bias" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

inline void PrintTo(const Neuron& neuron, std::ostream* out) { *out << name_of(neuron); }

}  // namespace mfld
