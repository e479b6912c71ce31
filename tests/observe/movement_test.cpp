#include "mfld/observe/movement.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random_normals.hpp"

namespace mfld {
namespace {

constexpr Index input_dim = 3;

const ParameterLayout with_bias = {.output = 0, .input = 1, .input_dim = input_dim, .bias = 4, .size = 5};
const ParameterLayout without_bias = {.output = 0, .input = 1, .input_dim = input_dim, .bias = -1, .size = 4};

/// Definition of the pattern change, one pair at a time.
double counted_pattern_change(const Matrix& now, const Matrix& then, const ParameterLayout& layout, const Inputs& x) {
  const auto active = [&](const Matrix& theta, Index j, Index i) {
    double z = layout.bias >= 0 ? theta(j, layout.bias) : 0;
    for (Index k = 0; k < layout.input_dim; ++k) {
      z += theta(j, layout.input + k) * x(i, k);
    }
    return z > 0;
  };
  Index changed = 0;
  for (Index j = 0; j < now.rows(); ++j) {
    for (Index i = 0; i < x.rows(); ++i) {
      changed += active(now, j, i) != active(then, j, i) ? 1 : 0;
    }
  }
  return static_cast<double>(changed) / static_cast<double>(now.rows() * x.rows());
}

TEST(Movement, IsTheDistanceOfTheInputWeightsAlone) {
  Particles<double> start = Matrix::Zero(2, 5);
  Particles<double> now = start;
  now.row(0) << 9, 3, 4, 0, -7;  // r and b moved too
  RowSums<double> sums;
  const Movement moved = movement(input_weights(now, with_bias), input_weights(start, with_bias), sums);
  EXPECT_EQ(moved.mean, 2.5);
  EXPECT_EQ(moved.max, 5);
}

TEST(Movement, RelativeMovementCountsAllParametersAndHasNoUnit) {
  const Particles<double> start = random_normals(7, 5, 1);
  RowSums<double> sums;
  EXPECT_EQ(relative_movement(start, start, sums), 0);
  EXPECT_DOUBLE_EQ(relative_movement(1.25 * start, start, sums), 0.25);
  EXPECT_DOUBLE_EQ(relative_movement(-start, start, sums), 2);
}

TEST(Movement, PatternChangeIsZeroAtTheStartAndOneForTheOppositeParticles) {
  const Inputs x = random_normals(50, input_dim, 2);
  const Particles<double> start = random_normals(20, 5, 3);
  RowSums<double> sums;
  EXPECT_EQ(pattern_change(start, start, with_bias, x, sums), 0);
  EXPECT_EQ(pattern_change(-start, start, with_bias, x, sums), 1);
  EXPECT_EQ(pattern_change(3 * start, start, with_bias, x, sums), 0);
}

TEST(Movement, PatternChangeIsItsDefinitionForSizesAroundABlock) {
  for (const Index num_particles : {1, 255, 256, 257, 600}) {
    for (const Index num_samples : {1, 256, 259}) {
      const Inputs x = random_normals(num_samples, input_dim, 4);
      const Particles<double> start = random_normals(num_particles, 5, 5);
      const Particles<double> now = start + 0.5 * random_normals(num_particles, 5, 6);
      RowSums<double> sums;
      for (const auto& layout : {with_bias, without_bias}) {
        EXPECT_EQ(pattern_change(now, start, layout, x, sums), counted_pattern_change(now, start, layout, x));
      }
    }
  }
}

TEST(Movement, ARotationByAnAngleChangesThatShareOfThePatterns) {
  // In the plane w.x changes sign on two wedges of the angle phi each: the share is phi / pi for a grid of directions.
  const ParameterLayout plane = {.output = -1, .input = 0, .input_dim = 2, .bias = -1, .size = 2};
  constexpr Index num_directions = 3600;
  Inputs x(num_directions, 2);
  for (Index i = 0; i < num_directions; ++i) {
    const double angle = 2 * M_PI * (static_cast<double>(i) + 0.5) / num_directions;
    x.row(i) << std::cos(angle), std::sin(angle);
  }
  const double phi = M_PI / 5;
  const Particles<double> start = (Matrix(1, 2) << 1, 0).finished();
  const Particles<double> now = (Matrix(1, 2) << std::cos(phi), std::sin(phi)).finished();
  RowSums<double> sums;
  EXPECT_DOUBLE_EQ(pattern_change(now, start, plane, x, sums), 0.2);
}

}  // namespace
}  // namespace mfld
