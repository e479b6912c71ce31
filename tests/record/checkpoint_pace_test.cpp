#include "record/checkpoint_pace.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace mfld {
namespace {

constexpr double default_minutes = 10;

struct Timeline {
  double seconds = 0;  // of the run
  double writing = 0;
  int checkpoints = 0;
  double longest_without = 0;
};

/// A run of steps that take `step_seconds`, for `seconds`; its checkpoints cost what `cost` says of each.
Timeline run(double seconds, double step_seconds, const std::function<double(int)>& cost,
             double minutes = default_minutes) {
  constexpr double start = 1e6;  // clocks begin anywhere
  double now = start;
  double last = start;
  Timeline line;
  record::CheckpointPace pace(0, minutes, now);
  for (std::int64_t step = 0; now < start + seconds; ++step) {
    if (pace.is_due(step, now)) {
      line.longest_without = std::max(line.longest_without, now - last);
      const double began = now;
      now += cost(line.checkpoints++);
      pace.wrote(began, now);
      line.writing += now - began;
      last = now;
    }
    now += step_seconds;
  }
  line.seconds = now - start;
  return line;
}

TEST(CheckpointPace, FastWritesComeAtTheIntervalThatWasAskedFor) {
  const Timeline line = run(36000, 0.5, [](int) { return 0.5; });
  EXPECT_EQ(line.checkpoints, 59);  // every 600 s and at most a step, of 36000 s
  EXPECT_LT(line.longest_without, 602);
  EXPECT_LT(line.writing / line.seconds, 0.001);
}

TEST(CheckpointPace, SlowWritesTakeOnePercentOfTheTimeAndNoMore) {
  for (const double cost : {7.0, 30.0, 120.0}) {
    const double seconds = 2000 * cost;
    const Timeline line = run(seconds, 0.5, [cost](int) { return cost; });
    EXPECT_LE(line.writing / line.seconds, 0.01) << cost;
    EXPECT_GE(line.writing / line.seconds, 0.0085) << cost << ": nor is it put off for longer than that takes";
    EXPECT_LE(line.longest_without, 201 * cost + 601) << "the first one's cost is not known before it";
  }
}

TEST(CheckpointPace, EvenWhereEveryInstantIsAskedFor) {
  const Timeline line = run(
      1000, 1e-3, [](int) { return 0.1; }, 1e-9);
  EXPECT_LE(line.writing / line.seconds, 0.01);
  EXPECT_GE(line.checkpoints, 90);
}

TEST(CheckpointPace, OneSlowWriteIsPaidForAndForgotten) {
  // The fifth of otherwise fast writes takes five minutes: what follows waits until 1 % of all time covers it, then
  // goes on at its interval.
  const auto spike = [](int i) { return i == 4 ? 300.0 : 0.1; };
  const Timeline line = run(360000, 1, spike);
  EXPECT_LE(line.writing / line.seconds, 0.01);
  EXPECT_GT(line.longest_without, 50000);
  EXPECT_LT(line.longest_without, 61000);
  EXPECT_GT(line.checkpoints, 450);
}

TEST(CheckpointPace, NumbersOfStepsAreObeyedWhateverTheyCost) {
  record::CheckpointPace pace(7, 0, 0);
  EXPECT_FALSE(pace.is_due(0, 1e9)) << "a run without a checkpoint begins at step 0";
  for (std::int64_t step = 1; step < 100; ++step) {
    EXPECT_EQ(pace.is_due(step, 1e9), step % 7 == 0);
    pace.wrote(0, 1e9);
  }
  EXPECT_FALSE(record::CheckpointPace(0, 0, 0).is_due(100, 1e9)) << "never";
}

TEST(CheckpointPace, AClockThatGoesBackHoldsNothingUp) {
  record::CheckpointPace pace(0, 1, 1000);
  pace.wrote(900, 100);
  EXPECT_TRUE(pace.is_due(1, 1061));
}

}  // namespace
}  // namespace mfld
