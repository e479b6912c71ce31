#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/neuron.hpp"

namespace mfld {

/// How far the particles went since the start: what tells feature learning from lazy training
/// (Chizat, Oyallon & Bach, "On lazy training in differentiable programming", NeurIPS 2019).

/// w_1..w_N: the columns of the input weights.                                     [N x d], a view
inline auto input_weights(const Particles<double>& particles, const ParameterLayout& layout) {
  return particles.middleCols(layout.input, layout.input_dim);
}

/// |w_j(t) - w_j(0)| of every neuron.                                              [N]
Vector movement(const Eigen::Ref<const Matrix>& weights, const Eigen::Ref<const Matrix>& initial_weights);

/// |Theta_t - Theta_0|_F / |Theta_0|_F over all parameters; Theta_0 is not zero.
double relative_movement(const Particles<double>& particles, const Particles<double>& initial);

/// (1 / (N n)) #{(j, i): 1[z_ij(t) > 0] != 1[z_ij(0) > 0]}, z_ij = w_j.x_i + b_j, counted exactly
/// (Du, Zhai, Poczos & Singh, ICLR 2019, section 3). Cost 4 N n d flops. Parallel over particles.
double pattern_change(const Particles<double>& particles, const Particles<double>& initial,
                      const ParameterLayout& layout, const Inputs& inputs);

}  // namespace mfld
