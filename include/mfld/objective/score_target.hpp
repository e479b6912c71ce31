#pragma once
#include <memory>
#include <string>

#include "mfld/core/particles.hpp"

namespace mfld {

/// A law pi on R^d known up to its mass, through its score s = grad log pi and the Jacobian of that, which is the
/// Hessian of log pi and symmetric. Another target is another class. Points are columns. [d x M]
class ScoreTarget {
 public:
  virtual ~ScoreTarget() = default;

  virtual Index dimension() const = 0;  // d
  virtual std::string describe() const = 0;
  /// s at every point, into the columns of `scores`. Called from several threads.
  virtual void scores(const Matrix& points, Matrix& scores) const = 0;
  /// products <- J(point) vector, column by column.
  virtual void jacobian_products(const Matrix& points, const Matrix& vectors, Matrix& products) const = 0;
};

/// (1/m) sum_l N(c_l, std^2 I), centres [m x d].
std::shared_ptr<const ScoreTarget> gaussian_mixture(const Matrix& centres, double std);

/// x_0 ~ N(0, scale^2), x_1 + bend (x_0^2 - scale^2) ~ N(0, 1): a curved valley in the plane.
std::shared_ptr<const ScoreTarget> banana(double scale, double bend);

/// The posterior of Bayesian logistic regression, log pi(w) = -sum_i log(1 + exp(-y_i w.x_i)) - |w|^2 / (2 prior^2):
/// inputs [n x d], labels +-1 [n]. intercept: a last coordinate is added whose input is 1. Keeps what it needs of the
/// data. Cost O(n d) a point.
std::shared_ptr<const ScoreTarget> logistic_posterior(const Inputs& inputs, const Vector& labels, double prior,
                                                      bool intercept);

}  // namespace mfld
