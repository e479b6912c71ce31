#include "mfld/core/nearest_name.hpp"

#include <gtest/gtest.h>

#include <array>

namespace mfld {
namespace {

constexpr std::array<std::string_view, 7> names = {"step_size", "steps", "lambda1",   "lambda2",
                                                   "beta",      "width", "train_loss"};

TEST(NearestName, FindsEachKindOfSlip) {
  EXPECT_EQ(nearest_name("stepsize", names), "step_size");     // one missing
  EXPECT_EQ(nearest_name("wiidth", names), "width");           // one too many
  EXPECT_EQ(nearest_name("step-size", names), "step_size");    // one replaced
  EXPECT_EQ(nearest_name("widht", names), "width");            // two neighbours swapped
  EXPECT_EQ(nearest_name("Train_Loss", names), "train_loss");  // capitals
  EXPECT_EQ(nearest_name("lamda2", names), "lambda2");
}

TEST(NearestName, AnExactNameIsItsOwnNearest) {
  for (const auto name : names) {
    EXPECT_EQ(nearest_name(name, names), name);
  }
}

TEST(NearestName, PrefersTheFirstOfEquallyNearNames) { EXPECT_EQ(nearest_name("lambda", names), "lambda1"); }

TEST(NearestName, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("momentum", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
  EXPECT_EQ(nearest_name("width", std::span<const std::string_view>{}), std::nullopt);
}

TEST(NearestName, ASwapCountsOnce) {
  // "ab" and "ba" are two substitutions but one swap apart, and the limit for two letters is one.
  constexpr std::array<std::string_view, 1> one = {"ab"};
  EXPECT_EQ(nearest_name("ba", one), "ab");
  EXPECT_EQ(nearest_name("xy", one), std::nullopt);
}

}  // namespace
}  // namespace mfld
