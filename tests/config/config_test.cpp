#include "mfld/config/config.hpp"

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
    EXPECT_EQ(error_of("k = " + text, number), "k = " + text + ": must be a finite number > 0");
  }
  EXPECT_EQ(error_of("k = true", number), "k = true: is true or false, must be a finite number > 0");
  EXPECT_EQ(error_of("k = 1.5", [](Section& s) { s.number("k", "doc", 1.0, NumberRule::fraction); }),
            "k = 1.5: must be a number in [0, 1]");

  EXPECT_EQ(error_of("k = 1", [](Section& s) { s.flag("k", "doc", true); }),
            "k = 1: is an integer, must be true or false");
  EXPECT_EQ(error_of("k = [1]", [](Section& s) { s.text("k", "doc", "x"); }), "k = [1]: is a list, must be a string");
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
  EXPECT_EQ(error("[[phase]]\nsteps = 1\n[[phase]]\nstpes = 1"),
            "unknown key phase.1.stpes; did you mean phase.steps?");
  EXPECT_EQ(error("[[phase]]\nstep_size = {kid = 1}"),
            "unknown key phase.0.step_size.kid; did you mean phase.step_size.kind?");
  EXPECT_EQ(error("zzzzzzzz = 2"), "unknown key zzzzzzzz");
  EXPECT_EQ(error("[network]\nother = 2"), "network.other = 2: is only read with network.kind = \"x\"");
}

}  // namespace
}  // namespace mfld
