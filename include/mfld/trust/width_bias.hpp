#pragma once
#include <span>

#include "mfld/model/row_sums.hpp"
#include "mfld/trust/proximal_gibbs.hpp"

namespace mfld {

/// What a finite number N of particles adds to the numbers that tell the distance from the optimum. With
/// V_i = Var_j h(theta_j; x_i), the variance over particles (divisor N - 1), and w = 1/n (1 if R is a sum):
///   gap       w sum_i l''(f(x_i), y_i) V_i / (2 N)
///   residual  sqrt((1/n) sum_i V_i / N)
/// Of N independent draws of a law mu, `gap` is the mean of R(f_N) - R(f_mu), exactly for the squared loss and to first
/// order in 1/N for others, and `residual` the root of the mean square of f_N - f_mu over samples. Those of a long run
/// are nearly independent draws (propagation of chaos), so that free_energy and dual_gap are `gap` too large, but for
/// what the entropy is biased by, and fixed_point_residual does not come far below `residual`.
struct WidthBias {
  double gap = 0;
  double residual = 0;
};

/// particles [N x p], N >= 2, with the outputs [n] on the training samples. A loss of one's own has no l'': the
/// gap is then not a number. Cost: n N neurons. sums: with whom it is added up, each over its own rows.
WidthBias width_bias(const MeanFieldProblem& problem, const Model& model, const Particles<double>& particles,
                     std::span<const double> outputs, RowSums<double>& sums);

}  // namespace mfld
