// What stands between fields: found, or told.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "mfld/tables/input_file.hpp"
#include "support/table_file.hpp"
#include "tables/text/fields.hpp"

namespace {

using namespace mfld;
using test::mentions;

class Separators : public test::TableFiles {
 protected:
  Dataset read(const std::string& content, Separator separator = Separator::automatic) const {
    FileDatasetOptions options = csv(content);
    options.csv.separator = separator;
    return make_file_dataset(options, 1);
  }
  std::string refusal_with(Separator separator, const std::string& content) const {
    FileDatasetOptions options = csv(content);
    options.csv.separator = separator;
    return refusal(options);
  }
};

TEST_F(Separators, AreFoundByThemselves) {
  for (const char* content : {
           "a,b,y\n1,2,3\n4,5,6\n",
           "a;b;y\n1;2;3\n4;5;6\n",
           "a\tb\ty\n1\t2\t3\n4\t5\t6\n",
           "a|b|y\n1|2|3\n4|5|6\n",
           "a b y\n1 2 3\n4 5 6\n",
           "  a   b\ty \n 1\t 2   3  \r\n 4 5 6",           // blanks of any number at any place
           "\xEF\xBB\xBF\"a;\";b;y\r\n1;2;3\r\n4;5;6\r\n",  // byte order mark, Windows, the separator in a name
           "\"a\" \"b c\" \"y\"\n1 2 3\n4 5 6\n",
           "1; 2; 3\n4; 5; 6\n",
           "# made of; numbers\n\n# more\n1\t2\t3 \n4\t 5\t6\n",
           "mean a,mean b,of y\n1,2,3\n4,5,6\n",         // blanks would split the names
           "# a b y\n1.0e+00 2.0e+00 3.0e+00\n4 5 6\n",  // numpy.savetxt
           "a b;b|c;y\n1;2;3\n4;5;6\n",
           "a;b;y\n# a,comment,between\n\n1;2;3\n4;5;6\n",
       }) {
    SCOPED_TRACE(content);
    const Dataset data = read(content);
    EXPECT_EQ(data.train_inputs, (Inputs{{1, 2}, {4, 5}}));
    EXPECT_EQ(data.train_targets, (Vector{{3, 6}}));
  }
  EXPECT_EQ(read("1 2 3\n").train_inputs, (Inputs{{1, 2}}));
}

TEST_F(Separators, LongTablesOfEveryKindAreRead) {
  for (const std::string separator : {",", ";", "\t", "|", "  ", " \t"}) {
    std::string content = "a" + separator + "b" + separator + "y\n";
    for (int i = 0; i < 1000; ++i) {
      content +=
          std::to_string(i) + separator + "-0.5" + separator + std::to_string(2 * i) + (i % 3 == 0 ? " \n" : "\r\n");
    }
    const Dataset data = read(content);
    ASSERT_EQ(data.num_train(), 1000) << separator;
    EXPECT_EQ(data.train_targets.sum(), 999000);
    EXPECT_EQ(data.train_inputs.col(0).sum(), 499500);
  }
}

TEST_F(Separators, ATabInATsvMayStandBesideOthers) {
  const auto read_tsv = [this](const std::string& content) {
    return make_file_dataset(whole(write("t.tsv", content)), 1).train_inputs;
  };
  EXPECT_EQ(read_tsv("a, b\tc\ty\n1\t2\t3\n"), (Inputs{{1, 2}}));
  EXPECT_EQ(make_file_dataset(whole(write("t.txt", "1 2 3\n")), 1).train_inputs, (Inputs{{1, 2}}));
  EXPECT_TRUE(mentions(refusal(whole(write("t.tsv", "a\tb\ty\n1\t\t3\n"))), "line 2, column 2 is empty"));
  EXPECT_TRUE(mentions(refusal(whole(write("t.tsv", "a\tb\ty\n1\t2\t\n"))), "line 2, column 3 is empty"));
  EXPECT_TRUE(mentions(refusal(whole(write("t.tsv", "a\tb\ty\n\t2\t3\n"))), "line 2, column 1 is empty"));
}

TEST_F(Separators, AreTold) {
  EXPECT_EQ(read("a,b;c;y\n1;2;3\n", Separator::semicolon).num_train(), 1);
  EXPECT_EQ(read("1 2 3\n4 5 6\n", Separator::blanks).num_train(), 2);
  EXPECT_TRUE(mentions(refusal_with(Separator::semicolon, "a,b,y\n1,2,3\n"),
                       "separator = \";\" splits nothing: line 1 is one field, \"a,b,y\", in which commas separate 3"));
  FileDatasetOptions options = whole(std::string(MFLD_SOURCE_DIR) + "/tests/support/data/table.npy");
  options.csv.separator = Separator::tab;
  EXPECT_TRUE(mentions(refusal(options), "separator: must be \"auto\""));
}

TEST_F(Separators, WhatDoesNotFitIsSaid) {
  const std::vector<std::pair<std::string, std::string>> bad_tables = {
      {"1,2\n3;4\n", "2, column 2 is missing: 1 fields where line 1 has 2 (commas separate fields, and semicolons in"},
      {"a;b\n1;2\n3,4\n",
       "line 3, column 2 is missing: 1 fields where line 1 has 2 (semicolons separate fields, and c"},
      {"a;b\n1,5;2,5\n", "line 2, column 1 holds \"1,5\" and must hold a finite number (the decimal sign must be a po"},
      {"1,5;2,5;3\n1,5;2,5;4\n", "line 1, column 1 holds \"1,5\""},
      {"1,5\t2,5\n1,5\t2,5\n", "line 1, column 1 holds \"1,5\""},
      {"1.000,5;2\n1,5;2\n", "line 1, column 1 holds \"1.000,5\" and must hold a finite number (the decimal sign"},
      {"a;b\n1;NA\n", "line 2, column 2 holds \"NA\""},
      {"a b\n1 2 3\n",
       "line 2, column 3 is one too many: 3 fields where line 1 has 2 (blanks separate fields, so that a column may "
       "have no"},
      {"#N/A;2;3\n4;5;6\n", "line 1, column 1 holds \"#N/A\": is the line a comment or a row?"},
      {"#N/A 2 3\n4 5 6\n", "line 1, column 1 holds \"#N/A\": is the line a comment or a row?"},
      {"a;b\n1;\"2\n", "line 2, column 2 holds a quotation mark"},
      {"1:2\n3:4\n", "the table has 1 column"},
      {"1\n2\n", "the table has 1 column"},
  };
  for (const auto& [content, words] : bad_tables) {
    SCOPED_TRACE(content);
    EXPECT_TRUE(mentions(refusal(content), words));
  }
}

TEST_F(Separators, OneColumnIsEnoughForPoints) {
  FileDatasetOptions options = csv("x\n1\n2\n");
  options.labels = false;
  EXPECT_EQ(make_file_dataset(options, 1).train_inputs, (Inputs{{1}, {2}}));
}

TEST_F(Separators, InCommentsAboveTheTableAreNoRows) {
  EXPECT_EQ(read("#1 2 3\n1,2,3\n").num_train(), 1);
  EXPECT_EQ(read("#1;2\n1,2,3\n").num_train(), 1);
}

TEST(Fields, AreSplitByTheSeparator) {
  using tables::split_fields;
  using Fields = std::vector<std::string_view>;
  EXPECT_EQ(split_fields("a, \"b,c\" ,,d "), (Fields{"a", "b,c", "", "d"}));
  EXPECT_EQ(split_fields("\ta\t\t b\t", Separator::tab), (Fields{"", "a", "", "b", ""}));
  EXPECT_EQ(split_fields(" a \t\"b c\"  d\t", Separator::blanks), (Fields{"a", "b c", "d"}));
  EXPECT_EQ(split_fields("", Separator::blanks), (Fields{""}));
  EXPECT_TRUE(tables::has_decimal_comma("-1.000,25e-3"));
  for (const char* other : {"1.5", ",5", "5,", "1,5,2", "a,b", ""}) {
    EXPECT_FALSE(tables::has_decimal_comma(other)) << other;
  }
}

}  // namespace
