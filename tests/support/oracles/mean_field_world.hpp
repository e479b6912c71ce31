#pragma once
#include <utility>

#include "mfld/trust/proximal_gibbs.hpp"
#include "support/random_normals.hpp"

namespace mfld {

inline Neuron linear_neuron() { return {NeuronKind::linear, Activation::linear, false, 1}; }

/// A network in the mean-field scaling on data, and what a mean-field problem refers to.
struct MeanFieldWorld {
  MeanFieldWorld(const Neuron& neuron, const Inputs& inputs, Vector targets, Loss loss = {},
                 Reduction reduction = Reduction::mean)
      : network(neuron, inputs.cols(), {}), risk(loss, reduction) {
    data.train_inputs = inputs;
    data.train_targets = std::move(targets);
    data.test_inputs.resize(0, inputs.cols());
  }

  MeanFieldProblem problem(double penalty, double temperature) const {
    return {&network, &risk, &data, penalty, temperature};
  }

  Network network;
  Risk risk;
  Dataset data;
};

}  // namespace mfld
