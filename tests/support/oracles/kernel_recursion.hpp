#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <cmath>
#include <random>

#include "mfld/ntk/infinite_width.hpp"

/// The recursion of the kernels of infinite width, entry by entry with 50 digits, from the angle itself.
namespace mfld::test {

using Quad = boost::multiprecision::cpp_dec_float_50;

/// Relative to the expected number, or to 1e-3 where that is smaller (the references hold exact zeros at rounded
/// angles).
inline void expect_close(double got, double expected, double tolerance = 1e-12) {
  EXPECT_NEAR(got, expected, tolerance * std::max(std::abs(expected), 1e-3));
}

inline const Quad quad_pi = boost::math::constants::pi<Quad>();

struct QuadDual {
  Quad value, slope;
};

inline QuadDual quad_relu(Quad root_a, Quad root_b, Quad angle) {
  const Quad rest = quad_pi - angle;
  return {root_a * root_b * (sin(angle) + rest * cos(angle)) / (2 * quad_pi), rest / (2 * quad_pi)};
}

struct QuadKernel {
  double nngp, ntk;
};

/// K^1 restricted to two inputs.
struct FirstLayer {
  Quad a, b, c;
};

inline FirstLayer first_layer(const KernelConvention& convention, const Inputs& x, Index i, const Inputs& z, Index j) {
  const Quad s = convention.input_variance;
  const Quad bias = convention.input_bias_variance;
  FirstLayer f{bias, bias, bias};
  for (Index k = 0; k < x.cols(); ++k) {
    f.a += s * x(i, k) * x(i, k);
    f.b += s * z(j, k) * z(j, k);
    f.c += s * x(i, k) * z(j, k);
  }
  return f;
}

inline Quad angle_of(Quad a, Quad b, Quad c) {
  const Quad determinant = a * b - c * c;
  return atan2(determinant > 0 ? Quad(sqrt(determinant)) : Quad(0), c);
}

template <class DualOf>
QuadKernel quad_kernel(const KernelConvention& convention, FirstLayer f, const DualOf& dual) {
  auto [a, b, c] = f;
  Quad theta = c;
  for (int l = 1; l < convention.num_weight_layers; ++l) {
    const Quad root_a = sqrt(a);
    const Quad root_b = sqrt(b);
    const QuadDual e = dual(root_a, root_b, angle_of(a, b, c));
    a = convention.weight_variance * dual(root_a, root_a, Quad(0)).value + convention.bias_variance;
    b = convention.weight_variance * dual(root_b, root_b, Quad(0)).value + convention.bias_variance;
    c = convention.weight_variance * e.value + convention.bias_variance;
    theta = c + convention.weight_variance * e.slope * theta;
  }
  return {static_cast<double>(c), static_cast<double>(theta)};
}

inline Inputs random_inputs(Index n, Index d, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Inputs x(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) {
      x(i, k) = normal(engine);
    }
  }
  return x;
}

}  // namespace mfld::test
