#include "mfld/model/tangent_network.hpp"

#include <utility>

#include "mfld/core/divided_rows.hpp"
#include "model/pass.hpp"

namespace mfld {

TangentNetwork::TangentNetwork(Network network, const Particles<double>& anchor)
    : TangentNetwork(std::move(network), anchor, {0, anchor.rows()}) {}

TangentNetwork::TangentNetwork(Network network, const Particles<double>& anchor, RowRange rows)
    : network_(std::move(network)) {
  assert(anchor.cols() == network_.layout().size);
  Anchor copies;
  copy_rows(rows, anchor, copies.in_double);
  copy_rows(rows, anchor, copies.in_single);
  anchor_ = std::make_shared<const Anchor>(std::move(copies));
}

std::string TangentNetwork::describe(Index num_particles) const {
  return network_.describe(num_particles) + ", linearised at the first particles";
}

void TangentNetwork::run(const OutputsPass<double>& pass) const { passes::run(network_, &anchor_->in_double, pass); }
void TangentNetwork::run(const OutputsPass<float>& pass) const { passes::run(network_, &anchor_->in_single, pass); }
void TangentNetwork::run(const DriftPass<double>& pass) const { passes::run(network_, &anchor_->in_double, pass); }
void TangentNetwork::run(const DriftPass<float>& pass) const { passes::run(network_, &anchor_->in_single, pass); }

}  // namespace mfld
