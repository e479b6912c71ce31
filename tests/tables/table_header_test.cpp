// First rows that are names, and those that are data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/table_file.hpp"
#include "tables/text/table_header.hpp"

namespace {

using namespace mfld;
using test::mentions;

class TableHeader : public test::TableFiles {
 protected:
  Dataset pair(const std::string& train, const std::string& test) const {
    return make_file_dataset(pair_options(train, test), 1);
  }
  FileDatasetOptions pair_options(const std::string& train, const std::string& test) const {
    FileDatasetOptions options = whole(write("train.csv", train));
    options.test_path = write("test.csv", test);
    return options;
  }
};

TEST_F(TableHeader, WordsAreNames) {
  for (const char* header : {
           "a,b,y",
           "x1,x2,target",
           "\"a, b\",\"c\",d",
           "a,,c",
           "1st Flr SF,3SsnPorch,SalePrice",
           "RI,Na,Type",  // Na is sodium
           "L\xE4nge,Gr\xF6\xDF"
           "e,y",                            // Latin-1
           "\xC3\xA4,\xD0\xB6,\xE4\xBA\xBA"  // UTF-8: a German, a Russian and a Chinese letter
           ,
           ",x,y",                          // an index in front
           "\xE4\xB8\x80\xE6\x9C\x88,b,c",  // Chinese: January has the number one in it
           "mean radius,log10(p),% fat",
           "#id,b,c",
           "0,1,target",  // pandas
           "0,1,Label",
       }) {
    SCOPED_TRACE(header);
    EXPECT_EQ(num_rows(header + std::string("\n1,2,3\n4,5,6\n")), 2);
  }
}

// Each was once a header: the row was left out of the table without a word.
TEST_F(TableHeader, ARowOfDataIsRefusedAndNeverDropped) {
  for (const char* code : {"#N/A",
                           "#DIV/0!",
                           "n.a.",
                           "ND",
                           "unknown",
                           "absent",
                           "k.A.",
                           "?",
                           "-",
                           "--",
                           ".",
                           "*",
                           "",
                           "N/A",
                           "nan",
                           "NULL",
                           "<NA>",
                           "missing",
                           "\xE2\x88\x92"
                           "2",
                           "\xEF\xBC\x92",
                           "\xD9\xA2",
                           "\"1,5\"",
                           "1.2.3",
                           "1e",
                           "12%",
                           "$5",
                           "2\xC2\xA0"
                           "000",
                           "2020-01-01",
                           "0x10",
                           "\xC2\xBD",
                           "1.#QNAN",
                           "x2"}) {
    SCOPED_TRACE(code);
    for (const std::string& row : {"1," + std::string(code) + ",3", "0,1," + std::string(code)}) {
      EXPECT_TRUE(mentions(refusal(row + "\n4,5,6\n7,8,9\n"), "line 1"));
      EXPECT_TRUE(mentions(refusal("# a, comment\n\n" + row + "\n4,5,6\n"), "line 3"));
    }
    EXPECT_TRUE(mentions(refusal("4,5,6\n1," + std::string(code) + ",3\n"), "line 2, column 2"));
  }
}

TEST_F(TableHeader, ARowWithoutAnyNumberIsRefusedWhereItsWordsLookLikeNumbersOrCodes) {
  for (const char* row : {
           "\xE2\x88\x92"
           "1,\xE2\x88\x92"
           "2",                                  // U+2212, the minus sign of typesetters
           "\xD9\xA1,\xD9\xA2",                  // Arabic
           "\xEF\xBC\x91,\xEF\xBC\x92",          // fullwidth
           "\xF0\x9D\x9F\x8F,\xF0\x9D\x9F\x90",  // mathematical bold
           "\"1,5\",\"2,5\"",
           "1.2.3,4.5.6",
           "12kg,13kg",
           "2020-01-01T00:00:00Z,2020-01-02T00:00:00Z",
           "NA,NA",
           "n.v.,k.u.",
           "\xD0\xBD.\xD0\xB4.,\xD0\xBD/\xD0\xB8",  // Russian: no data, not known
           "<LOD,> max",
           "\xE4\xB8\x80,\xE4\xBA\x8C\xE5\x8D\x81",  // Chinese 1 and 20
           "?,?",
           "k.A.,k.A.",
           "absent,absent",
           ",",
       }) {
    SCOPED_TRACE(row);
    EXPECT_TRUE(mentions(refusal(row + std::string("\n3,4\n5,6\n")), "line 1, column 1"));
  }
}

// Which of two words is the code nobody can tell; the same one twice is no name.
TEST_F(TableHeader, AWordTwiceIsDoubtfulAndSoAreMeasures) {
  for (const char* row : {"absent,other,absent", "absent,absent", "a,b,b", "12 minutes,13 minutes"}) {
    SCOPED_TRACE(row);
    const std::string fields = row;
    const std::string numbers = std::count(fields.begin(), fields.end(), ',') == 2 ? "1,2,3" : "1,2";
    EXPECT_TRUE(mentions(refusal(fields + "\n" + numbers + "\n"), "header = \"yes\""));
    FileDatasetOptions options = csv(fields + "\n" + numbers + "\n");
    options.csv.header = Header::yes;
    EXPECT_EQ(make_file_dataset(options, 1).num_train(), 1);
  }
}

TEST_F(TableHeader, ARowOfCodesNamesTheKey) {
  for (const char* row : {"n.v.,k.u.,n.v.", ",n.v.,", ",0,1", "\xE4\xB8\x80,\xE4\xBA\x8C,\xE4\xB8\x89"}) {
    SCOPED_TRACE(row);
    EXPECT_TRUE(mentions(refusal(row + std::string("\n1,2,3\n")), "header = \"yes\" makes a header of the line"));
  }
  EXPECT_TRUE(mentions(refusal(",n.v.\n1,2\n"), "line 1, column 1 is empty and must hold a finite number (header"));
  EXPECT_FALSE(mentions(refusal("1,n.v.\n1,2\n"), "header ="));
}

// What words alone cannot tell is said.
TEST_F(TableHeader, WhatWasReadAsAHeaderIsSaid) {
  const auto words = [this](const char* content) { return make_file_dataset(csv(content), 1).description; };
  EXPECT_TRUE(mentions(words("# c\nout of range,below limit\n1,2\n3,4\n"), "t.csv\" (its header is line 2), x = "));
  EXPECT_FALSE(mentions(words("# a,b\n1,2\n3,4\n"), "header"));
  const std::string both = pair("1,2\n3,4\n", "a,b\n5,6\n").description;
  EXPECT_TRUE(mentions(both, "test.csv\" (its header is line 1)"));
  EXPECT_FALSE(mentions(both, "train.csv\" (its"));
}

TEST_F(TableHeader, NumbersOfPandasAboveRowsAreDoubtful) {
  EXPECT_TRUE(mentions(refusal("0,1,2\n0.5,1,2\n"), "line 1 is 0, 1, .., 2 and could be names"));
  EXPECT_TRUE(mentions(refusal("0,1,2\n3,4,5\n"), "a header (header = \"yes\") or a row (header = \"no\")"));
  EXPECT_TRUE(mentions(refusal("0,1\n3,4\n"), "line 1 is 0, 1 and could be names"));
  EXPECT_EQ(num_rows("0,1,2\n"), 1);
  EXPECT_EQ(num_rows("0.0,1,2\n0.5,1,2\n"), 2);
  EXPECT_EQ(num_rows("0,2\n0.5,1\n"), 2);
  EXPECT_EQ(num_rows("# a,b\n0,1\n3,4\n"), 2);
}

TEST_F(TableHeader, TheKeyDecides) {
  FileDatasetOptions options = csv("0,1,2\n0.5,1,2\n");
  options.csv.header = Header::yes;
  EXPECT_EQ(make_file_dataset(options, 1).num_train(), 1);
  EXPECT_TRUE(mentions(make_file_dataset(options, 1).description, "column 3 \"2\""));
  options.csv.header = Header::no;
  EXPECT_EQ(make_file_dataset(options, 1).num_train(), 2);
  options = csv("50%,weight\n1,2\n");
  EXPECT_TRUE(mentions(refusal(options), "line 1, column 2 holds \"weight\" and must hold a finite number"));
  EXPECT_TRUE(mentions(refusal(options), "header = \"yes\""));
  options.csv.header = Header::yes;
  EXPECT_EQ(make_file_dataset(options, 1).num_train(), 1);
  options = csv("a,b\n1,2\n");
  options.csv.header = Header::no;
  EXPECT_TRUE(mentions(refusal(options), "line 1, column 1 holds \"a\""));
  options = whole(std::string(MFLD_SOURCE_DIR) + "/tests/support/data/table.npy");
  options.csv.header = Header::no;
  EXPECT_TRUE(mentions(refusal(options), "header: must be \"auto\""));
}

TEST_F(TableHeader, CommentsStandBeforeAndBehindTheRows) {
  EXPECT_EQ(num_rows("# made by a simulation\n# a,b\n1,2\n3,4\n"), 2);  // numpy.savetxt
  EXPECT_TRUE(
      mentions(make_file_dataset(csv("# made by a simulation\n# a,b\n1,2\n3,4\n"), 1).description, "column 2 \"b\""));
  EXPECT_EQ(num_rows("# model = m\n#\na,b\n# Adaptation terminated\n# 1, 2\n1,2\n3,4\n# \n#  Elapsed Time: 1, 2\n"),
            2);  // CmdStan
  EXPECT_EQ(num_rows("#comment,,\n1,2,3\n"), 1);
  EXPECT_TRUE(mentions(refusal("1,2\n# b\n3,4\n"), "line 2 is a comment and rows follow it (line 3)"));
  EXPECT_TRUE(mentions(refusal("1,2\n\n# b\n3,4\n"), "line 2 is empty and rows follow it (line 4)"));
}

// "#N/A,2,3" begins with '#' and is a row.
TEST_F(TableHeader, ARowThatBeginsLikeACommentIsRefused) {
  for (const char* row : {"#N/A,2,3", "#DIV/0!,#N/A,3", "#1,2,3", "#nan,,"}) {
    SCOPED_TRACE(row);
    EXPECT_TRUE(mentions(refusal(row + std::string("\n4,5,6\n")), "line 1, column 1 holds \"#"));
    EXPECT_TRUE(mentions(refusal("a,b,c\n" + std::string(row) + "\n4,5,6\n"), "line 2, column 1"));
    EXPECT_TRUE(mentions(refusal("4,5,6\n" + std::string(row) + "\n"), "line 2, column 1"));
  }
}

TEST_F(TableHeader, ColumnsOfTheTestTableAreFoundByName) {
  const Dataset data = pair("a,b,y\n1,2,3\n4,5,6\n", "b,\"y\", a\n20,30,10\n");
  EXPECT_EQ(data.test_inputs, (Inputs{{10, 20}}));
  EXPECT_EQ(data.test_targets, (Vector{{30}}));
  EXPECT_EQ(data.train_inputs, (Inputs{{1, 2}, {4, 5}}));
  EXPECT_TRUE(mentions(data.description, "its columns in the order of the names"));
  const Dataset same = pair("a,b,y\n1,2,3\n", "# a,b,y\n10,20,30\n");
  EXPECT_EQ(same.test_inputs, (Inputs{{10, 20}}));
  EXPECT_EQ(same.description.find("order of the names"), std::string::npos);
}

TEST_F(TableHeader, NamesThatDoNotMatchAreRefused) {
  const auto message = [this](const char* train, const char* test) { return refusal(pair_options(train, test)); };
  EXPECT_TRUE(mentions(message("a,b,y\n1,2,3\n", "a,c,y\n1,2,3\n"), "it has no column \"b\", which"));
  EXPECT_TRUE(mentions(message("a,b,y\n1,2,3\n", "A,b,y\n1,2,3\n"), "it has no column \"a\""));
  EXPECT_TRUE(mentions(message("a,b,y\n1,2,3\n", "a,a,y\n1,2,3\n"), "test.csv\": line 1, column 1 holds \"a\""));
  const auto told = [this](const char* train, const char* test) {
    FileDatasetOptions options = pair_options(train, test);
    options.csv.header = Header::yes;
    return refusal(options);
  };
  EXPECT_TRUE(mentions(told("a,b,y\n1,2,3\n", "a,a,y\n1,2,3\n"), "it has the column \"a\" twice"));
  EXPECT_TRUE(mentions(told("a,a,y\n1,2,3\n", "a,a,y\n1,2,3\n"), "train.csv\": it has the column \"a\" twice"));
  EXPECT_TRUE(mentions(message("a,y\n1,2\n", "a,b,y\n1,2,3\n"), "train.csv\": it has no column \"b\""));
}

TEST_F(TableHeader, ATableWithoutNamesIsReadByPlaceAndSaysSo) {
  const Dataset data = pair("a,b,y\n1,2,3\n", "10,20,30\n");
  EXPECT_EQ(data.test_inputs, (Inputs{{10, 20}}));
  EXPECT_TRUE(mentions(data.description, "columns by place (it has no names)"));
  EXPECT_TRUE(mentions(pair("1,2,3\n", "b,a,y\n10,20,30\n").description, "columns by place (the first has no names)"));
}

TEST_F(TableHeader, NamesAreEscapedWhereTheyEnter) {
  EXPECT_TRUE(mentions(make_file_dataset(csv("a,Gr\xF6\x1B[2J\xE2\x80\xA8\n1,2\n"), 1).description,
                       "column 2 \"Gr\\xf6\\x1b[2J\\xe2\\x80\\xa8\" of"));
  EXPECT_TRUE(mentions(make_file_dataset(whole(write("a\rb.csv", "1,2\n")), 1).description, "a\\x0db.csv"));
}

TEST(Numbers, AreRoundedToDoublePrecision) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  for (const auto& [text, value] : std::vector<std::pair<std::string, double>>{
           {"1e-400", 0},
           {"0." + std::string(400, '0') + "1", 0},
           {"123456e-99999999999999999999", 0},
           {"3e-324", std::numeric_limits<double>::denorm_min()},
           {std::string(400, '9') + "e-800", 0},
           {"0." + std::string(400, '0') + "1e300", 1e-101},
           {"1e400", infinite},
           {"-1e400", -infinite},
           {"1e99999999999999999999", infinite},
           {"0.001e9223372036854775807", infinite},
           {std::string(400, '9'), infinite},
           {"0e99999", 0},
       }) {
    EXPECT_EQ(tables::parse_number(text), value) << text;
  }
  EXPECT_TRUE(std::signbit(tables::parse_number("-1e-400").value_or(1)));
  EXPECT_EQ(tables::parse_number("1e400 kg"), std::nullopt);
}

