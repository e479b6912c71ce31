#pragma once
#include "mfld/steps/steps.hpp"
#include "mfld/task/dataset.hpp"
#include "selfcheck/finding.hpp"

namespace mfld::theorems {

/// Linear neurons h = theta.x with squared loss: with A = X'X/n, b = X'y/n and S = A + 2 lambda1 I every step is linear
/// in the particles, so that their stationary law is known at any step size and width.
struct LinearQuadratic {
  StepKind step = StepKind::euler_maruyama;
  double step_size = 0.5;
  double lambda1 = 0.4;
  double lambda2 = 0.05;
  double friction = 1.5;
  Index width = 4;
  Index num_looks = 4000;  // ten steps apart, in which the slowest mode contracts to 0.6 %
};

/// Sums over looks at a stationary run, along the two eigenvectors of S with eigenvalues s_1 < s_2.
struct StationarySample {
  Vector mean = Vector::Zero(2);         // of the particles' mean
  Vector mean_square = Vector::Zero(2);  // of its distance from S^-1 b
  double variance = 0;                   // a coordinate's about the mean of the particles, times N / (N - 1)
  double velocity_variance = 0;          // a velocity's; kinetic only
  double covariance = 0;                 // of a coordinate and its velocity, about their means, times N / (N - 1)
};

StationarySample stationary_sample(const LinearQuadratic& problem);

/// Against the law of the problem, which is for an eigenvalue s and N particles
///                         Euler-Maruyama                      Leimkuhler-Matthews, kinetic
///   mean                  S^-1 b                              the same
///   variance of the mean  lambda2 / (N s (1 - eta s / 2))     lambda2 / (N s)
///   variance about it     lambda2 / (2 lambda1 (1 - eta lambda1))   lambda2 / (2 lambda1)        (times 1 - 1/N)
/// and for the velocities variance lambda2 and covariance with the positions eta lambda2 / 2 (times 1 - 1/N).
Finding judge_mean(const StationarySample& sample, const LinearQuadratic& law);
Finding judge_variance_of_mean(const StationarySample& sample, const LinearQuadratic& law);
Finding judge_variance_about_mean(const StationarySample& sample, const LinearQuadratic& law);
Finding judge_velocities(const StationarySample& sample, const LinearQuadratic& law);

}  // namespace mfld::theorems
