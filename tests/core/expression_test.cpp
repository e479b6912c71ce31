#include "core/expression.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"

namespace mfld {
namespace {

double value_of(std::string_view name) {
  if (name == "d") {
    return 40;
  }
  if (name == "phase.0.step_size") {
    return 0.25;
  }
  throw InvalidInput("unknown " + std::string(name));
}

double value(const std::string& text) { return evaluate(text, value_of); }

std::string error_of(const std::string& text) {
  return test::message_of<InvalidInput>([&] { value(text); });
}

TEST(Expression, HasTheValueOfCPlusPlus) {
  EXPECT_EQ(value("0.1 / d"), 0.1 / 40);
  EXPECT_EQ(value("1 - 2 - 3"), 1 - 2 - 3);
  EXPECT_EQ(value("8/4/2*3"), 8.0 / 4 / 2 * 3);
  EXPECT_EQ(value("1 + 2 * d"), 81);
  EXPECT_EQ(value("(1 + 2) * d"), 120);
  EXPECT_EQ(value("2 * -d"), -80);
  EXPECT_EQ(value("--d"), 40);
  EXPECT_EQ(value("1e-3*.5e+2"), 1e-3 * .5e+2);
  EXPECT_EQ(value(" phase.0.step_size*2 "), 0.5);
  EXPECT_EQ(value("sqrt(d)"), std::sqrt(40.0));
  EXPECT_EQ(value("exp(log(d)) + abs(-1) + floor(1.9) + ceil(1.1) + round(1.6)"),
            std::exp(std::log(40.0)) + 1 + 1 + 2 + 2);
}

TEST(Expression, PowersGoFromRightToLeftAndBeforeASign) {
  EXPECT_EQ(value("2^3^2"), 512);
  EXPECT_EQ(value("-2^2"), -4);
  EXPECT_EQ(value("2^-1"), 0.5);
  EXPECT_EQ(value("3 / 2^2"), 0.75);
}

TEST(Expression, WhatIsNotFiniteIsReturned) {
  EXPECT_EQ(value("1 / 0"), INFINITY);
  EXPECT_TRUE(std::isnan(value("log(-1)")));
}

TEST(Expression, SaysWhatIsWrong) {
  EXPECT_EQ(error_of(""), "it ends too early");
  EXPECT_EQ(error_of("1 +"), "it ends too early");
  EXPECT_EQ(error_of("(1"), "it ends too early");
  EXPECT_EQ(error_of("1 2"), "what stands at place 3 is too much");
  EXPECT_EQ(error_of("d d"), "what stands at place 3 is too much");
  EXPECT_EQ(error_of("2 ** 3"), "what stands at place 4 is no number, name or parenthesis");
  EXPECT_EQ(error_of("sqrt(d; 1)"), "what stands at place 7 should be a closing parenthesis");
  EXPECT_EQ(error_of("sqrt"), "unknown sqrt");
  EXPECT_EQ(error_of("width"), "unknown width");
  EXPECT_EQ(error_of("d."), "what stands at place 2 is too much");
  EXPECT_EQ(error_of("1e999"), "what stands at place 1 is no number in range");
  EXPECT_EQ(error_of("\xc3\xa9"), "what stands at place 1 is no number, name or parenthesis");
  EXPECT_EQ(error_of(std::string("1\0 2", 4)), "what stands at place 2 is too much");
}

TEST(Expression, IsNotNestedWithoutEnd) {
  EXPECT_EQ(value(std::string(90, '(') + "d" + std::string(90, ')')), 40);
  EXPECT_EQ(error_of(std::string(100000, '(')), "it is nested too deeply");
  EXPECT_EQ(error_of(std::string(100000, '-')), "it is nested too deeply");
  std::string powers = "d";
  for (int k = 0; k < 100000; ++k) {
    powers += "^d";
  }
  EXPECT_EQ(error_of(powers), "it is nested too deeply");
}

}  // namespace
}  // namespace mfld