TEST(TableHeaderWords, KnowNumbersOfEveryScript) {
  EXPECT_FALSE(tables::is_word("\xE0\xA5\xA7\xE0\xA5\xA8"));  // Devanagari 12
  EXPECT_TRUE(tables::is_word("\xE0\xA4\x95"));               // and a letter of it
  EXPECT_TRUE(tables::is_word("x\xC2\xB2"));
  EXPECT_FALSE(
      tables::is_word("\xE2\x82\xAC"
                      "12"));
  EXPECT_FALSE(tables::is_word("\xE2\x80\x94"));
  for (const char* number : {
           "\xF0\x91\xBD\x91",  // Kawi
           "\xF0\x9E\x93\xB1",  // Nag Mundari
           "\xE1\x8D\xA9",      // Ethiopic
           "\xF0\x90\xA9\x80",  // Kharosthi
           "\xF0\x9D\x8D\xA0",  // counting rods
           "\xF0\x9D\x8B\xA1",  // Mayan
           "\xE0\xA7\xB4",      // Bengali, the numerator of a currency
           "\xE0\xAF\xB0",      // Tamil ten
           "\xE3\x80\xA1",      // Suzhou
           "\xE3\x88\xA0",      // in parentheses
           "\xE3\x89\x91",      // 21 in a circle
           "\xE4\xBA\x8C",      // Chinese two
           "\xE5\xA3\xB9",      // and one, of cheques
       }) {
    EXPECT_FALSE(tables::is_word(number)) << number;
  }
  for (const char* word : {"\xE5\x8D\x83\xE5\x85\x8B", "e.g. age", "no.", "Weight..kg.", "a/bc"}) {
    EXPECT_TRUE(tables::is_word(word)) << word;  // the first: Chinese kilogram, which has 1000 in it
  }
  EXPECT_FALSE(
      tables::is_word("\x96"
                      "1"));  // the dash of Windows-1252
}

}  // namespace
