// Columns that are chosen by number and by name, and labels that are words.
#include <gtest/gtest.h>

#include <string>

#include "mfld/tables/input_file.hpp"
#include "support/table_file.hpp"

namespace {

using namespace mfld;
using test::mentions;

constexpr const char* flowers = "id,length,width,colour,price\nr1,1,2,red,10\nr2,3,4,blue,20\nr3,5,6,red,30\n";

class Columns : public test::TableFiles {
 protected:
  FileDatasetOptions choose(const std::string& content, Column target, std::vector<Column> inputs,
                            std::vector<Column> dropped = {}) const {
    FileDatasetOptions options = csv(content);
    options.columns = {std::move(target), std::move(inputs), std::move(dropped)};
    return options;
  }
  FileDatasetOptions classes(const std::string& content) const {
    FileDatasetOptions options = csv(content);
    options.binary_labels = true;
    return options;
  }
};

TEST_F(Columns, AreChosenByNumberOrName) {
  for (const FileDatasetOptions& options :
       {choose(flowers, "price", {"length", "width"}), choose(flowers, -1, {1, 2}), choose(flowers, 4, {"length", -3}),
        choose(flowers, "price", {}, {"id", "colour"}), choose(flowers, "price", {}, {0, -2})}) {
    const Dataset data = make_file_dataset(options, 1);
    EXPECT_EQ(data.train_inputs, (Inputs{{1, 2}, {3, 4}, {5, 6}}));
    EXPECT_EQ(data.train_targets, (Vector{{10, 20, 30}}));
    EXPECT_TRUE(mentions(data.description, "y = column 5 \"price\" of"));
    EXPECT_TRUE(mentions(data.description, "x = its columns 2 \"length\", 3 \"width\";"));
  }
  const Dataset turned = make_file_dataset(choose(flowers, "length", {"price", "width"}), 1);
  EXPECT_EQ(turned.train_inputs, (Inputs{{10, 2}, {20, 4}, {30, 6}}));
  EXPECT_EQ(turned.train_targets, (Vector{{1, 3, 5}}));
}

TEST_F(Columns, WithoutNamesAreChosenByNumber) {
  const Dataset data = make_file_dataset(choose("r1,1,2,NA\nr2,3,4,x\nr3,5,6,\n", 2, {}, {0, 3}), 1);
  EXPECT_EQ(data.train_inputs, (Inputs{{1}, {3}, {5}}));
  EXPECT_EQ(data.train_targets, (Vector{{2, 4, 6}}));
  EXPECT_TRUE(mentions(refusal(choose("1,2\n3,4\n", "y", {})), "target_column = \"y\": \""));
  EXPECT_TRUE(mentions(refusal(choose("1,2\n3,4\n", "y", {})), "has no names of columns; they are chosen by number"));
}

// TRUE and FALSE as R writes them, in a column of inputs of their own.
TEST_F(Columns, OfLogicalWordsAreOnesAndZeros) {
  const Dataset data = make_file_dataset(csv("sun,t,rain,y\nTRUE,1,false,2\nFALSE,3,true,4\nTRUE,5,False,6\n"), 1);
  EXPECT_EQ(data.train_inputs, (Inputs{{1, 1, 0}, {0, 3, 1}, {1, 5, 0}}));
  EXPECT_TRUE(mentions(data.description, "TRUE -> 1 and FALSE -> 0 in columns 1 \"sun\", 3 \"rain\""));
  EXPECT_EQ(make_file_dataset(csv("TRUE,1\nFALSE,3\n"), 1).train_inputs, (Inputs{{1}, {0}})) << "no header";
  EXPECT_FALSE(mentions(make_file_dataset(csv("1,1\n0,3\n"), 1).description, "TRUE"));
  FileDatasetOptions tested = csv("a,y\n1,1\n0,3\n");
  tested.test_path = write("test.csv", "a,y\nTRUE,1\nFALSE,3\n");
  EXPECT_EQ(make_file_dataset(tested, 1).test_inputs, (Inputs{{1}, {0}}));
  EXPECT_TRUE(mentions(make_file_dataset(tested, 1).description, "TRUE -> 1"));
}

TEST_F(Columns, OfLogicalWordsHoldNothingElse) {
  EXPECT_TRUE(mentions(refusal(csv("TRUE,1\n1,3\n")), "line 2, column 1 holds \"1\" and must hold TRUE or FALSE"));
  EXPECT_TRUE(mentions(refusal(csv("TRUE,1\n,3\n")), "line 2, column 1 is empty and must hold TRUE or FALSE"));
  EXPECT_TRUE(mentions(refusal(csv("TRUE,1\nT,3\n")), "holds \"T\" and must hold TRUE or FALSE"));
  EXPECT_TRUE(mentions(refusal(csv("1,1\nTRUE,3\n")), "line 2, column 1 holds \"TRUE\" and must hold a finite number"));
  EXPECT_TRUE(mentions(refusal(csv("1,TRUE\n2,FALSE\n")), "binary_labels = true makes -1 and +1 of two words"));
}

// Labels y and n below a table that a column "y" is asked of: a row all the same.
TEST_F(Columns, ANameThatIsChosenMakesNoHeaderOfARow) {
  FileDatasetOptions options = choose("1,2,y\n3,4,n\n", "y", {});
  options.binary_labels = true;
  EXPECT_TRUE(mentions(refusal(options), "line 1, column 3 holds \"y\""));
  options = classes("a,b,y\n1,2,y\n3,4,n\n");
  options.test_path = write("test.csv", "1,2,y\n3,4,n\n");
  EXPECT_EQ(make_file_dataset(options, 1).test_targets, (Vector{{1, -1}}));
  options = choose("a,2020,y\n1,2,3\n4,5,6\n", "2020", {"a", "y"});
  EXPECT_TRUE(mentions(refusal(options), "header = \"yes\""));
  options.csv.header = Header::yes;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{2, 5}}));
}

