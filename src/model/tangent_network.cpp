#include "mfld/model/tangent_network.hpp"

#include <utility>

#include "model/pass.hpp"

namespace mfld {

TangentNetwork::TangentNetwork(Network network, const Particles<double>& anchor)
    : network_(std::move(network)), anchor_(std::make_shared<const Anchor>(Anchor{anchor, anchor.cast<float>()})) {
  assert(anchor.cols() == network_.layout().size);
}

std::string TangentNetwork::describe(Index num_particles) const {
  return network_.describe(num_particles) + ", linearised at the first particles";
}

void TangentNetwork::run(const OutputsPass<double>& pass) const { passes::run(network_, &anchor_->in_double, pass); }
void TangentNetwork::run(const OutputsPass<float>& pass) const { passes::run(network_, &anchor_->in_single, pass); }
void TangentNetwork::run(const DriftPass<double>& pass) const { passes::run(network_, &anchor_->in_double, pass); }
void TangentNetwork::run(const DriftPass<float>& pass) const { passes::run(network_, &anchor_->in_single, pass); }

}  // namespace mfld
