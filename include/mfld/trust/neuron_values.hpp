#pragma once
#include "mfld/core/particles.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

/// How fast |h(theta; x)| may grow with |theta|: 0 bounded, 1 linearly, 2 quadratically, 3 faster.
int growth_order(const Neuron& neuron);

/// sup h - inf h over theta at one input, or a bound of it; infinity where there is none, and for
/// a kind of neuron that it does not name.
double range_of(const Neuron& neuron);

/// sum_i c_i sigma(w_s.x_i + b_s) for thetas [S x p], whose r is not read; inputs [n x d]; coefficients [n]. By the
/// vector code of Network::outputs, of which it has the cost (n S activations) and the promise: parallel, the same bits
/// on any thread count. In single precision the terms have its relative error and the cost is half. Not of a linearised
/// network.
template <class Scalar>
class HiddenSums {
 public:
  HiddenSums(const Network& network, const Inputs& inputs, const Vector& coefficients);
  Vector operator()(const Particles<double>& thetas);  // [S]

 private:
  ParameterLayout layout_;
  Network exchanged_;          // a sample is a neuron with the weights (x_i, 1), a theta its input
  Particles<Scalar> samples_;  // [n x (1 + d + 1)]
  KernelWorkspace<Scalar> workspace_;
};

/// sum_i c_i h(theta_s; x_i) for every theta_s, with c_i = l'_i / n the data part of the first variation of F at
/// theta_s [S]. Precision and cost as above.
template <class Scalar = double>
Vector first_variation(const Network& network, const Particles<double>& thetas, const Inputs& inputs,
                       const Vector& coefficients);

/// f(x_i) = sum_s weight_s h(theta_s; x_i): the outputs of a law in weighted points. Cost as above.                [n]
Vector weighted_outputs(const Network& network, const Particles<double>& thetas, const Vector& weights,
                        const Inputs& inputs);

}  // namespace mfld
