#include "mfld/observe/trigger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace mfld {
namespace {

std::vector<std::int64_t> fired(const Trigger& trigger, std::int64_t num_steps) {
  std::vector<std::int64_t> steps;
  for (std::int64_t step = 0; step <= num_steps; ++step) {
    if (trigger.fires(step)) {
      steps.push_back(step);
    }
  }
  return steps;
}

using Steps = std::vector<std::int64_t>;

TEST(Trigger, NeverFiresByDefault) { EXPECT_TRUE(fired(Trigger{}, 100).empty()); }

TEST(Trigger, CountsWhereItFires) {
  for (const Trigger& trigger : {Trigger(), Trigger::every(1), Trigger::every(7), Trigger::at({0, 3, 14, 50, 99}),
                                 Trigger::every(7).with({0, 3, 14, 50}), Trigger::log_spaced(20, 90)}) {
    for (std::int64_t first = 0; first < 100; ++first) {
      for (std::int64_t last = 0; last < 100; ++last) {
        std::int64_t count = 0;
        for (std::int64_t step = first; step <= last; ++step) {
          count += trigger.fires(step) ? 1 : 0;
        }
        ASSERT_EQ(trigger.num_fires(first, last), count) << first << " to " << last;
      }
    }
  }
}

TEST(Trigger, EveryFiresAtMultiplesOfItsInterval) {
  EXPECT_EQ(fired(Trigger::every(4), 13), (Steps{0, 4, 8, 12}));
  EXPECT_EQ(fired(Trigger::every(1), 3), (Steps{0, 1, 2, 3}));
  EXPECT_TRUE(Trigger::every(10).fires(std::int64_t{10'000'000'000}));
  EXPECT_FALSE(Trigger::every(10).fires(std::int64_t{10'000'000'001}));
}

TEST(Trigger, AtFiresAtTheGivenStepsInAnyOrder) { EXPECT_EQ(fired(Trigger::at({7, 0, 3, 7}), 10), (Steps{0, 3, 7})); }

TEST(Trigger, LandmarksAreAdded) {
  EXPECT_EQ(fired(Trigger::every(5).with({0, 7, 11}), 11), (Steps{0, 5, 7, 10, 11}));
  EXPECT_EQ(fired(Trigger{}.with({3}), 11), (Steps{3}));
  EXPECT_EQ(fired(Trigger::at({2}).with({3}).with({2, 9}), 11), (Steps{2, 3, 9}));
}

TEST(Trigger, WithLeavesTheOriginalAsItWas) {
  const Trigger trigger = Trigger::at({2});
  EXPECT_TRUE(trigger.with({5}).fires(5));
  EXPECT_FALSE(trigger.fires(5));
}

TEST(Trigger, LogSpacedHasExactlyTheCountItWasAskedForAndBothEnds) {
  for (const std::int64_t num_steps : {0, 1, 2, 3, 10, 99, 100, 1000, 54321}) {
    for (const std::int64_t count : {2, 3, 5, 10, 50, 100, 101, 200, 1000}) {
      const Steps steps = fired(Trigger::log_spaced(count, num_steps), num_steps);
      ASSERT_EQ(std::ssize(steps), std::min(count, num_steps + 1)) << count << " of " << num_steps;
      EXPECT_EQ(steps.front(), 0);
      EXPECT_EQ(steps.back(), num_steps);
    }
  }
}

TEST(Trigger, LogSpacedGapsNeverShrink) {
  // Consecutive real gaps grow by a constant factor; rounding moves each end by at most a half.
  for (const std::int64_t num_steps : {100, 1000, 54321}) {
    const Steps steps = fired(Trigger::log_spaced(60, num_steps), num_steps);
    for (std::size_t i = 2; i < steps.size(); ++i) {
      EXPECT_GE(steps[i] - steps[i - 1] + 2, steps[i - 1] - steps[i - 2]);
    }
  }
}

TEST(Trigger, LogSpacedIsEvenInTheLogarithmOfTheStepPlusOne) {
  const Steps steps = fired(Trigger::log_spaced(7, 999'999), 999'999);
  EXPECT_EQ(steps, (Steps{0, 9, 99, 999, 9'999, 99'999, 999'999}));
}

TEST(Trigger, LogSpacedTakesEveryStepWhereAnEvenSpacingWouldRepeatSome) {
  const Steps steps = fired(Trigger::log_spaced(30, 1000), 1000);
  EXPECT_TRUE(std::equal(steps.begin(), steps.begin() + 5, Steps{0, 1, 2, 3, 4}.begin()));
}

TEST(Trigger, LogSpacedReachesLongRuns) {
  const std::int64_t long_run = std::int64_t{1} << 50;
  const Trigger trigger = Trigger::log_spaced(200, long_run);
  EXPECT_TRUE(trigger.fires(0));
  EXPECT_TRUE(trigger.fires(long_run));
  EXPECT_FALSE(trigger.fires(long_run - 1));
}

TEST(Trigger, AnswersTheSameHoweverOftenAndInWhateverOrderItIsAsked) {
  const Trigger trigger = Trigger::log_spaced(20, 500).with({123});
  const Steps forwards = fired(trigger, 500);
  Steps backwards;
  for (std::int64_t step = 500; step >= 0; --step) {
    if (trigger.fires(step)) {
      backwards.push_back(step);
    }
  }
  std::reverse(backwards.begin(), backwards.end());
  EXPECT_EQ(forwards, backwards);
}

}  // namespace
}  // namespace mfld
