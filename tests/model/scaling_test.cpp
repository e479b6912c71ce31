#include "mfld/model/scaling.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace mfld {
namespace {

constexpr Scaling mean_field{.kind = ScalingKind::mean_field};
constexpr Scaling ntk{.kind = ScalingKind::ntk};
constexpr Scaling standard{.kind = ScalingKind::standard};

TEST(Scaling, FactorsOfEveryKind) {
  EXPECT_EQ(mean_field.output_factor(16), 1.0 / 16);
  EXPECT_EQ(mean_field.drift_factor(16), 1);
  EXPECT_EQ(ntk.output_factor(16), 0.25);
  EXPECT_EQ(ntk.drift_factor(16), 0.25);
  EXPECT_EQ(standard.output_factor(16), 1);
  EXPECT_EQ(standard.drift_factor(16), 1);
  const Scaling two{.kind = ScalingKind::alpha, .alpha = 2};
  EXPECT_EQ(two.output_factor(16), 0.125);
  EXPECT_EQ(two.drift_factor(16), 0.5);
}

TEST(Scaling, PenaltyIsTheMeanInMeanFieldAndTheSumInNtkAndStandard) {
  EXPECT_EQ(mean_field.penalty_factor(16), 1.0 / 16);
  EXPECT_EQ(ntk.penalty_factor(16), 1);
  EXPECT_EQ(standard.penalty_factor(16), 1);
  EXPECT_EQ((Scaling{.kind = ScalingKind::alpha, .alpha = 2}.penalty_factor(16)), 0.25);
}

TEST(Scaling, TheAlphaFamilyContainsMeanFieldAndNtk) {
  for (const Index width : {1, 2, 7, 64, 1000}) {
    const Scaling one{.kind = ScalingKind::alpha, .alpha = 1};
    EXPECT_EQ(one.output_factor(width), mean_field.output_factor(width));
    EXPECT_EQ(one.drift_factor(width), mean_field.drift_factor(width));
    const Scaling root{.kind = ScalingKind::alpha, .alpha = std::sqrt(static_cast<double>(width))};
    EXPECT_DOUBLE_EQ(root.output_factor(width), ntk.output_factor(width));
    EXPECT_DOUBLE_EQ(root.drift_factor(width), ntk.drift_factor(width));
  }
}

TEST(Scaling, OutputsMoveAtOneSpeedWhateverAlpha) {
  // d f/dt = output_factor sum_j grad h . v_j is of the order output_factor * drift_factor * N.
  for (const Index width : {1, 9, 1000}) {
    for (const double alpha : {0.1, 1.0, 3.0, 100.0}) {
      const Scaling scaling{.kind = ScalingKind::alpha, .alpha = alpha};
      EXPECT_DOUBLE_EQ(scaling.output_factor(width) * scaling.drift_factor(width) * static_cast<double>(width), 1);
    }
    EXPECT_DOUBLE_EQ(mean_field.output_factor(width) * mean_field.drift_factor(width) * static_cast<double>(width), 1);
    EXPECT_DOUBLE_EQ(ntk.output_factor(width) * ntk.drift_factor(width) * static_cast<double>(width), 1);
  }
}

TEST(Scaling, DescribesItsFactors) {
  EXPECT_NE(mean_field.describe().find("f = (1/N) sum_j h"), std::string::npos);
  EXPECT_NE(ntk.describe().find("f = (1/sqrt(N)) sum_j h"), std::string::npos);
  EXPECT_NE(standard.describe().find("f = sum_j h"), std::string::npos);
  EXPECT_NE((Scaling{.kind = ScalingKind::alpha, .alpha = 2.5}.describe().find("alpha = 2.5")), std::string::npos);
}

}  // namespace
}  // namespace mfld
