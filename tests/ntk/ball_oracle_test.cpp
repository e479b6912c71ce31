// Kernels of infinite width against an oracle that shares nothing with them: balls that hold the exact numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <random>
#include <vector>

#include "mfld/ntk/infinite_width.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/ball_kernel.hpp"
#include "support/oracles/kernel_recursion.hpp"

namespace mfld {
namespace {

using test::Ball;
using test::ball_kernel;
using test::BallDual;
using test::BallKernel;
using test::distance;
using test::random_inputs;

constexpr double narrow = 1e-17;  // of balls, where the numbers they are compared with are doubles

// ---- The oracle itself

TEST(BallOracle, HoldsTheReferencesOfErfAndTanhAndReluInNarrowBalls) {
  Ball::bits = 128;
  const auto near = [](const Ball& ball, double number) {
    EXPECT_LE(distance(ball, number), 4e-16 * std::max(1.0, std::abs(number)));  // as many digits as a double has
    EXPECT_LT(ball.radius(), narrow);
  };
  const BallDual tanh = test::dual_by_quadrature(Activation::tanh, 1, 1, 1);
  near(tanh.value, 0.3942944903978411742479);
  near(tanh.slope, 0.4644029024482682419159);
  const BallDual orthogonal = test::dual_by_quadrature(Activation::tanh, 1, 1, 0);
  near(orthogonal.value, 0);
  near(orthogonal.slope, 0.3668791643624109172604);
  const BallDual erf = test::dual_by_formula(Activation::erf, 1, 1, 0.5);
  near(erf.value, 0.2163468959387854596582);
  near(erf.slope, 0.4501581580785530347775);

  Inputs x(2, 2);
  x << 1, 2, 0.5, -1;
  const BallKernel relu = ball_kernel(KernelConvention::lee(5, 2, 0.1, 2), Activation::relu, x, 0, x, 1);
  near(relu.nngp, 2.0368836100603483438666);
  near(relu.ntk, 3.6696172732870761732962);
  near(relu.row_variance, 5.5);
}

TEST(BallOracle, QuadratureAndFormulaOfErfOverlap) {
  Ball::bits = 128;
  for (const double c : {-1.2, -0.4, 0.0, 0.9, std::sqrt(1.44)}) {
    const BallDual formula = test::dual_by_formula(Activation::erf, 1.44, 1, c);
    const BallDual quadrature = test::dual_by_quadrature(Activation::erf, 1.44, 1, c);
    for (const auto& [one, other] : {std::pair(formula.value, quadrature.value), {formula.slope, quadrature.slope}}) {
      EXPECT_TRUE(arb_overlaps(one.get(), other.get())) << c;
      EXPECT_LT(one.radius() + other.radius(), narrow) << c;
    }
  }
}

// ---- The program

/// Rows i of x and z are a pair: two at random, the others nearly parallel and antiparallel, and so to the bit.
struct Pairs {
  Inputs x, z;
};

Pairs pairs_of(Index dim, unsigned seed) {
  constexpr Index count = 6;
  Pairs pairs{random_inputs(count, dim, seed), random_inputs(count, dim, seed + 100)};
  const Inputs noise = random_inputs(count, dim, seed + 200);
  Index row = 2;
  for (const double gap : {1e-6, 0.0}) {
    for (const double sign : {1.0, -1.0}) {
      pairs.z.row(row) = sign * (1.25 * pairs.x.row(row) + gap * noise.row(row));
      ++row;
    }
  }
  return pairs;
}

struct Case {
  std::string name;
  KernelConvention convention;
};

std::vector<Case> cases_of(Activation kind, Index dim) {
  return {{"two-layer-bias", KernelConvention::two_layer_bias()},
          {"lee to depth 3", KernelConvention::lee(3, 1.5, 0.05, dim)},
          {"arora to depth 4", KernelConvention::arora(4, kind)}};
}

/// Of closed forms nothing but rounding is left, for every layer, relative to the diagonal.
constexpr double rounding = 1e-13;
/// Bounds are worst cases of rounding; these are what they are of the largest entry.
constexpr double tight = 2e-12;

/// Returns the largest error of an entry, in units of the largest entry.
double compare(Activation kind, const Case& each, const Pairs& pairs) {
  double worst = 0;
  const Index count = pairs.x.rows();
  std::vector<BallKernel> want;
  for (Index i = 0; i < count; ++i) {
    want.push_back(ball_kernel(each.convention, kind, pairs.x, i, pairs.z, i));
  }
  on_every_instruction_set([&] {
    const auto got = infinite_width_kernel(each.convention, kind, pairs.x, pairs.z);
    EXPECT_LT(got.nngp_error, tight * got.nngp.cwiseAbs().maxCoeff());
    EXPECT_LT(got.ntk_error, tight * got.ntk.cwiseAbs().maxCoeff());
    for (Index i = 0; i < count; ++i) {
      SCOPED_TRACE("pair " + std::to_string(i));
      const BallKernel& entry = want[static_cast<std::size_t>(i)];
      const double scale = std::sqrt(entry.row_variance.magnitude() * entry.column_variance.magnitude());
      const double allowed = test::has_formula(kind) ? rounding * each.convention.num_weight_layers * scale : 0;
      EXPECT_LE(distance(entry.nngp, got.nngp(i, i)), got.nngp_error + allowed);
      EXPECT_LE(distance(entry.ntk, got.ntk(i, i)), got.ntk_error + allowed);
      EXPECT_LT(entry.ntk.radius(), 20 * narrow * std::max(1.0, entry.ntk.magnitude()));
      worst = std::max({worst, distance(entry.nngp, got.nngp(i, i)) / got.nngp.cwiseAbs().maxCoeff(),
                        distance(entry.ntk, got.ntk(i, i)) / got.ntk.cwiseAbs().maxCoeff()});
    }
  });
  return worst;
}

TEST(BallOracle, TheErrorOfEveryKernelIsBelowItsBoundAndTheBoundIsTight) {
  constexpr Index dim = 3;
  double worst = 0;
  for (const ActivationInfo& row : activations) {
    const Pairs pairs = pairs_of(dim, 41 + static_cast<unsigned>(row.kind));
    for (const Case& each : cases_of(row.kind, dim)) {
      SCOPED_TRACE(std::string(row.name) + ", " + each.name);
      worst = std::max(worst, compare(row.kind, each, pairs));
    }
  }
  std::printf("largest error of a kernel, in units of its largest entry: %.1e\n", worst);
}

TEST(BallOracle, TheErrorOfSmallAndLargeDualActivationsIsBelowItsBound) {
  Ball::bits = 128;
  for (const Activation kind : {Activation::tanh, Activation::sigmoid, Activation::softplus}) {
    for (const auto& [a, b, cosine] : {std::tuple(1e-8, 1e-8, 0.5), {1e-8, 1.0, -1.0}, {16.0, 0.25, 0.3}}) {
      const double c = cosine * std::sqrt(a * b);
      const DualActivation got = dual_activation(kind, a, b, c);
      const BallDual want = test::dual_by_quadrature(kind, a, b, c);
      SCOPED_TRACE(std::string(info(kind).name) + " at a = " + std::to_string(a));
      EXPECT_LE(distance(want.value, got.value), got.value_error + 2 * want.value.radius());
      EXPECT_LE(distance(want.slope, got.slope), got.slope_error + 2 * want.slope.radius());
      const double size = kind == Activation::tanh ? std::sqrt(std::min(1.0, a) * std::min(1.0, b)) : 1 + a + b;
      EXPECT_LT(got.value_error, tight * size);
      EXPECT_LT(got.slope_error, tight);
    }
  }
}

}  // namespace
}  // namespace mfld
