#include "mfld/model/activation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/sample_problem.hpp"

namespace mfld {
namespace {

struct Evaluation {
  std::vector<double> values;
  std::vector<double> slopes;
};

Evaluation evaluate_all(Activation kind, const std::vector<double>& z) {
  Evaluation result{std::vector<double>(z.size()), std::vector<double>(z.size())};
  evaluate(kind, z, result.values, result.slopes);
  return result;
}

TEST(Activation, EveryRowIsItsOwnInfoAndNamesAreUnique) {
  for (const ActivationInfo& row : activations) {
    EXPECT_EQ(&info(row.kind), &row);
    EXPECT_FALSE(row.formula.empty());
    EXPECT_EQ(std::count_if(activations.begin(), activations.end(),
                            [&](const ActivationInfo& other) { return other.name == row.name; }),
              1);
  }
}

TEST(Activation, GrowthIsThatOfTheValues) {
  for (const ActivationInfo& row : activations) {
    const auto got = evaluate_all(row.kind, {-1e6, -1e3, 1e3, 1e6});
    const double far = std::max(std::abs(got.values[0]), std::abs(got.values[3]));
    const double near = std::max(std::abs(got.values[1]), std::abs(got.values[2]));
    EXPECT_NEAR(std::log(far / near) / std::log(1e3), row.growth, 1e-12) << row.name;
    EXPECT_TRUE(row.growth > 0 || far <= 1) << row.name;
  }
}

TEST(Activation, OddSaysWhetherTheSignOfTheArgumentComesOut) {
  for (const ActivationInfo& row : activations) {
    const auto got = evaluate_all(row.kind, {-1.25, 1.25, -0.5, 0.5});
    EXPECT_EQ(row.odd, got.values[0] == -got.values[1] && got.values[2] == -got.values[3]) << row.name;
  }
}

struct Known {
  Activation kind;
  double z, value, slope;
};

// Computed independently with 40-digit arithmetic.
const std::vector<Known> known_values = {
    {Activation::tanh, 0.3, 0.291312612451590906, 0.915136961826629203},
    {Activation::tanh, -1.7, -0.935409070603098981, 0.125009870633446587},
    {Activation::erf, 0.3, 0.328626759459127428, 1.03126090961896305},
    {Activation::erf, -1.7, -0.983790458590774564, 0.0627110404968683868},
    {Activation::sigmoid, 0.3, 0.574442516811658987, 0.244458311690745869},
    {Activation::sigmoid, -1.7, 0.154465265083534704, 0.130605746966208059},
    {Activation::softplus, 0.3, 0.854355244468527119, 0.574442516811658987},
    {Activation::softplus, -1.7, 0.167786029386265917, 0.154465265083534704},
    {Activation::squared_relu, 0.3, 0.09, 0.6},
    {Activation::squared_relu, -1.7, 0, 0},
    {Activation::relu, 0.3, 0.3, 1},
    {Activation::relu, -1.7, 0, 0},
    {Activation::relu_right, 0.3, 0.3, 1},
    {Activation::relu_right, -1.7, 0, 0},
    {Activation::linear, 0.3, 0.3, 1},
    {Activation::linear, -1.7, -1.7, 1},
};

TEST(Activation, KnownValuesAndSlopes) {
  on_every_instruction_set([] {
    for (const Known& known : known_values) {
      SCOPED_TRACE(testing::Message() << info(known.kind).name << " at " << known.z);
      const auto got = evaluate_all(known.kind, {known.z});
      EXPECT_NEAR(got.values[0], known.value, 1e-15);
      EXPECT_NEAR(got.slopes[0], known.slope, 1e-15);
    }
  });
}

TEST(Activation, TheTwoRelusDifferInTheDerivativeAtZeroOnly) {
  on_every_instruction_set([] {
    for (const double zero : {0.0, -0.0}) {
      EXPECT_EQ(evaluate_all(Activation::relu, {zero}).slopes[0], 0);
      EXPECT_EQ(evaluate_all(Activation::relu_right, {zero}).slopes[0], 1);
    }
    const std::vector<double> z = {-1, -1e-300, 1e-300, 1, 1e300};
    EXPECT_EQ(evaluate_all(Activation::relu, z).slopes, evaluate_all(Activation::relu_right, z).slopes);
    EXPECT_EQ(evaluate_all(Activation::relu, z).values, evaluate_all(Activation::relu_right, z).values);
  });
}

TEST(Activation, SlopesAreCentralDifferencesOfValues) {
  // Truncation h^2 |sigma'''| / 6 < 1e-9 for |sigma'''| <= 6 and rounding 1e-16 max|sigma| / h < 1e-10.
  constexpr double h = 1e-5;
  for (const ActivationInfo& row : activations) {
    for (const double z : {-3.1, -0.7, -0.2, 0.1, 0.9, 2.3, 4.4}) {
      const auto got = evaluate_all(row.kind, {z, z + h, z - h});
      EXPECT_NEAR(got.slopes[0], (got.values[1] - got.values[2]) / (2 * h), 1e-9) << row.name << " at " << z;
    }
  }
}

TEST(Activation, AValueDoesNotDependOnItsPlaceNorOnTheLengthOfTheSpan) {
  // Every length up to three strips of 64: each value has the bits it has alone.
  on_every_instruction_set([] {
    const Matrix normals = random_normals(195, 1, 3);
    for (const ActivationInfo& row : activations) {
      std::vector<double> z(normals.data(), normals.data() + normals.size());
      Evaluation alone;
      for (const double point : z) {
        const auto one = evaluate_all(row.kind, {point});
        alone.values.push_back(one.values[0]);
        alone.slopes.push_back(one.slopes[0]);
      }
      for (std::size_t length = 0; length <= z.size(); ++length) {
        const auto got = evaluate_all(row.kind, std::vector<double>(z.begin(), z.begin() + static_cast<Index>(length)));
        ASSERT_TRUE(std::equal(got.values.begin(), got.values.end(), alone.values.begin())) << row.name << length;
        ASSERT_TRUE(std::equal(got.slopes.begin(), got.slopes.end(), alone.slopes.begin())) << row.name << length;
      }
    }
  });
}

}  // namespace
}  // namespace mfld
