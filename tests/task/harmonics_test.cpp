#include "mfld/task/harmonics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

HarmonicsOptions small_task(Index input_dim, std::vector<int> degrees, const Vector& amplitudes = {}) {
  HarmonicsOptions options;
  options.input_dim = input_dim;
  options.num_train = 60;
  options.num_test = 40;
  options.degrees = std::move(degrees);
  options.amplitudes = amplitudes;
  return options;
}

TEST(Harmonics, AreCosinesInThePlane) {
  const Vector amplitudes = (Vector(4) << 0.3, 1, -0.5, 2).finished();
  const Dataset data = make_harmonics(small_task(2, {0, 1, 5, 100}, amplitudes), 4);
  for (Index i = 0; i < data.num_train(); ++i) {
    const double angle = std::atan2(data.train_inputs(i, 1), data.train_inputs(i, 0));
    const double expected =
        0.3 + std::numbers::sqrt2 * (std::cos(angle) - 0.5 * std::cos(5 * angle) + 2 * std::cos(100 * angle));
    EXPECT_NEAR(data.train_targets[i], expected, 1e-11);
  }
}

TEST(Harmonics, AreLegendrePolynomialsInSpace) {
  const Dataset data = make_harmonics(small_task(3, {4, 2}, (Vector(2) << 0.5, 1).finished()), 4);
  for (Index i = 0; i < data.num_train(); ++i) {
    const double t = data.train_inputs(i, 0);
    const double second = std::sqrt(5.0) * (3 * t * t - 1) / 2;
    const double fourth = std::sqrt(9.0) * (35 * std::pow(t, 4) - 30 * t * t + 3) / 8;
    EXPECT_NEAR(data.train_targets[i], second + 0.5 * fourth, 1e-13);
  }
}

// The parts are orthonormal under the uniform law: E y^2 = sum_k a_k^2. z = 5: a false alarm of 6e-7.
TEST(Harmonics, HaveTheMeanSquareOfTheirAmplitudes) {
  for (const Index d : {2, 3, 8}) {
    HarmonicsOptions options = small_task(d, {0, 1, 2, 3}, (Vector(4) << 0.5, 1, 0.7, 0.2).finished());
    options.num_train = 100000;
    const Vector squares = make_harmonics(options, 6).train_targets.array().square();
    const double deviation = std::sqrt((squares.array() - squares.mean()).square().mean() / 100000);
    EXPECT_NEAR(squares.mean(), 0.25 + 1 + 0.49 + 0.04, 5 * deviation) << d;
    EXPECT_LT(5 * deviation, 0.1) << "the test has no power";
  }
}

TEST(Harmonics, InputsAreUnitVectorsAndARotationTurnsThem) {
  HarmonicsOptions options = small_task(4, {1, 3});
  const Dataset plain = make_harmonics(options, 4);
  options.rotate = true;
  const Dataset rotated = make_harmonics(options, 4);
  for (const Dataset* data : {&plain, &rotated}) {
    EXPECT_LE((data->train_inputs.rowwise().norm().array() - 1).abs().maxCoeff(), 1e-14);
    EXPECT_LE((data->test_inputs.rowwise().norm().array() - 1).abs().maxCoeff(), 1e-14);
  }
  EXPECT_EQ(plain.train_targets, rotated.train_targets);
  EXPECT_FALSE(plain.train_inputs.isApprox(rotated.train_inputs, 0.1));
  const Vector coordinates = rotated.train_inputs * rotated.relevant_subspace;
  EXPECT_TRUE(coordinates.isApprox(plain.train_inputs.col(0), 1e-13));
}

TEST(Harmonics, FirstSamplesDoNotChangeWithTheirNumberNorTheTestSetWithNoise) {
  HarmonicsOptions options = small_task(3, {1, 2});
  const Dataset few = make_harmonics(options, 4);
  options.num_train = 501;
  options.label_noise = LabelNoise::uniform;
  options.noise_level = 0.1;
  const Dataset many = make_harmonics(options, 4);
  EXPECT_EQ(few.train_inputs, many.train_inputs.topRows(60));
  EXPECT_EQ(few.test_targets, many.test_targets);
  const Vector noise = many.train_targets.head(60) - few.train_targets;
  EXPECT_LE(noise.cwiseAbs().maxCoeff(), 0.1 + 1e-14);
  EXPECT_GT(noise.cwiseAbs().minCoeff(), 0);
}

TEST(Harmonics, AmplitudesAreOneUnlessGiven) {
  const Dataset plain = make_harmonics(small_task(3, {1, 2}), 4);
  EXPECT_EQ(plain.train_targets, make_harmonics(small_task(3, {1, 2}, Vector::Ones(2)), 4).train_targets);
  EXPECT_NE(plain.description.find("1 sqrt(3) P_1(z_1) + 1 sqrt(5) P_2(z_1)"), std::string::npos) << plain.description;
}

TEST(Harmonics, RejectsWhatCannotBe) {
  const auto message = [](const HarmonicsOptions& options) -> std::string {
    try {
      make_harmonics(options, 1);
    } catch (const InvalidInput& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(small_task(1, {1})), "input_dim = 1: must be at least 2, to have a sphere");
  EXPECT_EQ(message(small_task(2, {})), "degrees: must name at least one degree");
  EXPECT_EQ(message(small_task(2, {1, 101})), "degrees: 101 must be in [0, 100]");
  EXPECT_EQ(message(small_task(2, {-1})), "degrees: -1 must be in [0, 100]");
  EXPECT_EQ(message(small_task(2, {1, 3, 1})), "degrees: 1 is listed twice; a degree may appear once");
  EXPECT_EQ(message(small_task(2, {1, 3}, Vector::Ones(3))), "amplitudes: has 3 numbers and must have 2, one a degree");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_NE(message(small_task(2, {1}, Vector::Constant(1, infinity))).find("labels must be finite"),
            std::string::npos);
}

}  // namespace
}  // namespace mfld
