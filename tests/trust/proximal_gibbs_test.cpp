#include "mfld/trust/proximal_gibbs.hpp"
#include "mfld/model/tangent_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/trust/neuron_values.hpp"
#include "support/every_neuron.hpp"
#include "support/oracles/mean_field_world.hpp"

namespace mfld {
namespace {

// log int q[g] where it is a Gaussian integral: h = w.x, |X'g / n|^2 / (4 lambda1 lambda2) above that of psi = 0.
TEST(ProximalGibbs, OfLinearNeuronsIsGaussian) {
  for (const Index dimension : {1, 2, 3, 6}) {
    const MeanFieldWorld world(linear_neuron(), random_normals(20, dimension, 1), random_normals(20, 1, 2));
    const MeanFieldProblem problem = world.problem(0.3, 0.5);
    const Vector dual = random_normals(20, 1, 3);
    const Vector slope = world.data.train_inputs.transpose() * dual / 20;
    const double expected = 0.5 * static_cast<double>(dimension) * std::log(std::numbers::pi * 0.5 / 0.3) +
                            slope.squaredNorm() / (4 * 0.3 * 0.5);
    const Vector mean = -slope / (2 * 0.3);
    const ProximalGibbs gibbs = proximal_gibbs(problem, dual);
    EXPECT_EQ(gibbs.method, dimension <= 3 ? Integration::quadrature : Integration::monte_carlo);
    EXPECT_NEAR(gibbs.log_integral, expected, dimension <= 3 ? 1e-10 : 4 * gibbs.standard_error) << dimension;
    EXPECT_LT(gibbs.standard_error, dimension <= 3 ? 1e-3 : 0.05);
    EXPECT_NEAR(gibbs.weights.sum(), 1, 1e-12);
    const Vector outputs = weighted_outputs(world.network, gibbs.nodes, gibbs.weights, world.data.train_inputs);
    const double sampling = 4 * std::sqrt(0.5 / 0.6 / gibbs.effective_sample_size);
    const double longest = world.data.train_inputs.rowwise().norm().maxCoeff();
    EXPECT_LT((outputs - world.data.train_inputs * mean).cwiseAbs().maxCoeff(),
              dimension <= 3 ? 1e-9 : sampling * longest);
  }
}

// Whoever waits can stop it, whatever the method.
TEST(ProximalGibbs, GivesWayToStop) {
  const MeanFieldWorld world(linear_neuron(), random_normals(20, 2, 1), random_normals(20, 1, 2));
  MeanFieldProblem problem = world.problem(0.3, 0.5);
  const Vector dual = random_normals(20, 1, 3);
  std::atomic<bool> stop = false;
  problem.stop = &stop;
  for (const Integration method : {Integration::quadrature, Integration::monte_carlo, Integration::annealed}) {
    stop = false;
    EXPECT_NO_THROW(proximal_gibbs(problem, dual, {.method = method})) << name_of(method);
    stop = true;
    EXPECT_THROW(proximal_gibbs(problem, dual, {.method = method}), Interrupted) << name_of(method);
  }
}

// By quadrature and by both ways of sampling: z = 4 for each of the six, a false alarm in 4e-4 of seeds.
TEST(ProximalGibbs, QuadratureAndSamplesAgree) {
  const Neuron bounded{NeuronKind::bounded_r, Activation::tanh, false, 2};
  const Neuron sigmoid{NeuronKind::sigma, Activation::sigmoid, true, 1};
  const Neuron product{NeuronKind::r_sigma, Activation::tanh, false, 1};
  for (const Neuron& neuron : {bounded, sigmoid, product}) {
    const MeanFieldWorld world(neuron, random_normals(30, 1, 4), random_normals(30, 1, 5));
    const MeanFieldProblem problem = world.problem(0.4, 0.4);
    const Vector dual = world.data.train_inputs.col(0);
    const ProximalGibbs exact = proximal_gibbs(problem, dual);
    ASSERT_EQ(exact.method, Integration::quadrature);
    EXPECT_LT(exact.standard_error, 1e-6);
    for (const Integration method : {Integration::monte_carlo, Integration::annealed}) {
      const ProximalGibbs sampled = proximal_gibbs(problem, dual, {.seed = 1, .method = method});
      EXPECT_EQ(sampled.method, method);
      EXPECT_GT(sampled.standard_error, 0);
      EXPECT_LT(sampled.standard_error, 0.1);
      EXPECT_NEAR(sampled.log_integral, exact.log_integral, 4 * sampled.standard_error) << name_of(method);
    }
  }
}

// Where samples of the prior miss the mass: psi / lambda2 reaches tens. h = w.x in 8 dimensions has a closed form.
TEST(ProximalGibbs, AnnealingReachesWhatThePriorMisses) {
  const MeanFieldWorld world(linear_neuron(), random_normals(20, 8, 1), random_normals(20, 1, 2));
  const MeanFieldProblem problem = world.problem(0.05, 0.05);
  Vector dual = random_normals(20, 1, 3);
  Vector slope = world.data.train_inputs.transpose() * dual / 20;
  dual *= std::sqrt(4 * 0.05 * 0.05 * 6) / slope.norm();  // log int q[g] is 6 above that of the prior
  const double expected = 4 * std::log(std::numbers::pi) + 6;
  const ProximalGibbs gibbs = proximal_gibbs(problem, dual);
  EXPECT_EQ(gibbs.method, Integration::annealed);
  EXPECT_TRUE(gibbs.reason.empty());
  EXPECT_LT(gibbs.standard_error, 0.2);
  EXPECT_NEAR(gibbs.log_integral, expected, 4 * gibbs.standard_error);
}

/// log int q[g] and f_p by the trapezoidal rule over all p parameters, 12 standard deviations of nu to either side.
struct BruteForce {
  double log_integral;
  Vector outputs;
  Particles<double> nodes;
  Vector weights;
};

BruteForce over_all_parameters(const MeanFieldWorld& world, double lambda1, double lambda2, const Vector& dual,
                               Index side) {
  const Index p = world.network.layout().size;
  const double step = 24 * std::sqrt(lambda2 / (2 * lambda1)) / static_cast<double>(side - 1);
  Index num_nodes = 1;
  for (Index k = 0; k < p; ++k) {
    num_nodes *= side;
  }
  Particles<double> nodes(num_nodes, p);
  for (Index s = 0; s < num_nodes; ++s) {
    for (Index k = 0, rest = s; k < p; ++k, rest /= side) {
      nodes(s, k) = step * (static_cast<double>(rest % side) - 0.5 * static_cast<double>(side - 1));
    }
  }
  const Vector psi =
      first_variation(world.network, nodes, world.data.train_inputs, dual / static_cast<double>(dual.size()));
  const Vector exponents = -(psi + lambda1 * nodes.rowwise().squaredNorm()) / lambda2;
  const double largest = exponents.maxCoeff();
  Vector weights = (exponents.array() - largest).exp();
  const double sum = weights.sum();
  weights /= sum;
  return {largest + std::log(sum) + static_cast<double>(p) * std::log(step),
          weighted_outputs(world.network, nodes, weights, world.data.train_inputs), nodes, weights};
}

// r is integrated over exactly: the same as by brute force over r as well, and one dimension less.
TEST(ProximalGibbs, OfNeuronsLinearInROverAllParametersIsTheSame) {
  struct Case {
    Neuron neuron;
    Index side;
    double tolerance;
  };
  for (const auto& [neuron, side, tolerance] :
       {Case{{NeuronKind::r_sigma, Activation::tanh, false, 1}, 401, 1e-10},
        Case{{NeuronKind::r_sigma, Activation::relu, false, 1}, 801, 1e-3},  // psi < 2 lambda1: it exists
        Case{{NeuronKind::parity_unbounded, Activation::tanh, true, 2}, 97, 1e-10}}) {
    const MeanFieldWorld world(neuron, random_normals(30, 1, 4), random_normals(30, 1, 5));
    const double lambda1 = 0.4;
    const double lambda2 = 0.3;
    const Vector dual = 0.7 * world.data.train_inputs.col(0) + Vector::Constant(30, 0.2);
    const BruteForce expected = over_all_parameters(world, lambda1, lambda2, dual, side);
    const ProximalGibbs gibbs = proximal_gibbs(world.problem(lambda1, lambda2), dual);
    EXPECT_EQ(gibbs.method, Integration::quadrature);
    EXPECT_EQ(gibbs.nodes.cols(), world.network.layout().size);
    EXPECT_NEAR(gibbs.log_integral, expected.log_integral, tolerance);
    const Vector outputs = weighted_outputs(world.network, gibbs.nodes, gibbs.weights, world.data.train_inputs);
    EXPECT_LT((outputs - expected.outputs).cwiseAbs().maxCoeff(), tolerance);
  }
}

// r w.x: with v = w sum_i g_i x_i, E_nu exp(-psi / lambda2) = (1 - |v|^2 / (2 lambda1)^2)^(-1/2), and f_p = 0 no more
// than v.x, for E r w = -v / (2 lambda1) times the variance of w along v, lambda2 / (2 lambda1) / (1 - |v|^2 / (2
// lambda1)^2).
TEST(ProximalGibbs, OfProductsOfLinearUnitsHasAClosedForm) {
  for (const Index dimension : {1, 3, 6}) {
    const MeanFieldWorld world({NeuronKind::r_sigma, Activation::linear, false, 1}, random_normals(20, dimension, 1),
                               random_normals(20, 1, 2));
    const double lambda1 = 0.5;
    const double lambda2 = 0.3;
    Vector dual = random_normals(20, 1, 3);
    Vector v = world.data.train_inputs.transpose() * dual / 20;
    dual *= 0.5 / v.norm();  // half of 2 lambda1
    v *= 0.5 / v.norm();
    const auto p = static_cast<double>(dimension + 1);
    const double expected = 0.5 * p * std::log(std::numbers::pi * lambda2 / lambda1) - 0.5 * std::log(1 - 0.25);
    const ProximalGibbs gibbs = proximal_gibbs(world.problem(lambda1, lambda2), dual);
    EXPECT_EQ(gibbs.method, dimension <= 3 ? Integration::quadrature : Integration::monte_carlo);
    EXPECT_NEAR(gibbs.log_integral, expected, dimension <= 3 ? 1e-9 : 4 * gibbs.standard_error);
    const Vector outputs = weighted_outputs(world.network, gibbs.nodes, gibbs.weights, world.data.train_inputs);
    const Vector exact = -world.data.train_inputs * v / (2 * lambda1) * (lambda2 / (2 * lambda1)) / (1 - 0.25);
    EXPECT_LT((outputs - exact).norm(), (dimension <= 3 ? 1e-8 : 0.1) * exact.norm());
  }
}

// Low temperature, three dimensions beside r: annealed samples find what quadrature finds, z = 4.
TEST(ProximalGibbs, ProductsAreAnnealedRightly) {
  const MeanFieldWorld world({NeuronKind::r_sigma, Activation::tanh, true, 1}, random_normals(30, 2, 4),
                             random_normals(30, 1, 5));
  const MeanFieldProblem problem = world.problem(0.25, 0.25);
  for (const double size : {1.0, 2.0}) {
    const Vector dual = size * world.data.train_inputs.col(0);
    const ProximalGibbs exact = proximal_gibbs(problem, dual);
    ASSERT_EQ(exact.method, Integration::quadrature);
    const ProximalGibbs sampled = proximal_gibbs(problem, dual, {.method = Integration::annealed});
    EXPECT_TRUE(sampled.reason.empty()) << sampled.reason;
    EXPECT_LT(sampled.standard_error, 0.1);
    EXPECT_NEAR(sampled.log_integral, exact.log_integral, 4 * sampled.standard_error) << size;
  }
}

// The stated standard error is the one seen over 100 seeds, within 4 errors of a variance; the mean is right, z = 4.
TEST(ProximalGibbs, StandardErrorsAreThoseSeen) {
  const Neuron neuron{NeuronKind::bounded_r, Activation::tanh, false, 2};
  const MeanFieldWorld world(neuron, random_normals(30, 1, 4), random_normals(30, 1, 5));
  const MeanFieldProblem problem = world.problem(0.4, 0.4);
  const Vector dual = world.data.train_inputs.col(0);
  const double exact = proximal_gibbs(problem, dual).log_integral;
  for (const Integration method : {Integration::monte_carlo, Integration::annealed}) {
    double squares = 0;
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const ProximalGibbs gibbs = proximal_gibbs(problem, dual, {.seed = seed, .method = method});
      const double z = (gibbs.log_integral - exact) / gibbs.standard_error;
      sum += z / 100;
      squares += z * z / 100;
    }
    EXPECT_NEAR(sum, 0, 0.4 + 0.05) << name_of(method);  // and half the standard error, the bias of a logarithm
    EXPECT_NEAR(squares, 1, 4 * std::sqrt(2.0 / 100)) << name_of(method);
  }
}

// Draws have the moments of the law, by quadrature over all parameters: mean and second moments of each, z = 4.5 for
// the eleven, for draws that repeat nodes are not quite independent. From lattice points they are moved apart.
TEST(ProximalGibbs, DrawsHaveTheMomentsOfTheLaw) {
  for (const Neuron& neuron : {Neuron{NeuronKind::r_sigma, Activation::tanh, false, 1},
                               Neuron{NeuronKind::bounded_r, Activation::tanh, false, 2},
                               Neuron{NeuronKind::sigma, Activation::sigmoid, false, 1}}) {
    const MeanFieldWorld world(neuron, random_normals(30, 1, 4), random_normals(30, 1, 5));
    const MeanFieldProblem problem = world.problem(0.4, 0.2);
    const Vector dual = world.data.train_inputs.col(0) + Vector::Constant(30, 0.3);
    const auto law = over_all_parameters(world, 0.4, 0.2, dual, 301);
    const Index count = 4000;
    const Particles<double> draws = gibbs_draws(problem, dual, proximal_gibbs(problem, dual), count, 1);
    for (Index a = 0; a < draws.cols(); ++a) {
      for (Index b = a - 1; b < draws.cols(); ++b) {  // the mean, then products
        const auto term = [&](const Particles<double>& thetas) {
          return b < a ? Vector(thetas.col(a)) : Vector(thetas.col(a).cwiseProduct(thetas.col(b)));
        };
        const double mean = law.weights.dot(term(law.nodes));
        const double variance = law.weights.dot(term(law.nodes).cwiseAbs2()) - mean * mean;
        EXPECT_NEAR(term(draws).mean(), mean, 4.5 * std::sqrt(variance / count)) << a << ' ' << b;
      }
    }
    Vector sorted = draws.col(0);
    std::sort(sorted.begin(), sorted.end());
    const auto num_different = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
    EXPECT_GT(num_different, count * 99 / 100);
    const auto again = [&] { return gibbs_draws(problem, dual, proximal_gibbs(problem, dual), count, 1); };
    EXPECT_EQ(with_threads(3, again), draws);
  }
}

TEST(ProximalGibbs, DoesNotDependOnThreads) {
  const MeanFieldWorld world({NeuronKind::bounded_r, Activation::tanh, true, 2}, random_normals(300, 4, 4),
                             random_normals(300, 1, 5));
  const Vector dual = world.data.train_targets;
  for (const Integration method : {Integration::monte_carlo, Integration::annealed}) {
    const auto run = [&] {
      return proximal_gibbs(world.problem(0.1, 0.1), dual, {.seed = 1, .method = method, .num_samples = 512});
    };
    const ProximalGibbs one = with_threads(1, run);
    const ProximalGibbs three = with_threads(3, run);
    EXPECT_EQ(one.log_integral, three.log_integral);
    EXPECT_EQ(one.nodes, three.nodes);
  }
}

TEST(ProximalGibbs, ATemperatureThatIsTooLowIsAReason) {
  const MeanFieldWorld world({NeuronKind::bounded_r, Activation::tanh, true, 5}, random_normals(30, 10, 4),
                             random_normals(30, 1, 5));
  const ProximalGibbs gibbs = proximal_gibbs(world.problem(0.1, 1e-5), 10 * world.data.train_targets);
  EXPECT_NE(gibbs.reason.find("the temperature is too low for it"), std::string::npos);
  EXPECT_TRUE(std::isnan(gibbs.log_integral));
}

TEST(ProximalGibbs, ExistsWhereNeuronsGrowLinearlyAtMost) {
  const auto reason = [](NeuronKind kind, Activation activation) {
    return gibbs_integral_unavailable(Network({kind, activation, false, 1}, 2, {}));
  };
  EXPECT_FALSE(reason(NeuronKind::r_sigma, Activation::tanh));
  EXPECT_TRUE(reason(NeuronKind::r_sigma, Activation::relu));
  EXPECT_FALSE(reason(NeuronKind::sigma, Activation::relu));
  EXPECT_TRUE(reason(NeuronKind::sigma, Activation::squared_relu));
  EXPECT_TRUE(reason(NeuronKind::bounded_r, Activation::squared_relu));
  EXPECT_FALSE(mean_field_unavailable(Network({NeuronKind::r_sigma, Activation::relu, false, 1}, 2, {})));
  EXPECT_TRUE(mean_field_unavailable(Network({NeuronKind::fixed_sign, Activation::tanh, false, 1}, 2, {})));
  EXPECT_TRUE(mean_field_unavailable(Network(linear_neuron(), 2, {.kind = ScalingKind::ntk})));
  EXPECT_TRUE(mean_field_unavailable(TangentNetwork(Network(linear_neuron(), 2, {}), Particles<double>::Zero(3, 2))));
  EXPECT_TRUE(mean_field_unavailable(
      Network({NeuronKind::sigma, Activation::tanh, true, 1}, 2, {}, {.input = true, .bias = false})));
}

// Both sums over neurons and samples against the network's own pass, one theta at a time.
TEST(NeuronValues, AreThoseOfTheNetwork) {
  for (const Neuron& neuron : every_neuron()) {
    const Index n = 150;
    const MeanFieldWorld world(neuron, random_normals(n, 3, 6), random_normals(n, 1, 7));
    const Particles<double> thetas = random_normals(70, world.network.layout().size, 8);
    const Vector coefficients = random_normals(n, 1, 9);
    const Vector weights = random_normals(70, 1, 10);
    Matrix values(n, 70);
    const PackedInputs<double> inputs(world.data.train_inputs);
    KernelWorkspace<double> workspace;
    for (Index s = 0; s < 70; ++s) {
      world.network.outputs(Particles<double>(thetas.row(s)), inputs, {values.col(s).data(), 150}, workspace);
    }
    const Vector variation = first_variation(world.network, thetas, world.data.train_inputs, coefficients);
    EXPECT_LT((variation - values.transpose() * coefficients).cwiseAbs().maxCoeff(), 1e-11);
    const Vector outputs = weighted_outputs(world.network, thetas, weights, world.data.train_inputs);
    EXPECT_LT((outputs - values * weights).cwiseAbs().maxCoeff(), 1e-11);
    const Vector sums = HiddenSums<double>(world.network, world.data.train_inputs, coefficients)(thetas);
    const Vector rounded = HiddenSums<float>(world.network, world.data.train_inputs, coefficients)(thetas);
    EXPECT_LT((rounded - sums).cwiseAbs().maxCoeff(), 3e-6 * static_cast<double>(n));
  }
}

}  // namespace
}  // namespace mfld
