#pragma once
#include <Eigen/Core>

#include "mfld/core/particles.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

/// h(theta_j; x_i) = a(r_j) sigma(z_ij) + c(r_j), z_ij = w_j . x_i + b_j, and its two derivatives, each
/// [inputs x particles].
struct NeuronDerivatives {
  Matrix value;   // h
  Matrix output;  // dh / dr = a'(r) sigma(z) + c'(r); 0 where there is no r
  Matrix hidden;  // dh / dz = a(r) sigma'(z)
};

/// By the vector code of the training. Keeps all of them: whoever has many particles or inputs goes through them in
/// tiles. Cost: a product of the inputs and the particles, and one activation a pair. Not of a linearised network.
NeuronDerivatives neuron_derivatives(const Network& network, const Eigen::Ref<const Particles<double>>& particles,
                                     const Eigen::Ref<const Inputs>& inputs);

/// The heads of particles [N x p] of this network.
HeadValues heads_of(const Network& network, const Eigen::Ref<const Particles<double>>& particles);

}  // namespace mfld
