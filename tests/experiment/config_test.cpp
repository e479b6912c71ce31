#include "mfld/experiment/config.hpp"

#include <gtest/gtest.h>

#include "mfld/core/error.hpp"

namespace mfld {
namespace {

/// What the reader says about `text`, or "" if it takes it.
template <class Read>
std::string error_of(const std::string& text, const Read& read) {
  const Value given = parse_toml(text, "test.toml");
  Value resolved{Table{}};
  try {
    Section section = Section::reading(given, resolved);
    read(section);
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

TEST(Config, EveryTypeOfKeySaysWhatItFoundAndWhatIsAllowed) {
  const auto integer = [](Section& s) { s.integer("k", "doc", 1, {1, 10}); };
  EXPECT_EQ(error_of("k = 10", integer), "");
  EXPECT_EQ(error_of("k = 1e1", integer), "");
  EXPECT_EQ(error_of("k = 11", integer), "k = 11: must be an integer from 1 to 10");
  EXPECT_EQ(error_of("k = 0", integer), "k = 0: must be an integer from 1 to 10");
  EXPECT_EQ(error_of("k = 2.5", integer), "k = 2.5: is a number, must be an integer from 1 to 10");
  EXPECT_EQ(error_of("k = \"2\"", integer), "k = \"2\": is a string, must be an integer from 1 to 10");

  const auto number = [](Section& s) { s.number("k", "doc", 1.0, NumberRule::positive); };
  EXPECT_EQ(error_of("k = 3", number), "");
  for (const std::string text : {"0", "-1.5", "nan", "inf"}) {
    EXPECT_EQ(error_of("k = " + text, number),
              "k = " + text + ": must be a finite number > 0");
  }
  EXPECT_EQ(error_of("k = true", number), "k = true: is true or false, must be a finite number > 0");
  EXPECT_EQ(error_of("k = 1.5", [](Section& s) { s.number("k", "doc", 1.0, NumberRule::fraction); }),
            "k = 1.5: must be a number in [0, 1]");

  EXPECT_EQ(error_of("k = 1", [](Section& s) { s.flag("k", "doc", true); }),
            "k = 1: is an integer, must be true or false");
  EXPECT_EQ(error_of("k = [1]", [](Section& s) { s.text("k", "doc", "x"); }),
            "k = [1]: is a list, must be a string");
  EXPECT_EQ(error_of("k = [1, \"a\"]", [](Section& s) { s.numbers("k", "doc"); }),
            "k = [1, \"a\"]: must be a list of finite numbers");
  EXPECT_EQ(error_of("k = [[1], 2]", [](Section& s) { s.rows("k", "doc"); }),
            "k = [[1], 2]: must be a list of lists of finite numbers");
}

TEST(Config, AChoiceNamesTheNearest) {
  const auto read = [](Section& s) { s.choice("k", "doc", "ntk", {"mean-field", "ntk"}); };
  EXPECT_EQ(error_of("k = \"mean-field\"", read), "");
  EXPECT_EQ(error_of("k = \"mean_field\"", read),
            "k = \"mean_field\": must be one of \"mean-field\", \"ntk\"; did you mean \"mean-field\"?");
  EXPECT_EQ(error_of("k = 3", read), "k = 3: is an integer, must be one of \"mean-field\", \"ntk\"");
}

TEST(Config, AMissingKeySaysWhatItIs) {
  EXPECT_EQ(error_of("[a]", [](Section& s) { s.table("a").integer("k", "the width", required, {1}); }),
            "a.k: is missing, must be an integer >= 1 (the width)");
  EXPECT_EQ(error_of("a = 1", [](Section& s) { s.table("a"); }), "a = 1: is an integer, must be a table");
}

TEST(Config, AKeyThatDependsOnOthersIsRejectedWithoutThem) {
  const auto read = [](bool condition) {
    return [condition](Section& s) { EXPECT_EQ(s.reads("alpha", condition, "scaling = \"alpha\""), condition); };
  };
  EXPECT_EQ(error_of("", read(false)), "");
  EXPECT_EQ(error_of("alpha = 2", read(true)), "");
  EXPECT_EQ(error_of("alpha = 2", read(false)), "alpha = 2: is only read with scaling = \"alpha\"");
}

TEST(Config, TheResolvedFileHasEveryDefaultInTheOrderOfReading) {
  const Value given = parse_toml("[[b]]\nx = 2\n[[b]]\n", "test.toml");
  Value resolved{Table{}};
  Section root = Section::reading(given, resolved);
  root.integer("z", "last letter", 7, {0});
  root.text("a", "first letter", "it's \"A\"");
  for (Section& b : root.tables("b")) {
    b.number("x", "number", 1.0, NumberRule::any);
  }
  const std::string text = to_toml(resolved);
  const Value again = parse_toml(text, "resolved.toml");
  EXPECT_EQ(to_toml_inline(again), "{ z = 7, a = \"it's \\\"A\\\"\", b = [{ x = 2.0 }, { x = 1.0 }] }");
  EXPECT_NE(text.find("# last letter"), std::string::npos);
}

TEST(Config, DescribingRecordsEveryKeyAndRequiresNothing) {
  std::vector<KeyInfo> keys;
  Section root = Section::describing(keys);
  Section section = root.table("task", "kind = \"x\"");
  EXPECT_EQ(section.integer("n", "samples", required, {5}), 5);
  EXPECT_TRUE(section.reads("level", false, "noise = true"));
  EXPECT_EQ(section.number("level", "of the noise", {0.5, "half"}, NumberRule::fraction), 0.5);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].path, "task.n");
  EXPECT_EQ(keys[0].fallback, "required");
  EXPECT_EQ(keys[0].where, "kind = \"x\"");
  EXPECT_EQ(keys[1].allowed, "a number in [0, 1]");
  EXPECT_EQ(keys[1].fallback, "half");
  EXPECT_EQ(keys[1].where, "kind = \"x\", noise = true");
}

TEST(Config, AnUnknownKeyNamesTheNearest) {
  const std::vector<KeyInfo> keys = {{"seed", "", "", "", ""},
                                     {"network.width", "", "", "", ""},
                                     {"phase.steps", "", "", "", ""},
                                     {"phase.step_size", "", "", "", ""},
                                     {"phase.step_size.kind", "", "", "", ""}};
  const std::vector<KeyInfo> others = {{"network.other", "", "", "", "network.kind = \"x\""}};
  const auto error = [&](const std::string& text) -> std::string {
    try {
      reject_unknown_keys(parse_toml(text, "test.toml"), keys, others);
    } catch (const InvalidInput& exception) {
      return exception.what();
    }
    return "";
  };
  EXPECT_EQ(error("seed = 1\nnetwork.width = 2\n[[phase]]\nsteps = 1\nstep_size.kind = 1"), "");
  EXPECT_EQ(error("[network]\nwidht = 2"), "unknown key network.widht; did you mean network.width?");
  EXPECT_EQ(error("width = 2"), "unknown key width; did you mean network.width?");
  EXPECT_EQ(error("[[phase]]\nsteps = 1\n[[phase]]\nstpes = 1"), "unknown key phase.1.stpes; did you mean phase.steps?");
  EXPECT_EQ(error("[[phase]]\nstep_size = {kid = 1}"),
            "unknown key phase.0.step_size.kid; did you mean phase.step_size.kind?");
  EXPECT_EQ(error("zzzzzzzz = 2"), "unknown key zzzzzzzz");
  EXPECT_EQ(error("[network]\nother = 2"), "network.other = 2: is only read with network.kind = \"x\"");
}

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
