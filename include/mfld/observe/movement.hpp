#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/neuron.hpp"
#include "mfld/model/row_sums.hpp"

namespace mfld {

/// How far the particles went since the start: what tells feature learning from lazy training
/// (Chizat, Oyallon & Bach, "On lazy training in differentiable programming", NeurIPS 2019).

/// w_1..w_N: the columns of the input weights.                                     [N x d], a view
inline auto input_weights(const Particles<double>& particles, const ParameterLayout& layout) {
  return particles.middleCols(layout.input, layout.input_dim);
}

/// The mean and the largest of |w_j(t) - w_j(0)| over neurons. sums: with whom they are taken, each from its own rows, as
/// all that follows.
struct Movement {
  double mean = 0;
  double max = 0;
};
Movement movement(const Eigen::Ref<const Matrix>& weights, const Eigen::Ref<const Matrix>& initial_weights,
                  RowSums<double>& sums);

/// |Theta_t - Theta_0|_F / |Theta_0|_F over all parameters; Theta_0 is not zero.
double relative_movement(const Particles<double>& particles, const Particles<double>& initial, RowSums<double>& sums);

/// (1 / (N n)) #{(j, i): 1[z_ij(t) > 0] != 1[z_ij(0) > 0]}, z_ij = w_j.x_i + b_j, counted exactly
/// (Du, Zhai, Poczos & Singh, ICLR 2019, section 3). Cost 4 N n d flops. Parallel over particles.
double pattern_change(const Particles<double>& particles, const Particles<double>& initial,
                      const ParameterLayout& layout, const Inputs& inputs, RowSums<double>& sums);

}  // namespace mfld
