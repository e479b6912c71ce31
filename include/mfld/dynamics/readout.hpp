#pragma once
#include <string_view>

#include "mfld/dynamics/phase.hpp"
#include "mfld/objective/objective.hpp"

namespace mfld {

/// Column r of the particles <- the minimum over r, at their w and b, of R(f) + (ridge / 2) penalty_factor sum_j r_j^2
/// on the samples of the phase, R the objective as it is reduced and with the labels that it has now
/// (ridge_readout.hpp):
/// what Takakura & Suzuki, "Mean-field analysis on two-layer neural networks from a kernel perspective", ICML 2024,
/// reach by an infinitely fast readout. By the envelope theorem the drift of w and b at this r is the gradient of the
/// minimum itself. Returns why there is no solution, in words that stay; empty where there is one. Rounded where the
/// particles are in single precision.
template <class Scalar>
std::string_view solve_readout(const Phase& phase, const Objective<Scalar>& objective, Particles<Scalar>& particles);

}  // namespace mfld
