// The vector functions against long double, point by point, on every instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.hpp"
#include "mfld/model/activation.hpp"
#include "mfld/model/network.hpp"
#include "support/instruction_sets.hpp"
#include "support/oracles/reference_network.hpp"

namespace mfld {
namespace {

using reference::Real;

/// sigma and sigma' of every point, in the precision Scalar.
template <class Scalar>
struct Evaluation {
  std::vector<Scalar> values;
  std::vector<Scalar> slopes;
};

Evaluation<double> evaluate_all(Activation kind, const std::vector<double>& z) {
  Evaluation<double> result{std::vector<double>(z.size()), std::vector<double>(z.size())};
  evaluate(kind, z, result.values, result.slopes);
  return result;
}

Evaluation<float> evaluate_all(Activation kind, const std::vector<float>& z) {
  std::vector<float> padded = z;
  padded.resize((z.size() + 63) / 64 * 64);  // a multiple of every vector length
  Evaluation<float> result{std::vector<float>(padded.size()), std::vector<float>(padded.size())};
  kernels::table<float>().evaluate(kind, static_cast<Index>(padded.size()), padded.data(), result.values.data(),
                                   result.slopes.data());
  result.values.resize(z.size());
  result.slopes.resize(z.size());
  return result;
}

/// Distance between neighbouring numbers of type Scalar at `x`, also where they are subnormal.
template <class Scalar>
Real unit_in_the_last_place(Real x) {
  constexpr int digits = std::numeric_limits<Scalar>::digits;
  constexpr int lowest = std::numeric_limits<Scalar>::min_exponent;
  const int exponent = x == 0 ? lowest : std::max(std::ilogb(x) + 1, lowest);
  return std::ldexp(Real{1}, exponent - digits);
}

template <class Scalar>
void add_with_neighbours(std::vector<Scalar>& points, double center, int count) {
  auto up = static_cast<Scalar>(center);
  auto down = up;
  for (int i = 0; i < count; ++i) {
    points.push_back(up);
    points.push_back(down);
    up = std::nextafter(up, std::numeric_limits<Scalar>::infinity());
    down = std::nextafter(down, -std::numeric_limits<Scalar>::infinity());
  }
}

/// Both signs of: log-spaced over [1e-300, 700] (single precision: [1e-37, 80]), uniform over [0, 40], the neighbours
/// of every place where one of the functions changes its formula or its reduction, and the worst points of a search
/// over 1e8.
template <class Scalar>
std::vector<Scalar> points() {
  constexpr bool is_double = sizeof(Scalar) == 8;
  std::vector<Scalar> positive;
  const double lowest = is_double ? -300 : -37;
  const double highest = std::log10(is_double ? 700.0 : 80.0);
  constexpr int log_spaced = 20000;
  for (int i = 0; i <= log_spaced; ++i) {
    positive.push_back(static_cast<Scalar>(std::pow(10.0, lowest + (highest - lowest) * i / log_spaced)));
  }
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < 30000; ++i) {
    positive.push_back(static_cast<Scalar>(40 * uniform(engine)));
    positive.push_back(static_cast<Scalar>(2 * uniform(engine)));
    positive.push_back(static_cast<Scalar>(std::pow(10.0, -10 * uniform(engine))));
  }
  // tanh: clamps at 22 (11) and rounds 2 x / ln 2, exp rounds x / ln 2; erf: formulas meet at 1, clamps at 6.
  for (const double seam : {22.0, 11.0, 1.0, 6.0, 3.9192, 5.9215871957945083, 9.0109, 19.0615, 36.7368, 37.43}) {
    add_with_neighbours(positive, seam, 300);
  }
  add_with_neighbours(positive, is_double ? 708.3964 : 87.33, 300);
  for (const double worst : {0.0019079423256096017, 0.015476415865123272, 0.12559188689126119, 0.54804205894470215,
                             0.52981762489309259, 4.5401163101196289, 6.933040882773799, 13.188321499681276,
                             0.47657364170032612, 0.9867029786109924, 2.7733242128562647, 36.764298123222851}) {
    positive.push_back(static_cast<Scalar>(worst));
  }
  for (int n = 0; n < 80; ++n) {
    add_with_neighbours(positive, (n + 0.5) * std::log(2.0) / 2, 40);
    add_with_neighbours(positive, (n + 1) * std::log(2.0) / 2, 10);
  }
  const std::size_t count = positive.size();
  for (std::size_t i = 0; i < count; ++i) {
    positive.push_back(-positive[i]);
  }
  return positive;
}

template <class Scalar>
struct Worst {
  double ulp = 0;
  Scalar at = 0;
  Scalar value = 0;
  void see(double error, Scalar z, Scalar got) {
    if (!(error <= ulp)) {
      ulp = error;
      at = z;
      value = got;
    }
  }
};

template <class Scalar>
std::ostream& operator<<(std::ostream& out, const Worst<Scalar>& worst) {
  return out << worst.ulp << " at z = " << std::setprecision(17) << worst.at << " where it is " << worst.value;
}

/// What is promised. Values: units in the last place of the true value, for results that are normal numbers; one more
/// for tanh where multiply-adds are not fused. Slopes: where the slope is a difference, 1 - t^2 or t (1 - t), its error
/// is absolute: an error of m ulp in t near 1, m epsilon / 2, becomes m epsilon or m epsilon / 2, and the subtraction
/// adds half a unit; exp(-z^2) magnifies the rounding of z^2 by z^2.
struct Bound {
  Activation kind;
  double value_ulp = 0;
  double slope_ulp = 0;      // of the true slope, plus
  double slope_ulp_z2 = 0;   // this times z^2, plus
  double slope_epsilon = 0;  // this many machine epsilons, absolute
};

const std::vector<Bound> bounds = {
    {.kind = Activation::relu},
    {.kind = Activation::relu_right},
    {.kind = Activation::tanh, .value_ulp = 4, .slope_epsilon = 4.5},
    {.kind = Activation::erf, .value_ulp = 4, .slope_ulp = 4, .slope_ulp_z2 = 1},
    {.kind = Activation::sigmoid, .value_ulp = 4, .slope_epsilon = 2.5},
    {.kind = Activation::softplus, .value_ulp = 4, .slope_ulp = 4},
    {.kind = Activation::squared_relu, .value_ulp = 0.5},
    {.kind = Activation::linear},
};

void PrintTo(const Bound& bound, std::ostream* out) { *out << info(bound.kind).name; }

template <class Scalar>
void check(const Bound& bound, const std::vector<Scalar>& z) {
  constexpr Real smallest_normal = std::numeric_limits<Scalar>::min();
  constexpr Real epsilon = std::numeric_limits<Scalar>::epsilon();
  std::vector<Real> values;
  std::vector<Real> slopes;
  for (const Scalar point : z) {
    values.push_back(reference::sigma(bound.kind, point));
    slopes.push_back(reference::sigma_slope(bound.kind, point));
  }
  on_every_instruction_set([&] {
    const Evaluation<Scalar> got = evaluate_all(bound.kind, z);
    Worst<Scalar> value;
    Worst<Scalar> slope;
    for (std::size_t i = 0; i < z.size(); ++i) {
      if (std::abs(values[i]) >= smallest_normal && std::abs(values[i]) <= std::numeric_limits<Scalar>::max()) {
        const Real error = std::abs(got.values[i] - values[i]) / unit_in_the_last_place<Scalar>(values[i]);
        value.see(static_cast<double>(error), z[i], got.values[i]);
      } else {
        EXPECT_LE(std::abs(got.values[i]), smallest_normal) << z[i];
      }
      if (slopes[i] == 0 || std::abs(slopes[i]) >= smallest_normal) {
        const Real square = Real{z[i]} * z[i];
        const Real allowed =
            (bound.slope_ulp + bound.slope_ulp_z2 * square) * unit_in_the_last_place<Scalar>(slopes[i]) +
            bound.slope_epsilon * epsilon;
        const Real error = std::abs(got.slopes[i] - slopes[i]);
        slope.see(error == 0 ? 0 : static_cast<double>(error / allowed), z[i], got.slopes[i]);
      }
    }
    EXPECT_LE(value.ulp, bound.value_ulp) << "worst value error: " << value;
    EXPECT_LE(slope.ulp, 1) << "worst slope error, as a fraction of what is allowed: " << slope;
    testing::Test::RecordProperty("worst_value_milli_ulp_" + instruction_set(), static_cast<int>(1000 * value.ulp));
  });
}

std::string name_of(Activation kind) {
  std::string name(info(kind).name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class VectorFunction : public testing::TestWithParam<Bound> {};

TEST_P(VectorFunction, ErrorInDoubleIsWithinTheBound) { check(GetParam(), points<double>()); }

TEST_P(VectorFunction, ErrorInSingleIsWithinTheBound) { check(GetParam(), points<float>()); }

/// One particle with w = r = 1 and no bias is sigma itself. The kernels may scale w first, which rounds w and the
/// product: half a unit each in an argument whose relative error sigma does not magnify.
template <class Scalar>
void check_network(const Bound& bound, const std::vector<Scalar>& z) {
  Neuron neuron;
  neuron.kind = NeuronKind::r_sigma;
  neuron.activation = bound.kind;
  neuron.bias = false;
  const Network network(neuron, 1, Scaling{});
  const Particles<Scalar> particles = Particles<Scalar>::Ones(1, 2);
  const PackedInputs<Scalar> inputs(
      Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>(z.data(), static_cast<Index>(z.size()))
          .template cast<double>());
  std::vector<Real> values;
  for (const Scalar point : z) {
    values.push_back(reference::sigma(bound.kind, point));
  }
  on_every_instruction_set([&] {
    KernelWorkspace<Scalar> workspace;
    std::vector<double> outputs(z.size());
    network.outputs(particles, inputs, outputs, workspace);
    Worst<Scalar> worst;
    for (std::size_t i = 0; i < z.size(); ++i) {
      if (std::abs(values[i]) >= std::numeric_limits<Scalar>::min()) {
        const Real error = std::abs(outputs[i] - values[i]) / unit_in_the_last_place<Scalar>(values[i]);
        worst.see(static_cast<double>(error), z[i], static_cast<Scalar>(outputs[i]));
      }
    }
    EXPECT_LE(worst.ulp, bound.value_ulp + 1) << worst;
  });
}

TEST_P(VectorFunction, ANetworkOfOneNeuronIsAsAccurate) {
  check_network(GetParam(), points<double>());
  check_network(GetParam(), points<float>());
}

template <class Scalar>
void check_special_values(Activation kind) {
  constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
  constexpr Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();
  constexpr Scalar tiny = std::numeric_limits<Scalar>::denorm_min();
  constexpr Scalar huge = std::numeric_limits<Scalar>::max();
  const std::vector<Scalar> z = {Scalar{0}, Scalar{-0.0}, infinity, -infinity, nan, -nan, tiny, -tiny, huge, -huge};
  const Evaluation<Scalar> got = evaluate_all(kind, z);
  for (std::size_t i = 0; i < z.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "z = " << z[i]);
    if (std::isnan(z[i])) {
      EXPECT_TRUE(std::isnan(got.values[i])) << "a NaN must not vanish";
      continue;
    }
    const auto expected = static_cast<Scalar>(reference::sigma(kind, z[i]));
    const auto expected_slope = static_cast<Scalar>(reference::sigma_slope(kind, z[i]));
    if (std::abs(expected) <= 1 && std::isfinite(z[i])) {
      EXPECT_NEAR(got.values[i], expected, static_cast<double>(4 * unit_in_the_last_place<Scalar>(expected)));
    } else {
      EXPECT_EQ(got.values[i], expected) << "limits and overflow";
    }
    EXPECT_NEAR(got.slopes[i] == expected_slope ? 0 : got.slopes[i] - expected_slope, 0,
                4 * std::numeric_limits<Scalar>::epsilon());
  }
}

TEST_P(VectorFunction, SpecialValues) {
  on_every_instruction_set([&] {
    check_special_values<double>(GetParam().kind);
    check_special_values<float>(GetParam().kind);
  });
}

INSTANTIATE_TEST_SUITE_P(Activations, VectorFunction, testing::ValuesIn(bounds),
                         [](const auto& each) { return name_of(each.param.kind); });

TEST(VectorFunctions, OddFunctionsAreOddAndSigmoidsAddUpToOne) {
  on_every_instruction_set([] {
    const std::vector<double> z = points<double>();
    std::vector<double> minus_z(z.size());
    std::transform(z.begin(), z.end(), minus_z.begin(), std::negate<>());
    for (const Activation kind : {Activation::tanh, Activation::erf, Activation::linear}) {
      const auto plus = evaluate_all(kind, z);
      const auto minus = evaluate_all(kind, minus_z);
      for (std::size_t i = 0; i < z.size(); ++i) {
        const Real unit = unit_in_the_last_place<double>(plus.values[i]);
        ASSERT_NEAR(plus.values[i], -minus.values[i], static_cast<double>(8 * unit)) << z[i];
      }
    }
    const auto plus = evaluate_all(Activation::sigmoid, z);
    const auto minus = evaluate_all(Activation::sigmoid, minus_z);
    for (std::size_t i = 0; i < z.size(); ++i) {
      ASSERT_NEAR(plus.values[i] + minus.values[i], 1, 8e-16) << z[i];
    }
  });
}

TEST(VectorFunctions, SaturatingFunctionsNeverLeaveTheirRange) {
  // |tanh|, |erf| and the sigmoid at most 1: the bounded neurons' |h| <= R hangs on it.
  on_every_instruction_set([] {
    for (const Activation kind : {Activation::tanh, Activation::erf, Activation::sigmoid}) {
      for (const double value : evaluate_all(kind, points<double>()).values) {
        ASSERT_LE(std::abs(value), 1.0);
      }
      for (const float value : evaluate_all(kind, points<float>()).values) {
        ASSERT_LE(std::abs(value), 1.0F);
      }
    }
  });
}

}  // namespace
}  // namespace mfld
