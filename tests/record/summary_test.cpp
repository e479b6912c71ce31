// Reading summary.json, whatever is in it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mfld/core/error.hpp"
#include "mfld/record/run_directory.hpp"
#include "record/summary_json.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;

class Summary : public ::testing::Test {
 protected:
  std::optional<RunSummary> read(const std::string& text) {
    test::write_bytes(directory / "summary.json", text);
    return read_summary(directory.path());
  }
  /// A good one but for one member.
  std::optional<RunSummary> with(const std::string& name, const std::string& value) {
    std::string text = "{";
    for (const auto& [member, good] :
         std::initializer_list<std::pair<std::string, std::string>>{{"ending", "\"finished\""},
                                                                    {"message", "\"m\""},
                                                                    {"step", "3"},
                                                                    {"time", "0.5"},
                                                                    {"gradient_evaluations", "9"},
                                                                    {"sessions", "2"},
                                                                    {"wall_seconds", "1.5"},
                                                                    {"final", "{\"train_loss\": 0.1, \"x\": null}"}}) {
      text += fmt::format("{}\"{}\": {}", text.size() == 1 ? "" : ", ", member, member == name ? value : good);
    }
    return read(text + "}");
  }

  test::TemporaryDirectory directory;
};

TEST_F(Summary, ReadsWhatARunWrites) {
  const auto summary = with("", "");
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->end.ending, Ending::finished);
  EXPECT_EQ(summary->end.step, 3);
  EXPECT_EQ(summary->sessions, 2);
  EXPECT_EQ(summary->columns, (std::vector<std::string>{"train_loss", "x"}));
  EXPECT_EQ(summary->final_values[0], 0.1);
  EXPECT_TRUE(std::isnan(summary->final_values[1]));
}

TEST_F(Summary, HasAdviceOnlyWhereThereIsSome) {
  RunSummary summary;
  summary.end.ending = Ending::finished;
  EXPECT_EQ(to_json(summary).find("advice"), std::string::npos);
  summary.advice = {"take fewer", "or more"};
  const auto again = read(to_json(summary));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->advice, summary.advice);
  EXPECT_FALSE(with("message", "\"m\", \"advice\": \"take fewer\"")) << "it is a list";
  EXPECT_FALSE(with("message", "\"m\", \"advice\": [1]"));
}

TEST_F(Summary, KnowsTheWordOfEveryEnding) {
  for (const EndingInfo& row : endings) {
    EXPECT_EQ(info(row.ending).name, row.name);
    const auto summary = with("ending", fmt::format("\"{}\"", row.name));
    ASSERT_TRUE(summary) << row.name;
    EXPECT_EQ(summary->end.ending, row.ending);
    EXPECT_EQ(is_final(summary), row.ending == Ending::finished || row.ending == Ending::diverged) << row.name;
  }
  EXPECT_FALSE(with("ending", "\"exploded\""));
  EXPECT_FALSE(is_final(std::nullopt));
}

TEST_F(Summary, IsNoneWhereATypeOrANumberIsWrong) {
  const std::vector<std::string> wrong = {"[]",    "{}",    "true",   "[[1]]",
                                          "\"3\"", "1e300", "-1e300", "99999999999999999999"};
  for (const char* name : {"step", "gradient_evaluations", "sessions"}) {
    for (const std::string& value : wrong) {
      EXPECT_FALSE(with(name, value)) << name << value;
    }
  }
  EXPECT_FALSE(with("sessions", "9223372036854775807")) << "to which one is added";
  EXPECT_FALSE(with("step", "-1"));
  for (const char* name : {"time", "wall_seconds"}) {
    EXPECT_FALSE(with(name, "\"1\"")) << name;
    EXPECT_FALSE(with(name, "[]")) << name;
    EXPECT_TRUE(with(name, "null")) << name;
  }
  for (const char* name : {"ending", "message"}) {
    EXPECT_FALSE(with(name, "3")) << name;
  }
  for (const char* value : {"[1]", "3", "{\"x\": \"1\"}", "{\"x\": {}}"}) {
    EXPECT_FALSE(with("final", value)) << value;
  }
  for (const char* text : {"", "[]", "3", "null", "{", "{\"ending\": \"finished\"}", "\xFF", "{} {}"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

/// Whose reader, or whose destructor, would come to the end of the stack.
TEST_F(Summary, IsNoneWhereItIsNestedDeeply) {
  for (const std::size_t depth : {20U, 100000U, 3000000U}) {
    EXPECT_FALSE(read(std::string(depth, '[') + std::string(depth, ']')));
    EXPECT_FALSE(with("final", std::string(depth, '[')));
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) {
      objects += "{\"a\":";
    }
    EXPECT_FALSE(with("final", objects + "1" + std::string(depth, '}')));
  }
}

TEST_F(Summary, ThatTheSystemCannotReadIsAnError) {
  EXPECT_FALSE(read_summary(directory.path()));
  std::filesystem::create_symlink("/proc/self/mem", directory / "summary.json");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { read_summary(directory.path()); }), "Input/output error"));
  std::filesystem::remove(directory / "summary.json");
  std::filesystem::create_directory(directory / "summary.json");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { read_summary(directory.path()); }), "Is a directory"));
}

}  // namespace
}  // namespace mfld
