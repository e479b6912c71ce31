#include "mfld/objective/score_target.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace mfld {

namespace {

class GaussianMixture final : public ScoreTarget {
 public:
  GaussianMixture(const Matrix& centres, double std) : centres_(centres.transpose()), std_(std) {}

  Index dimension() const override { return centres_.rows(); }
  std::string describe() const override {
    return fmt::format("(1/{0}) sum_l N(c_l, {1}^2 I_{2}), {0} centres", centres_.cols(), std_, dimension());
  }

  /// s = sum_l p_l (c_l - x) / std^2, p_l the posterior of the centre.
  void scores(const Matrix& points, Matrix& scores) const override {
    for (Index j = 0; j < points.cols(); ++j) {
      scores.col(j) = (centres_ * posterior(points.col(j)) - points.col(j)) / (std_ * std_);
    }
  }

  /// J = -I / std^2 + Cov_p(c) / std^4.
  void jacobian_products(const Matrix& points, const Matrix& vectors, Matrix& products) const override {
    const double square = std_ * std_;
    for (Index j = 0; j < points.cols(); ++j) {
      const Vector p = posterior(points.col(j));
      const Matrix deviations = centres_.colwise() - centres_ * p;
      const Vector along = deviations.transpose() * vectors.col(j);
      products.col(j) = -vectors.col(j) / square + deviations * p.cwiseProduct(along) / (square * square);
    }
  }

 private:
  Vector posterior(const Vector& point) const {
    const Vector exponents = -(centres_.colwise() - point).colwise().squaredNorm().transpose() / (2 * std_ * std_);
    const Vector weights = (exponents.array() - exponents.maxCoeff()).exp();
    return weights / weights.sum();
  }

  Matrix centres_;  // [d x m]
  double std_;
};

class Banana final : public ScoreTarget {
 public:
  Banana(double scale, double bend) : square_(scale * scale), bend_(bend) {}

  Index dimension() const override { return 2; }
  std::string describe() const override {
    return fmt::format("x_0 ~ N(0, {0}), x_1 + {1} (x_0^2 - {0}) ~ N(0, 1)", square_, bend_);
  }

  void scores(const Matrix& points, Matrix& scores) const override {
    for (Index j = 0; j < points.cols(); ++j) {
      const double x = points(0, j);
      const double height = height_of(points, j);
      scores.col(j) << -x / square_ - 2 * bend_ * x * height, -height;
    }
  }

  void jacobian_products(const Matrix& points, const Matrix& vectors, Matrix& products) const override {
    for (Index j = 0; j < points.cols(); ++j) {
      const double slope = 2 * bend_ * points(0, j);
      const double corner = -1 / square_ - 2 * bend_ * height_of(points, j) - slope * slope;
      products.col(j) << corner * vectors(0, j) - slope * vectors(1, j), -slope * vectors(0, j) - vectors(1, j);
    }
  }

 private:
  double height_of(const Matrix& points, Index j) const {
    return points(1, j) + bend_ * (points(0, j) * points(0, j) - square_);
  }

  double square_;
  double bend_;
};

class LogisticPosterior final : public ScoreTarget {
 public:
  LogisticPosterior(const Inputs& inputs, const Vector& labels, double prior, bool intercept)
      : signed_inputs_(inputs.cols() + (intercept ? 1 : 0), inputs.rows()), prior_(prior), intercept_(intercept) {
    signed_inputs_.topRows(inputs.cols()) = inputs.transpose() * labels.asDiagonal();
    if (intercept) {
      signed_inputs_.bottomRows(1) = labels.transpose();
    }
  }

  Index dimension() const override { return signed_inputs_.rows(); }
  std::string describe() const override {
    return fmt::format("the posterior of logistic regression on {} samples{}, prior N(0, {}^2 I_{})",
                       signed_inputs_.cols(), intercept_ ? " with an intercept, the last coordinate" : "", prior_,
                       dimension());
  }

  /// s = sum_i sigma(-y_i w.x_i) y_i x_i - w / prior^2.
  void scores(const Matrix& points, Matrix& scores) const override {
    scores.noalias() = signed_inputs_ * doubts(points);
    scores -= points / (prior_ * prior_);
  }

  /// J = -sum_i sigma (1 - sigma) x_i x_i' - I / prior^2.
  void jacobian_products(const Matrix& points, const Matrix& vectors, Matrix& products) const override {
    const Matrix doubt = doubts(points);
    Matrix along = signed_inputs_.transpose() * vectors;
    along.array() *= -doubt.array() * (1 - doubt.array());
    products.noalias() = signed_inputs_ * along;
    products -= vectors / (prior_ * prior_);
  }

 private:
  /// sigma(-y_i w.x_i), without an overflow that is not 0 or 1.                            [n x M]
  Matrix doubts(const Matrix& points) const {
    const Matrix margins = signed_inputs_.transpose() * points;
    return margins.unaryExpr([](double margin) { return 1 / (1 + std::exp(margin)); });
  }

  Matrix signed_inputs_;  // [d x n] y_i x_i
  double prior_;
  bool intercept_;
};

}  // namespace

std::shared_ptr<const ScoreTarget> gaussian_mixture(const Matrix& centres, double std) {
  return std::make_shared<GaussianMixture>(centres, std);
}

std::shared_ptr<const ScoreTarget> banana(double scale, double bend) { return std::make_shared<Banana>(scale, bend); }

std::shared_ptr<const ScoreTarget> logistic_posterior(const Inputs& inputs, const Vector& labels, double prior,
                                                      bool intercept) {
  return std::make_shared<LogisticPosterior>(inputs, labels, prior, intercept);
}

}  // namespace mfld
