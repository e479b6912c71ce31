#include "mfld/core/tree_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace mfld {
namespace {

std::vector<double> numbers(Index count) {
  std::mt19937_64 engine(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) {
    value = std::ldexp(uniform(engine), static_cast<int>(engine() % 8));  // whose sum depends on the order
  }
  return values;
}

auto add_in(std::vector<double>& values) {
  return [&values](Index to, Index from) {
    values[static_cast<std::size_t>(to)] += values[static_cast<std::size_t>(from)];
  };
}

double whole(std::vector<double> values) {
  add_along_tree({0, std::ssize(values)}, std::ssize(values), add_in(values));
  return values.front();
}

TEST(TreeSum, IsTheSumOfItsHalves) {
  const auto v = numbers(7);
  EXPECT_EQ(whole({v[0]}), v[0]);
  EXPECT_EQ(whole({v[0], v[1]}), v[0] + v[1]);
  EXPECT_EQ(whole({v[0], v[1], v[2]}), (v[0] + v[1]) + v[2]);
  EXPECT_EQ(whole({v[0], v[1], v[2], v[3], v[4], v[5], v[6]}),
            ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + v[6]));
}

// Every way to cut up to 9 tasks into contiguous ranges, and random ones of more: each range adds what it can, in any
// order of the ranges, and the rest follows.
TEST(TreeSum, AnyDivisionIntoContiguousRangesGivesTheSameBits) {
  std::mt19937_64 engine(8);
  for (const Index count : {1, 2, 3, 5, 8, 9, 16, 37, 100}) {
    const auto values = numbers(count);
    const double expected = whole(values);
    bool order_matters = false;
    const int num_divisions = count <= 9 ? 1 << (count - 1) : 200;
    for (int division = 0; division < num_divisions; ++division) {
      std::vector<Index> cuts = {0};
      double from_the_left = 0;
      for (Index task = 1; task < count; ++task) {
        if (count <= 9 ? ((division >> (task - 1)) & 1) != 0 : engine() % 5 == 0) {
          cuts.push_back(task);
        }
      }
      cuts.push_back(count);
      std::vector<double> parts = values;
      for (std::size_t range = cuts.size() - 1; range > 0; --range) {
        add_along_tree({cuts[range - 1], cuts[range]}, count, add_in(parts));
      }
      add_between(cuts, add_in(parts));
      EXPECT_EQ(parts.front(), expected) << count << " tasks, division " << division;
      for (const double value : values) {
        from_the_left += value;
      }
      order_matters = order_matters || from_the_left != expected;
    }
    EXPECT_TRUE(order_matters || count < 16) << "these numbers cannot tell one order from another";
  }
}

}  // namespace
}  // namespace mfld
