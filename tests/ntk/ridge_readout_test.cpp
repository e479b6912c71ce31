#include "mfld/ntk/ridge_readout.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "mfld/core/parallel.hpp"
#include "mfld/model/neuron_derivatives.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

constexpr Scaling scalings[] = {{.kind = ScalingKind::mean_field},
                                {.kind = ScalingKind::ntk},
                                {.kind = ScalingKind::standard},
                                {.kind = ScalingKind::alpha, .alpha = 3}};

struct Problem {
  Problem(Index n, Index width, Index d, const Scaling& scaling = {}, bool bias = true,
          Activation activation = Activation::tanh)
      : network({NeuronKind::r_sigma, activation, bias, 1}, d, scaling),
        data(random_dataset(n, d, {}, 1)),
        particles(random_particles(network.neuron(), d, width, 5)) {}

  std::optional<Vector> solve(double shift, RidgeForm form = RidgeForm::smaller) const {
    return ridge_readout(network, particles, data.train_inputs, data.train_targets, shift, form);
  }

  /// d/dr of (1/2) |f - y|^2 + (shift / 2) penalty_factor |r|^2, from the neurons themselves.
  Vector gradient(const Vector& r, double shift) const {
    const Matrix features = neuron_derivatives(network, particles, data.train_inputs).output;
    const double factor = network.scaling().output_factor(particles.rows());
    return factor * (features.transpose() * (factor * (features * r) - data.train_targets)) +
           shift * network.scaling().penalty_factor(particles.rows()) * r;
  }

  /// At least the condition number of the equations for r.
  double condition(double shift) const {
    const Matrix features = neuron_derivatives(network, particles, data.train_inputs).output;
    const double factor = network.scaling().output_factor(particles.rows());
    return 1 + factor * factor * features.squaredNorm() / (shift * network.scaling().penalty_factor(particles.rows()));
  }

  Network network;
  Dataset data;
  Particles<double> particles;
};

/// The residual of a Cholesky solution of m equations is at most about m times rounding times the condition number
/// (Higham 2002, theorem 10.4), here less than one of these m.
TEST(RidgeReadout, SolvesTheNormalEquationsInEveryScaling) {
  double worst = 0;
  for (const Scaling& scaling : scalings) {
    for (const auto& [n, width] : {std::pair<Index, Index>{40, 90}, {90, 40}, {50, 50}}) {
      for (const bool bias : {true, false}) {
        const Problem problem(n, width, 3, scaling, bias);
        for (const RidgeForm form : {RidgeForm::smaller, RidgeForm::of_samples, RidgeForm::of_neurons}) {
          const Vector r = *problem.solve(0.1, form);
          const double error = problem.gradient(r, 0.1).norm() / problem.gradient(Vector::Zero(width), 0.1).norm();
          worst = std::max(worst, error / (std::numeric_limits<double>::epsilon() * problem.condition(0.1)));
        }
      }
    }
  }
  RecordProperty("worst", std::to_string(worst));
  EXPECT_LT(worst, 1);
}

TEST(RidgeReadout, IsTheSameFromSamplesAndFromNeurons) {
  // Sizes about those of the tiles, one sample, one neuron, wide inputs.
  struct Sizes {
    Index n;
    Index width;
    Index d;
  };
  for (const auto& [n, width, d] :
       {Sizes{1, 1, 1}, {1, 300, 2}, {300, 1, 2}, {129, 257, 5}, {257, 129, 5}, {60, 40, 784}}) {
    const Problem problem(n, width, d);
    const Vector of_samples = *problem.solve(0.3, RidgeForm::of_samples);
    const Vector of_neurons = *problem.solve(0.3, RidgeForm::of_neurons);
    EXPECT_LE((of_samples - of_neurons).norm(), 1e-11 * of_samples.norm()) << n << ' ' << width << ' ' << d;
    EXPECT_EQ(*problem.solve(0.3), n <= width ? of_samples : of_neurons);
  }
}

TEST(RidgeReadout, DoesNotDependOnTheReadoutBefore) {
  Problem problem(30, 20, 3);
  const Vector expected = *problem.solve(0.1);
  problem.particles.col(0).setConstant(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(*problem.solve(0.1), expected);
}

TEST(RidgeReadout, LeavesResidualsThatAreTheShiftTimesTheCoefficients) {
  // f(x_i) = y_i - shift a_i with a = (K + shift I)^-1 y, by another solver.
  Problem problem(25, 40, 3);
  const Matrix features = neuron_derivatives(problem.network, problem.particles, problem.data.train_inputs).output;
  const Matrix kernel = features * features.transpose() / 40;
  const Vector a = (kernel + 0.2 * Matrix::Identity(25, 25)).fullPivLu().solve(problem.data.train_targets);
  problem.particles.col(0) = *problem.solve(0.2);
  const Vector f = outputs_at(problem.network, problem.particles, problem.data.train_inputs);
  EXPECT_LE((f - (problem.data.train_targets - 0.2 * a)).norm(), 1e-12);
}

TEST(RidgeReadout, HasTheSameBitsOnAnyNumberOfThreads) {
  for (const RidgeForm form : {RidgeForm::of_samples, RidgeForm::of_neurons}) {
    const Problem problem(400, 700, 6);
    const Vector expected = with_threads(1, [&] { return *problem.solve(0.1, form); });
    for (const int threads : {2, 8}) {
      EXPECT_EQ(with_threads(threads, [&] { return *problem.solve(0.1, form); }), expected);
    }
  }
}

TEST(RidgeReadout, HasNoneWhereTheMatrixIsSingularToRounding) {
  Problem twins(12, 60, 3);
  twins.data.train_inputs.row(7) = twins.data.train_inputs.row(3);
  EXPECT_FALSE(twins.solve(1e-18));
  EXPECT_TRUE(twins.solve(1e-6));
  Problem narrow(60, 12, 3);
  narrow.particles.row(7) = narrow.particles.row(3);
  EXPECT_FALSE(narrow.solve(1e-18));
  EXPECT_TRUE(narrow.solve(1e-6));
}

TEST(RidgeReadout, HasNoneWhereSomethingIsNotFinite) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const auto& [n, width] : {std::pair<Index, Index>{12, 30}, {30, 12}, {1, 1}}) {
      Problem of_particle(n, width, 2, {}, true, Activation::relu);
      of_particle.particles.row(0).tail(3).setConstant(bad);
      EXPECT_FALSE(of_particle.solve(0.1));
      Problem of_label(n, width, 2);
      of_label.data.train_targets[0] = bad;
      EXPECT_FALSE(of_label.solve(0.1));
    }
  }
}

}  // namespace
}  // namespace mfld
