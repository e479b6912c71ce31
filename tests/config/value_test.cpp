#include "mfld/config/value.hpp"

#include <gtest/gtest.h>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

TEST(Value, WhatIsWrittenReadsBackTheSame) {
  const std::string text =
      "a = 1\nb = 1.0\nc = 1e-300\nd = \"tab\\t\\\\ \\\"quoted\\\"\"\ne = [1, [2.5], []]\nf = true\n"
      "[t.u]\nx = -0.1\n[[l]]\nk = 1\nn = {m = {o = 2}}\n[[l]]\n[v]\n\"odd key\" = 3\n";
  const Value value = parse_toml(text, "test.toml");
  const std::string written = to_toml(value);
  EXPECT_EQ(to_toml_inline(parse_toml(written, "written.toml")), to_toml_inline(value));
  EXPECT_EQ(to_toml_inline(value),
            "{ a = 1, b = 1.0, c = 1e-300, d = \"tab\\u0009\\\\ \\\"quoted\\\"\", e = [1, [2.5], []], f = true, "
            "t = { u = { x = -0.1 } }, l = [{ k = 1, n = { m = { o = 2 } } }, {}], v = { \"odd key\" = 3 } }");
}

TEST(Value, MistakesInTheTextHaveALineAndAColumn) {
  try {
    parse_toml("a = 1\nb = = 2\n", "file.toml");
    FAIL();
  } catch (const InvalidInput& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 14), "file.toml:2:5:") << error.what();
  }
  EXPECT_THROW(parse_toml("a = 2020-01-01", "file.toml"), InvalidInput);
}

TEST(Value, NoTextEndsTheProgram) {
  // Found by fuzzing: toml++ takes for certain that a key begins after "[" and blanks.
  for (const char* text :
       {"[\x18", "[[\x18", "a.\x18 = 1", "{\x18 = 1}", "a = {\x18 = 1}", "[", "a", "a.", "=", "\"", "'"}) {
    EXPECT_THROW(parse_toml(text, "file.toml"), InvalidInput) << text;
  }
  EXPECT_THROW(parse_toml_value("{\x18 = 1}"), InvalidInput);
  // Recursion without a bound: keys of many parts, values within values.
  std::string path = "a";
  for (int i = 0; i < 200000; ++i) {
    path += ".a";
  }
  const std::string lists(200000, '[');
  for (const std::string& text : {path + " = 1", "[" + path + "]", "b = {" + path + " = 1}", "b = " + lists}) {
    EXPECT_THROW(parse_toml(text, "file.toml"), InvalidInput);
  }
  Value root;
  EXPECT_THROW(assign(root, path, {std::int64_t{1}}), InvalidInput);
  EXPECT_THROW(parse_toml_value("{" + path + " = 1}"), InvalidInput);
  std::string fits = "a";
  for (int i = 0; i < 250; ++i) {
    fits += ".a";
  }
  EXPECT_NO_THROW(parse_toml(fits + " = 1\n[c." + fits + "]\nb = 0.5  # ...\n", "file.toml"));
}

TEST(Value, ABareWordIsAStringAndNothingElseIs) {
  EXPECT_EQ(to_toml_inline(parse_toml_value("3")), "3");
  EXPECT_EQ(to_toml_inline(parse_toml_value("true")), "true");
  EXPECT_EQ(to_toml_inline(parse_toml_value("[1, 2]")), "[1, 2]");
  EXPECT_EQ(to_toml_inline(parse_toml_value("{a = 1}")), "{ a = 1 }");
  EXPECT_EQ(to_toml_inline(parse_toml_value("svrg-mfld")), "\"svrg-mfld\"");
  EXPECT_EQ(to_toml_inline(parse_toml_value("../data/x.csv")), "\"../data/x.csv\"");
  for (const std::string text : {"", "[1, 2", "a b", "1\nother = 2", "\"open"}) {
    EXPECT_THROW(parse_toml_value(text), InvalidInput) << text;
  }
}

TEST(Value, PathsReachIntoListsByPosition) {
  Value root = parse_toml("[[phase]]\nsteps = 1\n[[phase]]\nsteps = 2\n", "test.toml");
  EXPECT_EQ(to_toml_inline(*find(root, "phase.1.steps")), "2");
  EXPECT_EQ(find(root, "phase.2.steps"), nullptr);
  EXPECT_EQ(find(root, "phase.one"), nullptr);
  assign(root, "phase.0.lambda.kind", {"constant"});
  EXPECT_EQ(to_toml_inline(*find(root, "phase.0")), "{ steps = 1, lambda = { kind = \"constant\" } }");
  EXPECT_THROW(assign(root, "phase.2.steps", {std::int64_t{1}}), InvalidInput);
  EXPECT_THROW(assign(root, "phase.0.steps.x", {std::int64_t{1}}), InvalidInput);
  EXPECT_THROW(assign(root, "phase..steps", {std::int64_t{1}}), InvalidInput);
}

}  // namespace
}  // namespace mfld
