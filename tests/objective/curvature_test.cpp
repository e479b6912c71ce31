#include "mfld/objective/curvature.hpp"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "mfld/model/tangent_network.hpp"
#include "mfld/ntk/empirical.hpp"
#include "mfld/objective/empirical_risk.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

/// R = (1/2) sum_j theta_j' A theta_j of particles with two parameters: the curvatures are the eigenvalues of A.
class Quadratic final : public Objective<double> {
 public:
  explicit Quadratic(const Eigen::Matrix2d& matrix) : matrix_(matrix) {}
  Index num_terms() const override { return 1; }
  const std::vector<unsigned char>& trained() const override { return moves_; }
  std::string describe(Index) const override { return "quadratic"; }
  double value(const Particles<double>& theta) override { return 0.5 * (theta * matrix_).cwiseProduct(theta).sum(); }
  void drift(const Particles<double>& theta, Drift& drift, SampleSpan<double>, const Finish&) override {
    drift = theta * matrix_;
  }
  void drift_of(std::span<const Index>, const Particles<double>& theta, Drift& drift, const Finish&) override {
    drift = theta * matrix_;
  }
  void subtract(std::span<const Index>, SampleSpan<const double>, const Particles<double>&, Drift&,
                const Finish&) override {}

 private:
  Eigen::Matrix2d matrix_;
  std::vector<unsigned char> moves_ = {1, 1};
};

double curvature_of(const Eigen::Matrix2d& matrix, const std::vector<unsigned char>& moved = {1, 1},
                    const Penalty<double>& penalty = {}) {
  Quadratic objective(matrix);
  const Particles<double> particles = random_normals(7, 2, 1);
  return largest_curvature(objective, particles, penalty, moved);
}

TEST(Curvature, IsTheLargestEigenvalueAndNotTheLargestInSize) {
  EXPECT_NEAR(curvature_of(Eigen::Matrix2d{{2, 1}, {1, 2}}), 3, 1e-6);
  EXPECT_NEAR(curvature_of(Eigen::Matrix2d{{-5, 0}, {0, 1}}), 1, 1e-6);
  EXPECT_NEAR(curvature_of(Eigen::Matrix2d{{2, 1}, {1, 2}}, {1, 1}, {0.25}), 3.5, 1e-6);
  EXPECT_NEAR(curvature_of(Eigen::Matrix2d{{5, 0}, {0, 2}}, {0, 1}), 2, 1e-6) << "of what moves";
  EXPECT_EQ(curvature_of(Eigen::Matrix2d{{5, 0}, {0, 2}}, {0, 0}), 0);
  EXPECT_EQ(curvature_of(Eigen::Matrix2d::Zero()), 0);
  EXPECT_TRUE(std::isnan(curvature_of(Eigen::Matrix2d::Constant(std::numeric_limits<double>::infinity()))));
}

const Neuron tanh_neuron{NeuronKind::r_sigma, Activation::tanh, true, 1};

// Of a linearised network and the squared loss: the eigenvalues of K / n, and the penalty.
TEST(Curvature, OfALinearisedNetworkIsThatOfItsTangentKernel) {
  constexpr Index n = 40;
  const Risk risk(Loss{}, Reduction::mean);
  const Dataset data = random_dataset(n, 3, risk.loss(), 5);
  const Particles<double> start = random_particles(tanh_neuron, 3, 20, 2);
  for (const ScalingKind scaling : {ScalingKind::mean_field, ScalingKind::ntk, ScalingKind::standard}) {
    const Network network(tanh_neuron, 3, {.kind = scaling});
    const TangentNetwork model(network, start);
    EmpiricalRisk<double> objective(model, risk, data);
    const Matrix kernel = empirical_ntk(network, start, data.train_inputs, data.train_inputs);
    const double largest =
        Eigen::SelfAdjointEigenSolver<Matrix>(kernel).eigenvalues().maxCoeff() / static_cast<double>(n);
    const Penalty<double> penalty = {0.05};
    const double found = largest_curvature(objective, start, penalty, network.trained(), {.num_drifts = 300});
    EXPECT_NEAR(found, largest + 0.1, 1e-4 * found);
    const double quick = largest_curvature(objective, start, penalty, network.trained());
    EXPECT_LE(quick, found * (1 + 1e-6));
    EXPECT_GE(quick, 0.95 * found);
  }
}

// Of a network with all its second derivatives, against the matrix of differences, column by column.
TEST(Curvature, OfANetworkIsThatOfItsJacobian) {
  const Risk risk(Loss{}, Reduction::mean);
  Dataset data = random_dataset(30, 2, risk.loss(), 7);
  data.train_targets *= 10;  // residuals that make the second derivatives count
  const Network network(tanh_neuron, 2, {});
  Particles<double> particles = random_particles(tanh_neuron, 2, 5, 3);
  EmpiricalRisk<double> objective(network, risk, data);
  const Index size = particles.size();
  Matrix jacobian(size, size);
  Drift above(particles.rows(), particles.cols());
  Drift below = above;
  for (Index k = 0; k < size; ++k) {
    constexpr double h = 1e-5;
    const double at = particles.data()[k];
    particles.data()[k] = at + h;
    objective.drift(particles, above);
    particles.data()[k] = at - h;
    objective.drift(particles, below);
    particles.data()[k] = at;
    jacobian.col(k) = (above - below).reshaped() / (2 * h);
  }
  EXPECT_LT((jacobian - jacobian.transpose()).norm(), 1e-6 * jacobian.norm());
  const Vector eigenvalues = Eigen::SelfAdjointEigenSolver<Matrix>(jacobian).eigenvalues();
  EXPECT_NEAR(largest_curvature(objective, particles, {}, network.trained(), {.num_drifts = 1000}),
              eigenvalues.maxCoeff(), 1e-3 * eigenvalues.maxCoeff());
}

// Of many terms some, evenly: here every sample stands there twice, next to itself.
TEST(Curvature, TakesSomeOfManyTerms) {
  const Risk risk(Loss{}, Reduction::mean);
  const Dataset single = random_dataset(25, 3, risk.loss(), 9);
  Dataset twice = single;
  twice.train_inputs = Inputs(50, 3);
  twice.train_targets = Vector(50);
  for (Index i = 0; i < 50; ++i) {
    twice.train_inputs.row(i) = single.train_inputs.row(i / 2);
    twice.train_targets[i] = single.train_targets[i / 2];
  }
  const Network network(tanh_neuron, 3, {});
  const Particles<double> particles = random_particles(tanh_neuron, 3, 6, 4);
  EmpiricalRisk<double> of_single(network, risk, single);
  EmpiricalRisk<double> of_twice(network, risk, twice);
  const double all = largest_curvature(of_single, particles, {}, network.trained());
  EXPECT_NEAR(largest_curvature(of_twice, particles, {}, network.trained(), {.most_terms = 25}), all, 1e-6 * all);
}

}  // namespace
}  // namespace mfld
