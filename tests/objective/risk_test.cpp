#include "mfld/objective/risk.hpp"
#include "mfld/objective/penalty.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace mfld {
namespace {

constexpr Loss squared{.kind = LossKind::squared};
constexpr Loss logistic{.kind = LossKind::logistic};

const std::vector<double> outputs = {1.0, -2.0, 0.5, 3.0};
const std::vector<double> targets = {0.0, -1.0, 0.5, 1.0};

Network network_with(Scaling scaling, TrainedBlocks trained = {}) {
  return Network({.kind = NeuronKind::r_sigma, .activation = Activation::tanh, .bias = true}, 2, scaling, trained);
}

TEST(Risk, IsTheMeanOrTheSumOfTheLosses) {
  // Halves of the squared errors 1, 1, 0, 4.
  EXPECT_EQ(Risk(squared, Reduction::sum).value(outputs, targets), 3);
  EXPECT_EQ(Risk(squared, Reduction::mean).value(outputs, targets), 0.75);
}

// log(1 + (u - y)^2), of which nothing is known but sums, derivatives and its name.
struct Cauchy : LossInfo {
  Cauchy() : LossInfo{} {
    name = "cauchy";
    formula = [](const Loss& /*loss*/) { return std::string("log(1 + (u - y)^2)"); };
    sum = [](const Loss& /*loss*/, std::span<const double> u, std::span<const double> y) {
      double result = 0;
      for (std::size_t i = 0; i < u.size(); ++i) {
        result += std::log1p((u[i] - y[i]) * (u[i] - y[i]));
      }
      return result;
    };
    derivatives = [](const Loss& /*loss*/, std::span<const double> u, std::span<const double> y,
                     std::span<double> slopes) {
      for (std::size_t i = 0; i < u.size(); ++i) {
        slopes[i] = 2 * (u[i] - y[i]) / (1 + (u[i] - y[i]) * (u[i] - y[i]));
      }
    };
  }
};

TEST(Risk, TakesALossOfOnesOwn) {
  const Cauchy cauchy;
  Loss loss;
  loss.own = &cauchy;
  EXPECT_FALSE(loss.is_squared());
  EXPECT_TRUE(squared.is_squared());
  EXPECT_EQ(loss.describe(), "cauchy, l(u, y) = log(1 + (u - y)^2)");
  EXPECT_DOUBLE_EQ(Risk(loss, Reduction::sum).value(outputs, targets), 2 * std::log(2.0) + std::log(5.0));
  std::vector<double> slopes(4);
  CurrentField(loss, targets).coefficients(0, outputs, slopes);
  EXPECT_EQ(slopes, (std::vector<double>{1, -1, 0, 0.8}));
}

TEST(Risk, DriftWeightIsKappaOverTheBatchForTheMean) {
  const Risk risk(squared, Reduction::mean);
  EXPECT_EQ(risk.drift_weight(network_with({.kind = ScalingKind::mean_field}), 16, 8, 100), 1.0 / 8);
  EXPECT_EQ(risk.drift_weight(network_with({.kind = ScalingKind::ntk}), 16, 8, 100), 0.25 / 8);
  EXPECT_EQ(risk.drift_weight(network_with({.kind = ScalingKind::standard}), 16, 8, 100), 1.0 / 8);
  EXPECT_EQ(risk.drift_weight(network_with({.kind = ScalingKind::alpha, .alpha = 2}), 16, 8, 100), 0.5 / 8);
}

TEST(Risk, DriftWeightOfTheSumIsNSamplesTimesThatOfTheMean) {
  const Network network = network_with({.kind = ScalingKind::ntk});
  const Risk mean(squared, Reduction::mean);
  const Risk sum(squared, Reduction::sum);
  for (const Index batch : {1, 3, 8, 100}) {
    EXPECT_DOUBLE_EQ(sum.drift_weight(network, 16, batch, 100), 100 * mean.drift_weight(network, 16, batch, 100));
  }
  EXPECT_EQ(sum.drift_weight(network, 16, 100, 100), 0.25) << "all samples: kappa itself, without rounding";
}

TEST(Field, CurrentFieldIsTheDerivativeOfTheLossWhateverTheBlocks) {
  const std::vector<double> labels = {1, -1, -1, 1};
  const CurrentField field(logistic, labels);
  std::vector<double> whole(4);
  field.coefficients(0, outputs, whole);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(whole[i], logistic.derivative(outputs[i], labels[i]));
  }
  std::vector<double> part(2);
  field.coefficients(1, std::span(outputs).subspan(1, 2), part);
  EXPECT_EQ(part, (std::vector<double>{whole[1], whole[2]}));
}

TEST(Field, GivenFieldIgnoresTheOutputs) {
  const std::vector<double> given = {5, 6, 7, 8};
  const GivenField field(given);
  std::vector<double> part(2);
  field.coefficients(2, std::span(outputs).subspan(0, 2), part);
  EXPECT_EQ(part, (std::vector<double>{7, 8}));
}

TEST(Penalty, IsScaledAsTheScalingSaysAndSkipsFrozenColumns) {
  // Columns r, w_1, w_2, b; sums of squares 5, 25, 4, 1.
  Particles<double> particles(2, 4);
  particles << 1, 3, 2, 1,  //
      2, 4, 0, 0;
  const Scaling mean_field{.kind = ScalingKind::mean_field};
  const Scaling ntk{.kind = ScalingKind::ntk};
  EXPECT_EQ(penalty_value(network_with(mean_field), particles, 0.5), 0.5 * 35 / 2);
  EXPECT_DOUBLE_EQ(penalty_value(network_with(ntk), particles, 0.5), 0.5 * 35);
  EXPECT_EQ(penalty_value(network_with(mean_field, {.output = false}), particles, 0.5), 0.5 * 30 / 2);
  EXPECT_EQ(penalty_value(network_with(mean_field, {.input = false, .output = false}), particles, 0.5), 0.5 * 1 / 2);
  EXPECT_EQ(penalty_value(network_with(mean_field), particles, 0), 0);
}

TEST(DriftNorm, IsTheRootMeanSquareOverParticles) {
  Drift drift(4, 2);
  drift << 3, 4,  //
      0, 0,       //
      0, 5,       //
      5, 5;
  EXPECT_EQ(drift_norm(drift), std::sqrt(100.0 / 4));
  Drift twice(8, 2);
  twice << drift, drift;
  EXPECT_EQ(drift_norm(twice), drift_norm(drift)) << "doubling the ensemble changes nothing";
}

TEST(Risk, DescribesReductionAndLoss) {
  EXPECT_EQ(Risk(squared, Reduction::mean).describe(),
            "R(f) = (1/n) sum_i l(f(x_i), y_i), l = squared, l(u, y) = 0.5 (u - y)^2");
  EXPECT_EQ(Risk(squared, Reduction::sum).describe(),
            "R(f) = sum_i l(f(x_i), y_i), l = squared, l(u, y) = 0.5 (u - y)^2");
}

}  // namespace
}  // namespace mfld
