#pragma once
#include <vector>

#include "mfld/objective/objective.hpp"
#include "mfld/objective/penalty.hpp"

namespace mfld {

/// How large a step is stable, from the drift alone.
struct CurvatureOptions {
  Index most_terms = 2000;  // of the objective: of more, so many that lie evenly among them
  int num_drifts = 30;      // of Lanczos, one more at first
};

/// An estimate from below of the largest eigenvalue a of H = dg / dTheta at the particles [N x p], g the drift with the
/// penalty over the columns of `moved` [p]:
///   of a network  H = G + (second derivatives of h) + 2 lambda1,  the eigenvalues of G those of L^(1/2) K L^(1/2) / n,
/// K the tangent kernel and L = diag l''(f(x_i), y_i). Descent with the step size eta on the quadratic model is stable
/// for eta < 2 / a, the kinetic step for eta < 2 / sqrt(a). H is symmetric: g is a multiple of the gradient of F.
///
/// Lanczos from a fixed start, H v by a difference of drifts at a distance of 1e-5 |Theta|: never above a, but for that
/// difference, and near to it where few eigenvalues are. Cost: num_drifts drifts and five times the particles. Not a
/// number where the drift is not finite; 0 where nothing moves.
///
/// ranks: those of the objective, each with its own rows of the particles, those that shares_of<double> gives it, or all
/// rows where the objective reads all particles; the same bits on any number of them.
double largest_curvature(Objective<double>& objective, const Particles<double>& particles,
                         const Penalty<double>& penalty, const std::vector<unsigned char>& moved,
                         const CurvatureOptions& options = {}, Ranks* ranks = nullptr);

}  // namespace mfld
