// A program of somebody else's: a task, a network, its outputs, and a part that needs each private dependency.
#include <cmath>
#include <iostream>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"
#include "mfld/record/checkpoint.hpp"
#include "mfld/task/sparse_parity.hpp"

int main() {
  const mfld::Dataset data = mfld::make_sparse_parity({.input_dim = 10, .num_train = 30}, 1);
  const mfld::Network network({}, data.input_dim(), {});
  const auto particles = mfld::initial_particles({.symmetric = true}, network.neuron(), data.input_dim(), 64, 1);
  const mfld::PackedInputs<double> inputs(data.train_inputs);
  mfld::KernelWorkspace<double> workspace;
  std::vector<double> outputs(static_cast<std::size_t>(data.num_train()), 1.0);
  network.outputs<double>(particles, inputs, outputs, workspace);
  for (const double output : outputs) {
    if (std::abs(output) > 1e-12) {
      std::cerr << "a symmetric start has output 0, not " << output << '\n';
      return 1;
    }
  }
  try {
    mfld::load_checkpoint("there is no such file");
  } catch (const mfld::FileError&) {
    return 0;
  }
  std::cerr << "a checkpoint that does not exist was read\n";
  return 1;
}
