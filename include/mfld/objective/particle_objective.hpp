#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>

#include "mfld/model/network.hpp"
#include "mfld/objective/objective.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld {

/// An objective whose particles are points of R^d and no neurons, as an experiment chose it: what makes it of the data,
/// once for each caller, in either precision. What is made refers to the data.
struct ParticleObjective {
  std::string_view name;  // what [objective] kind and its column of metrics.csv are called; static
  Index dimension = 0;    // p = d
  Index num_terms = 0;    // n
  std::string_view terms = "training samples";  // what those are; static
  bool is_periodic = false;                     // a function of every coordinate modulo 2 pi
  double kernel_width = -1;  // where only the particles say whether it is too small; below 0: that is known
  std::function<std::unique_ptr<Objective<double>>(const Dataset&, Ranks*)> in_double;
  std::function<std::unique_ptr<Objective<float>>(const Dataset&, Ranks*)> in_single;

  /// ranks: who shares its passes; none: this process alone.
  template <class Scalar>
  std::unique_ptr<Objective<Scalar>> make(const Dataset& data, Ranks* ranks = nullptr) const {
    if constexpr (std::is_same_v<Scalar, double>) {
      return in_double(data, ranks);
    } else {
      return in_single(data, ranks);
    }
  }
};

/// What stands for points where a network is asked for the layout of the particles, their trained columns and the
/// factor of the penalty: neurons w.x in the mean-field scaling, theta = w. Its outputs mean nothing.
inline Network network_of_points(Index dimension) {
  return Network({.kind = NeuronKind::linear, .activation = Activation::linear, .bias = false}, dimension, {});
}

}  // namespace mfld
