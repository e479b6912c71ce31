#include "mfld/trust/log_sobolev.hpp"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <random>
#include <vector>

#include "mfld/trust/neuron_values.hpp"
#include "support/oracles/mean_field_world.hpp"

namespace mfld {
namespace {

/// The spectral gap of the Gibbs law of one parameter: the first eigenvalue above 0 of the jumps between neighbours of
/// a fine grid that keep it. No log-Sobolev constant is larger.
double spectral_gap(const MeanFieldWorld& world, double lambda1, double lambda2, const Vector& dual) {
  constexpr Index size = 1200;
  const double reach = 7 * std::sqrt(lambda2 / (2 * lambda1)) + 2;
  const double step = 2 * reach / (size - 1);
  const Particles<double> grid = Vector::LinSpaced(size, -reach, reach);
  const Vector coefficients = world.problem(lambda1, lambda2).sample_weight() * dual;
  const Vector potential =
      (first_variation(world.network, grid, world.data.train_inputs, coefficients) + lambda1 * grid.cwiseAbs2()) /
      lambda2;
  Vector diagonal = Vector::Zero(size);
  for (Index k = 0; k + 1 < size; ++k) {
    const double up = std::exp(0.5 * (potential[k] - potential[k + 1])) / (step * step);
    diagonal[k] += up;
    diagonal[k + 1] += 1 / (up * std::pow(step, 4));
  }
  Eigen::SelfAdjointEigenSolver<Matrix> solver;
  solver.computeFromTridiagonal(diagonal, Vector::Constant(size - 1, -1 / (step * step)), Eigen::EigenvaluesOnly);
  return solver.eigenvalues()[1];
}

TEST(LogSobolev, BoundIsBelowTheSpectralGapAndExactForLinearNeurons) {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const Inputs inputs = random_normals(10, 1, 1);
    const Vector dual = 0.1 * random_normals(10, 1, 2);
    const double lambda1 = 0.3;
    const double lambda2 = 0.5;
    const MeanFieldWorld linear(linear_neuron(), inputs, dual, {}, reduction);
    const double exact = log_sobolev_bound(linear.problem(lambda1, lambda2), dual);
    EXPECT_DOUBLE_EQ(exact, 2 * lambda1 / lambda2);
    EXPECT_NEAR(spectral_gap(linear, lambda1, lambda2, dual), exact, 1e-3 * exact);
    for (const Activation activation : {Activation::tanh, Activation::erf, Activation::sigmoid}) {
      const MeanFieldWorld world({NeuronKind::sigma, activation, false, 1}, inputs, dual, {}, reduction);
      for (const double size : {-3.0, 0.5, 3.0}) {
        const double bound = log_sobolev_bound(world.problem(lambda1, lambda2), size * dual);
        EXPECT_GT(bound, 0);
        EXPECT_LT(bound, 1.001 * spectral_gap(world, lambda1, lambda2, size * dual)) << size;
      }
    }
  }
}

// The oscillation is that of the neurons: no sample of theta goes beyond it, and some come near.
TEST(LogSobolev, OscillationsAreThoseOfTheNeurons) {
  for (const Neuron& neuron :
       {Neuron{NeuronKind::sigma, Activation::sigmoid, true, 1}, Neuron{NeuronKind::sigma, Activation::erf, true, 1},
        Neuron{NeuronKind::bounded_r, Activation::tanh, true, 3},
        Neuron{NeuronKind::bounded_r, Activation::sigmoid, true, 3},
        Neuron{NeuronKind::parity, Activation::tanh, true, 3}}) {
    const MeanFieldWorld world(neuron, Inputs::Constant(1, 1, 0.7), Vector::Ones(1));
    const Vector one = Vector::Ones(1);
    const Vector values = first_variation(world.network, 20 * random_normals(2000, world.network.layout().size, 3),
                                          world.data.train_inputs, one);
    const double seen = values.maxCoeff() - values.minCoeff();
    // lambda1 = 1/2, lambda2 = 1: the bound is exp(-osc).
    const double stated = -std::log(log_sobolev_bound(world.problem(0.5, 1), one));
    EXPECT_LE(seen, stated + 1e-12);
    EXPECT_GT(seen, 0.99 * stated);
  }
}

TEST(LogSobolev, ExistsForNeuronsThatAreBoundedButForLinearTerms) {
  const auto reason = [](NeuronKind kind, Activation activation) {
    return log_sobolev_unavailable(Network({kind, activation, false, 1}, 2, {}));
  };
  EXPECT_FALSE(reason(NeuronKind::sigma, Activation::tanh));
  EXPECT_FALSE(reason(NeuronKind::linear, Activation::linear));
  EXPECT_FALSE(reason(NeuronKind::parity_unbounded, Activation::tanh));
  EXPECT_TRUE(reason(NeuronKind::sigma, Activation::relu));
  EXPECT_TRUE(reason(NeuronKind::bounded_r, Activation::softplus));
  EXPECT_TRUE(reason(NeuronKind::r_sigma, Activation::tanh));
}

// Exact on a curve; of 400 curves with noise of a tenth the interval of 95 % holds 380 on average, deviation 4.4: z =
// 4.
TEST(LogSobolev, DecayRatesHaveTheirConfidence) {
  std::vector<double> times, values;
  for (int k = 0; k < 12; ++k) {
    times.push_back(0.3 * k);
    values.push_back(2 * std::exp(-1.7 * times.back()));
  }
  const DecayRate exact = decay_rate(times, values, values);
  EXPECT_NEAR(exact.rate, 1.7, 1e-12);
  EXPECT_LT(exact.high - exact.low, 1e-10);
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  int num_inside = 0;
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<double> seen, errors;
    for (std::size_t k = 0; k < values.size(); ++k) {
      errors.push_back((k % 2 == 0 ? 0.05 : 0.1) * values[k]);
      seen.push_back(values[k] + errors.back() * normal(engine));
    }
    const DecayRate fitted = decay_rate(times, seen, errors);
    num_inside += fitted.low <= 1.7 && 1.7 <= fitted.high ? 1 : 0;
  }
  EXPECT_NEAR(num_inside, 380, 4 * std::sqrt(400 * 0.95 * 0.05));
}

}  // namespace
}  // namespace mfld