TEST_F(Columns, ThatAreNotThereAreRefused) {
  EXPECT_TRUE(mentions(refusal(choose(flowers, "prise", {})), "target_column = \"prise\": "));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "prise", {})), "has no column \"prise\"; did you mean \"price\"?"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {"Width"})), "input_columns = \"Width\""));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {"Width"})), "did you mean \"width\"?"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {}, {5})), "drop_columns = 5: must be in -5..4: "));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {}, {"price"})), "\"price\": that is the target"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {4})), "input_columns = 4: that is the target"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, "price", {1, "length"})), "\"length\": the column is there twice"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, 4, {}, {0, 1, 2, 3})), "drop_columns leaves no input of its 5 columns"));
  EXPECT_TRUE(mentions(refusal(choose(flowers, 4, {1}, {0})), "drop_columns: must be left out"));
}

TEST_F(Columns, OfOneNameAreChosenByNumber) {
  const std::string twice = "a,a,y\n1,2,3\n";
  FileDatasetOptions options = choose(twice, "a", {});
  EXPECT_TRUE(mentions(refusal(options), "target_column = \"a\": "));
  EXPECT_TRUE(mentions(refusal(options), "has two columns of that name, which are chosen by number, 0 or 1"));
  options.columns.target = "y";
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{3}}));
  options.columns.target = 1;
  EXPECT_TRUE(mentions(refusal(options), "header = \"yes\""));
  options.csv.header = Header::yes;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{2}}));
}

TEST_F(Columns, OfTheTestTableAreTheSameByName) {
  FileDatasetOptions options = choose(flowers, "price", {}, {"id", 3});
  options.test_path = write("test.csv", "price,width,length\n7,8,9\n");
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.test_inputs, (Inputs{{9, 8}}));
  EXPECT_EQ(data.test_targets, (Vector{{7}}));
  options.test_path = write("test.csv", "x,9,8,y,7\n");
  EXPECT_EQ(make_file_dataset(options, 1).test_inputs, (Inputs{{9, 8}}));
  options.test_path = write("test.csv", "price,height,length\n7,8,9\n");
  EXPECT_TRUE(mentions(refusal(options), "test.csv\" has no column \"width\""));
}

TEST_F(Columns, AFirstColumnWithoutANameThatCountsIsNamed) {
  const auto warnings = [this](const std::string& content, std::vector<Column> dropped = {}) {
    return make_file_dataset(choose(content, -1, {}, std::move(dropped)), 1).warnings;
  };
  for (const char* content :
       {",a,y\n0,5,1\n1,6,0\n2,7,1\n", "\"\",\"a\",\"y\"\n\"1\",5,1\n\"2\",6,0\n", "Unnamed: 0;a;y\n0;5;1\n1;6;0\n"}) {
    const auto said = warnings(content);
    ASSERT_EQ(said.size(), 1U) << content;
    EXPECT_TRUE(mentions(said[0], "warning: the first column of"));
    EXPECT_TRUE(mentions(said[0], "drop_columns = [0] leaves it out"));
    EXPECT_TRUE(warnings(content, {0}).empty());
  }
  EXPECT_TRUE(warnings(",a,y\n5,5,1\n1,6,0\n").empty());
  EXPECT_TRUE(warnings("k,a,y\n0,5,1\n1,6,0\n").empty());
}

