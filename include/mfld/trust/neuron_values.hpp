#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

/// How fast |h(theta; x)| may grow with |theta|: 0 bounded, 1 linearly, 2 quadratically, 3 faster.
int growth_order(const Neuron& neuron);

/// sum_i c_i h(theta_s; x_i) for every theta_s, with c_i = l'_i / n the data part of the first variation of F at theta_s.
/// thetas [S x p]; inputs [n x d]; coefficients [n]. Cost about 2 n S d flops and n S activations; parallel over thetas;
/// the same bits on any thread count. Not of a linearised network.                                                 [S]
Vector first_variation(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                       const Vector& coefficients);

/// f(x_i) = sum_s weight_s h(theta_s; x_i): the outputs of a law in weighted points. Cost as above; parallel over inputs.
///                                                                                                                 [n]
Vector weighted_outputs(const Network& network, const Particles<double>& thetas, const Vector& weights,
                        const Inputs& inputs);

}  // namespace mfld
