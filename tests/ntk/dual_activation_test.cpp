// E sigma(u) sigma(v) and E sigma'(u) sigma'(v), and the bounds of what quadrature leaves out.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "mfld/ntk/infinite_width.hpp"
#include "support/oracles/kernel_recursion.hpp"

namespace mfld {
namespace {

using Long = long double;
using test::first_layer;
using test::Quad;
using test::quad_kernel;
using test::QuadDual;
using test::QuadKernel;
using test::random_inputs;
constexpr double pi = std::numbers::pi;

struct LongDual {
  Long value, slope;
};

/// E sigma(u) sigma(v) and E sigma'(u) sigma'(v) by the trapezoid rule in two dimensions.
LongDual long_quadrature(Activation kind, Long a, Long b, Long c) {
  const auto sigma = [kind](Long z) -> LongDual {
    if (kind == Activation::tanh) {
      const Long t = std::tanh(z);
      return {t, 1 - t * t};
    }
    const Long s = 1 / (1 + std::exp(-z));
    return kind == Activation::sigmoid ? LongDual{s, s * (1 - s)}
                                       : LongDual{std::max(z, Long{0}) + std::log1p(std::exp(-std::abs(z))), s};
  };
  const Long step = Long{1} / 12;
  const int count = 10 * 12;
  const Long root_a = std::sqrt(a);
  const Long slope = a > 0 ? c / root_a : 0;
  const Long rest = std::sqrt(std::max(Long{0}, b - slope * slope));
  LongDual sum{0, 0};
  for (int i = -count; i <= count; ++i) {
    const LongDual u = sigma(root_a * i * step);
    LongDual inner{0, 0};
    for (int j = -count; j <= count; ++j) {
      const LongDual v = sigma(slope * i * step + rest * j * step);
      const Long weight = std::exp(-(j * step) * (j * step) / 2);
      inner.value += weight * v.value;
      inner.slope += weight * v.slope;
    }
    const Long weight = std::exp(-(i * step) * (i * step) / 2);
    sum.value += weight * u.value * inner.value;
    sum.slope += weight * u.slope * inner.slope;
  }
  const Long norm = step * step / (2 * std::numbers::pi_v<Long>);
  return {sum.value * norm, sum.slope * norm};
}

TEST(DualActivation, QuadratureErrorIsBelowItsBoundAndTheBoundIsSmall) {
  std::mt19937_64 engine(6);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<std::array<double, 3>> cases = {{1, 1, 1},        {1, 1, -1},     {0, 1, 0},  {0, 0, 0},
                                              {1e-4, 1, 0.005}, {4, 4, 3.9999}, {0.3, 2, 0}};
  for (int trial = 0; trial < 20; ++trial) {
    const double a = std::exp2(2 * uniform(engine));
    const double b = std::exp2(2 * uniform(engine));
    cases.push_back({a, b, uniform(engine) * std::sqrt(a * b)});
  }
  for (const Activation kind : {Activation::tanh, Activation::sigmoid, Activation::softplus}) {
    for (const auto& [a, b, c] : cases) {
      const DualActivation got = dual_activation(kind, a, b, c);
      const LongDual want = long_quadrature(kind, a, b, c);
      EXPECT_LE(std::abs(static_cast<double>(got.value - want.value)), got.value_error) << a << ' ' << b << ' ' << c;
      EXPECT_LE(std::abs(static_cast<double>(got.slope - want.slope)), got.slope_error) << a << ' ' << b << ' ' << c;
      EXPECT_TRUE(got.value_error > 0 || a == 0);
      EXPECT_LT(got.value_error, 1e-13 * (1 + std::max(a, b)));
      EXPECT_LT(got.slope_error, 1e-13 * (1 + std::max(a, b)));
    }
  }
}

TEST(DualActivation, BoundHoldsWhereTheExpansionIsCutShort) {
  // Inputs so large that tanh is nearly a step: sign(u) sign(v) has mean 2/pi asin(rho), and tanh differs from the sign
  // by at most E|tanh - sign| each, which is below 2 * 0.7 / sqrt(2 pi a) and so on.
  const double a = 1e5;
  const DualActivation got = dual_activation(Activation::tanh, a, a, 0.5 * a);
  EXPECT_NEAR(got.value, 1.0 / 3, got.value_error + 4 * 0.7 * std::sqrt(2 / (pi * a)));
  const DualActivation same = dual_activation(Activation::tanh, a, a, a);
  EXPECT_LE(same.value, 1 + same.value_error);
  EXPECT_NEAR(same.value, 1 - std::sqrt(2 / (pi * a)), same.value_error + 1 / a);
  EXPECT_GT(same.value_error, 1e-4);
}

TEST(DualActivation, DeepTanhErrorIsBelowItsBound) {
  const Inputs x = random_inputs(3, 3, 7);
  for (const int depth : {2, 3, 4, 5}) {
    const auto convention = KernelConvention::lee(depth, 1.5, 0.05, 3);
    const auto got = infinite_width_kernel(convention, Activation::tanh, x);
    EXPECT_LT(got.ntk_error, depth < 5 ? 2e-12 : 4e-12);  // a layer multiplies it by two or three
    const auto dual = [](Quad root_a, Quad root_b, Quad angle) -> QuadDual {
      const LongDual e =
          long_quadrature(Activation::tanh, static_cast<Long>(root_a * root_a), static_cast<Long>(root_b * root_b),
                          static_cast<Long>(root_a * root_b * cos(angle)));
      return {e.value, e.slope};
    };
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j <= i; ++j) {
        const QuadKernel want = quad_kernel(convention, first_layer(convention, x, i, x, j), dual);
        EXPECT_LE(std::abs(got.nngp(i, j) - want.nngp), got.nngp_error);
        EXPECT_LE(std::abs(got.ntk(i, j) - want.ntk), got.ntk_error);
      }
    }
  }
}

TEST(DualActivation, PriceTheoremTheSlopeIsTheDerivativeOfTheValue) {
  for (const ActivationInfo& row : activations) {
    const double a = 0.8;
    const double b = 1.3;
    const double c = 0.35;
    const double h = 1e-4;
    const double difference =
        (8 * (dual_activation(row.kind, a, b, c + h).value - dual_activation(row.kind, a, b, c - h).value) -
         (dual_activation(row.kind, a, b, c + 2 * h).value - dual_activation(row.kind, a, b, c - 2 * h).value)) /
        (12 * h);
    EXPECT_NEAR(dual_activation(row.kind, a, b, c).slope, difference, 2e-11) << row.name;
  }
}

}  // namespace
}  // namespace mfld
