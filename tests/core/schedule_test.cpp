#include "mfld/core/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace mfld {
namespace {

constexpr std::int64_t num_steps = 1000;

const std::vector<ScheduleKind> all_kinds = {ScheduleKind::constant, ScheduleKind::exponential, ScheduleKind::inverse,
                                             ScheduleKind::logarithmic, ScheduleKind::halving};

Schedule make(ScheduleKind kind) {
  return {.kind = kind, .value = 0.5, .final_value = 0.001, .timescale = 30, .off_fraction = 0};
}

TEST(Schedule, EveryKindStartsAtItsValue) {
  for (const ScheduleKind kind : all_kinds) {
    EXPECT_DOUBLE_EQ(make(kind).at(0, num_steps), 0.5) << static_cast<int>(kind);
  }
}

TEST(Schedule, EveryKindButTheConstantOneDecreases) {
  for (const ScheduleKind kind : all_kinds) {
    const Schedule schedule = make(kind);
    for (std::int64_t k = 1; k < num_steps; ++k) {
      ASSERT_LE(schedule.at(k, num_steps), schedule.at(k - 1, num_steps));
    }
    if (kind != ScheduleKind::constant) {
      EXPECT_LT(schedule.at(num_steps - 1, num_steps), 0.5) << static_cast<int>(kind);
    }
  }
}

TEST(Schedule, ExponentialReachesItsFinalValueAtTheLastStepByEqualFactors) {
  const Schedule schedule = make(ScheduleKind::exponential);
  EXPECT_NEAR(schedule.at(num_steps - 1, num_steps), 0.001, 1e-17);
  const double factor = std::pow(0.001 / 0.5, 1.0 / 999);
  for (std::int64_t k = 1; k < num_steps; ++k) {
    ASSERT_NEAR(schedule.at(k, num_steps) / schedule.at(k - 1, num_steps), factor, 1e-13);
  }
}

TEST(Schedule, ExponentialOfOneStepIsItsFirstValue) { EXPECT_EQ(make(ScheduleKind::exponential).at(0, 1), 0.5); }

TEST(Schedule, InverseIsHalfAtItsTimescaleAndATenthAtNineOfThem) {
  const Schedule schedule = make(ScheduleKind::inverse);
  EXPECT_DOUBLE_EQ(schedule.at(30, num_steps), 0.25);
  EXPECT_DOUBLE_EQ(schedule.at(270, num_steps), 0.05);
}

TEST(Schedule, LogarithmicAtGivenSteps) {
  // 0.5 / log(e + 1) and 0.5 / log(e + 10), computed independently with 40 digits.
  const Schedule schedule = make(ScheduleKind::logarithmic);
  EXPECT_NEAR(schedule.at(30, num_steps), 0.38073142980732999899, 1e-15);
  EXPECT_NEAR(schedule.at(300, num_steps), 0.19661503834671124998, 1e-15);
}

TEST(Schedule, HalvingHoldsForARoundAndThenHalvesExactly) {
  const Schedule schedule = make(ScheduleKind::halving);
  EXPECT_EQ(schedule.at(29, num_steps), 0.5);
  EXPECT_EQ(schedule.at(30, num_steps), 0.25);
  EXPECT_EQ(schedule.at(59, num_steps), 0.25);
  EXPECT_EQ(schedule.at(60, num_steps), 0.125);
  EXPECT_EQ(schedule.at(300, num_steps), 0.5 / 1024);
}

TEST(Schedule, OffFractionIsExactForDecimalFractions) {
  // Neither f K nor (1 - f) K is a whole number in floating point for all of these pairs (0.29 * 100 < 29, for one);
  // the number of zeros must be.
  for (const ScheduleKind kind : all_kinds) {
    for (int hundredths = 0; hundredths <= 100; ++hundredths) {
      Schedule schedule = make(kind);
      schedule.off_fraction = hundredths / 100.0;
      for (const std::int64_t length : {100, 700, 1000}) {
        const std::int64_t first_zero = length - length * hundredths / 100;
        for (std::int64_t k = 0; k < length; ++k) {
          ASSERT_EQ(schedule.at(k, length) == 0, k >= first_zero)
              << length << " steps, step " << k << ", fraction " << schedule.off_fraction;
        }
      }
    }
  }
}

TEST(Schedule, TheStateAfterTheLastStepSeesTheLastStepsConstants) {
  for (const ScheduleKind kind : all_kinds) {
    for (const double off : {0.0, 0.2}) {
      Schedule schedule = make(kind);
      schedule.off_fraction = off;
      for (const std::int64_t length : {1, 7, 60}) {
        EXPECT_EQ(schedule.at(length, length), schedule.at(length - 1, length));
        EXPECT_EQ(schedule.at(10 * length, length), schedule.at(length - 1, length));
      }
    }
  }
}

TEST(Schedule, APhaseOfNoStepsHasItsFirstValue) {
  for (const ScheduleKind kind : all_kinds) {
    EXPECT_DOUBLE_EQ(make(kind).at(0, 0), 0.5);
  }
}

TEST(Schedule, OfGivenValuesTakesThemInOrder) {
  Schedule schedule;
  schedule.kind = ScheduleKind::given;
  schedule.values = std::make_shared<const std::vector<double>>(std::vector<double>{0.5, 0, 2});
  schedule.value = 2;
  EXPECT_EQ(schedule.at(0, 3), 0.5);
  EXPECT_EQ(schedule.at(1, 3), 0);
  EXPECT_EQ(schedule.at(2, 3), 2);
  EXPECT_EQ(schedule.at(3, 3), 2);
  EXPECT_EQ(schedule.describe(), "3 given values, 0.5 .. 2");
}

TEST(Schedule, DescribesItsFormulaWithItsNumbers) {
  EXPECT_EQ(make(ScheduleKind::constant).describe(), "0.5");
  EXPECT_EQ(make(ScheduleKind::exponential).describe(), "0.5 (0.001 / 0.5)^(k / (K - 1))");
  EXPECT_EQ(make(ScheduleKind::inverse).describe(), "0.5 / (1 + k / 30)");
  EXPECT_EQ(make(ScheduleKind::logarithmic).describe(), "0.5 / log(e + k / 30)");
  Schedule schedule = make(ScheduleKind::halving);
  schedule.off_fraction = 0.2;
  EXPECT_EQ(schedule.describe(), "0.5 2^-floor(k / 30), then 0 for the last 0.2 of the steps");
}

}  // namespace
}  // namespace mfld