TEST_F(Columns, OfWordsAreNoInputs) {
  EXPECT_TRUE(mentions(refusal(flowers), "line 2, column 1 holds \"r1\" and must hold a finite number (drop_columns"));
}

TEST_F(Columns, WordsBecomeClassesInTheOrderOfLetters) {
  for (const char* content : {"a,b,diagnosis\n1,2,M\n3,4,B\n5,6,M\n", "1,2,M\n3,4,B\n5,6,M\n",
                              "a;b;c\n1;2;\"M\"\n3;4; B\n5;6;M \r\n", "# x\n1 2 M\n3 4 B\n5 6 M\n"}) {
    SCOPED_TRACE(content);
    const Dataset data = make_file_dataset(classes(content), 1);
    EXPECT_EQ(data.train_inputs, (Inputs{{1, 2}, {3, 4}, {5, 6}}));
    EXPECT_EQ(data.train_targets, (Vector{{1, -1, 1}}));
    EXPECT_TRUE(mentions(data.description, "labels \"B\" -> -1 and \"M\" -> +1"));
  }
  for (const char* words :
       {"TRUE FALSE", "True False", "true false", "yes no", "T F", ">50K <=50K", "good bad", "1st +", "+ -"}) {
    const std::string text = words;
    const std::string first = text.substr(0, text.find(' '));
    const std::string other = text.substr(text.find(' ') + 1);
    const Dataset data =
        make_file_dataset(classes("a,y\n1," + first + "\n2," + other + "\n3," + first + "\n4," + other + "\n"), 1);
    EXPECT_EQ(data.train_targets, (Vector{{1, -1, 1, -1}})) << words;
  }
}

TEST_F(Columns, ClassesOfTwoTablesAreTheSame) {
  FileDatasetOptions options = classes("a,y\n1,M\n2,M\n");
  options.test_path = write("test.csv", "y,a\nB,3\nM,4\n");
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.train_targets, (Vector{{1, 1}}));
  EXPECT_EQ(data.test_targets, (Vector{{-1, 1}}));
  EXPECT_EQ(data.test_inputs, (Inputs{{3}, {4}}));
  options.test_path = write("test.csv", "a,y\n1,0\n");
  EXPECT_TRUE(mentions(refusal(options), "its labels are numbers and those of"));
}

TEST_F(Columns, LabelsThatAreNoTwoClassesAreRefused) {
  EXPECT_TRUE(
      mentions(refusal(classes("a,y\n1,M\n2,B\n3,C\n")), "line 4, column 2 holds a third label \"C\" beside \"M\""));
  EXPECT_TRUE(mentions(refusal(classes("a,y\n1,M\n2,M\n")), "every label in column 2 is \"M\""));
  EXPECT_TRUE(mentions(refusal(classes("a,y\n1,M\n2,\n")), "line 3, column 2 is empty and must hold a class"));
  EXPECT_TRUE(
      mentions(refusal(classes("a,y\n1,M\n2,NA\n3,B\n")), "line 3, column 2 holds \"NA\" and must hold a class"));
  EXPECT_TRUE(
      mentions(refusal(classes("a,y\n1,0\n2,M\n")), "line 3, column 2 holds \"M\" and must hold a finite number"));
  EXPECT_TRUE(mentions(refusal("a,y\n1,M\n2,B\n"),
                       "line 2, column 2 holds \"M\" and must hold a finite number (binary_labels"));
  EXPECT_TRUE(mentions(refusal("1,2,M\n2,3,B\n"), "binary_labels = true makes -1 and +1 of two words"));
  EXPECT_TRUE(mentions(refusal("1,2,TRUE\n2,3,FALSE\n"), "binary_labels = true"));
}

TEST_F(Columns, OfInputFilesAreChosenToo) {
  InputFileOptions options;
  options.path = write("f.csv", flowers);
  options.columns = {"colour", {}, {"id"}};
  EXPECT_EQ(read_inputs(options).inputs, (Inputs{{1, 2, 10}, {3, 4, 20}, {5, 6, 30}}));
  options.columns = {std::nullopt, {"width", "price"}, {}};
  EXPECT_EQ(read_inputs(options).inputs, (Inputs{{2, 10}, {4, 20}, {6, 30}}));
  options.columns = {"prise", {}, {}};
  EXPECT_TRUE(mentions(test::message_of<InvalidInput>([&] { read_inputs(options); }), "--target-column prise: "));
}

}  // namespace
