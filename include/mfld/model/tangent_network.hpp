#pragma once
#include <memory>
#include <string>

#include "mfld/model/network.hpp"

namespace mfld {

/// The tangent model of a network at `anchor` theta_0 [N x p]:
///   f(x) = output_factor sum_j [h(theta_0j; x) + grad h(theta_0j; x) . (theta_j - theta_0j)]
/// It trains by every method, through the same kernels; its tangent kernel never changes (Jacot, Gabriel & Hongler
/// 2018; Lee et al. 2019). Keeps copies of the network and of theta_0 in both precisions, which its own copies share.
/// Cost: that of the network, and one more product per pair in the reduce pass.
class TangentNetwork final : public Model {
 public:
  TangentNetwork(Network network, const Particles<double>& anchor);
  /// With those rows of it alone.
  TangentNetwork(Network network, const Particles<double>& anchor, RowRange rows);

  const Network& network() const override { return network_; }
  const Particles<double>* tangent_point() const override { return &anchor_->in_double; }
  std::string describe(Index num_particles) const override;

 private:
  struct Anchor {
    Particles<double> in_double;
    Particles<float> in_single;
  };

  void run(const OutputsPass<double>& pass) const override;
  void run(const OutputsPass<float>& pass) const override;
  void run(const DriftPass<double>& pass) const override;
  void run(const DriftPass<float>& pass) const override;

  Network network_;
  std::shared_ptr<const Anchor> anchor_;
};

}  // namespace mfld
