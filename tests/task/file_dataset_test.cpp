#include "mfld/task/file_dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "support/file_text.hpp"
#include "support/table_file.hpp"

namespace {

using namespace mfld;

const std::string data_folder = std::string(MFLD_SOURCE_DIR) + "/tests/support/data/";
const std::string breast_cancer = "/usr/lib/python3/dist-packages/sklearn/datasets/data/breast_cancer.csv";

using test::expect_same;
using test::mentions;

class FileDataset : public test::TableFiles {};

// --- a real table ----------------------------------------------------------------------------------------------------

TEST_F(FileDataset, ReadsARealTable) {
  FileDatasetOptions options = whole(breast_cancer);
  options.csv.skip_lines = 1;
  options.binary_labels = true;
  const Dataset data = make_file_dataset(options, 1);
  ASSERT_EQ(data.num_train(), 569);
  ASSERT_EQ(data.input_dim(), 30);
  EXPECT_EQ(data.num_test(), 0);
  EXPECT_EQ(data.train_inputs(0, 0), 17.99);
  EXPECT_EQ(data.train_inputs(0, 29), 0.1189);
  EXPECT_EQ(data.train_inputs(568, 0), 7.76);
  EXPECT_EQ(data.train_targets[0], -1);   // malignant
  EXPECT_EQ(data.train_targets[568], 1);  // benign
  EXPECT_EQ((data.train_targets.array() > 0).count(), 357);
  EXPECT_EQ(data.relevant_subspace.cols(), 0);
  EXPECT_EQ(data.relevant_subspace.rows(), 30);
  EXPECT_FALSE(data.teacher.has_value());
}

TEST_F(FileDataset, StandardisesARealTableByItsTrainingPart) {
  FileDatasetOptions options = whole(breast_cancer);
  options.csv.skip_lines = 1;
  options.test_fraction = 0.2;
  options.standardise = true;
  const Dataset data = make_file_dataset(options, 3);
  EXPECT_EQ(data.num_test(), 114);
  EXPECT_EQ(data.num_train(), 455);
  EXPECT_LT(data.train_inputs.colwise().mean().cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((data.train_inputs.colwise().squaredNorm() / 455 - Eigen::RowVectorXd::Ones(30)).cwiseAbs().maxCoeff(),
            1e-12);
  EXPECT_GT(data.test_inputs.colwise().mean().cwiseAbs().maxCoeff(), 1e-3);
}

// Its first line is 569,30,malignant,benign, and the rows are longer.
TEST_F(FileDataset, SaysWhatIsWrongWhenTheCountLineIsNotSkipped) {
  FileDatasetOptions options = whole(breast_cancer);
  EXPECT_TRUE(mentions(refusal(options), "line 1, column 3 holds \"malignant\" and must hold a finite number"));
  EXPECT_TRUE(mentions(refusal(options), "skip_lines"));
  options.csv.header = Header::yes;
  EXPECT_TRUE(mentions(refusal(options), "line 2, column 5 is one too many: 31 fields where line 1 has 4"));
}

// --- formats agree ---------------------------------------------------------------------------------------------------

TEST_F(FileDataset, EveryFormatGivesTheSameData) {
  FileDatasetOptions options = whole(data_folder + "table.csv");
  options.test_fraction = 0.3;
  options.standardise = true;
  options.binary_labels = true;
  options.input_scale = 0.5;
  const Dataset csv = make_file_dataset(options, 4);
  ASSERT_EQ(csv.num_train(), 5);
  ASSERT_EQ(csv.num_test(), 2);
  for (const char* name : {"table.npy", "table_fortran_single.npy", "table.h5"}) {
    SCOPED_TRACE(name);
    options.path = data_folder + name;
    expect_same(csv, make_file_dataset(options, 4));
  }
  options.dataset = "group/single";
  expect_same(csv, make_file_dataset(options, 4));
  options.dataset = "integers";  // 4 times the table: standardising takes the factor out
  expect_same(csv, make_file_dataset(options, 4));
}

TEST_F(FileDataset, ReadsTheNumbersOfATable) {
  const Dataset data = make_file_dataset(whole(data_folder + "table.npy"), 1);
  EXPECT_EQ(data.train_inputs.row(2), (Eigen::RowVectorXd{{-1.75, 4.5, 1e6}}));
  EXPECT_EQ(data.train_targets, (Vector{{3, 3, 8, 3, 8, 8, 3}}));
}

// --- choices ---------------------------------------------------------------------------------------------------------

TEST_F(FileDataset, FilesThatCannotBeOpenedAreFileErrors) {
  for (const char* name : {"missing.csv", "missing.npy", "missing.h5"}) {
    const std::string message = unreadable(whole(folder_ / name));
    EXPECT_TRUE(mentions(message, name));
    EXPECT_TRUE(mentions(message, "No such file or directory"));
  }
  for (const char* name : {"folder.csv", "folder.npy", "folder.h5"}) {
    std::filesystem::create_directory(folder_ / name);
    EXPECT_TRUE(mentions(unreadable(whole(folder_ / name)), name));
  }
  EXPECT_TRUE(mentions(refusal(whole(folder_ / "table.xlsx")),
                       "must end in .csv, .tsv or .txt (which may be compressed, .csv.gz), .npy, .npz"));
  EXPECT_TRUE(mentions(refusal(whole("")), "path = \"\""));
}

TEST_F(FileDataset, TargetColumnCountsFromEitherEnd) {
  FileDatasetOptions options = whole(write("t.csv", "1,2,3\n4,5,6\n"));
  options.columns.target = 0;
  const Dataset first = make_file_dataset(options, 1);
  EXPECT_EQ(first.train_targets, (Vector{{1, 4}}));
  EXPECT_EQ(first.train_inputs, (Inputs{{2, 3}, {5, 6}}));
  options.columns.target = -3;
  expect_same(first, make_file_dataset(options, 1));
  options.columns.target = 1;
  EXPECT_EQ(make_file_dataset(options, 1).train_inputs, (Inputs{{1, 3}, {4, 6}}));
  options.columns.target = 3;
  EXPECT_TRUE(mentions(refusal(options), "target_column = 3: must be in -3..2"));
  options.columns.target = -4;
  EXPECT_TRUE(mentions(refusal(options), "target_column = -4: must be in -3..2"));
}

/// n rows (i, i) so that a row's label is its number.
std::string numbered_rows(int n) {
  std::string content;
  for (int i = 0; i < n; ++i) {
    content += std::to_string(i) + "," + std::to_string(i) + "\n";
  }
  return content;
}

TEST_F(FileDataset, SplitIsAPartitionThatTheSeedChooses) {
  FileDatasetOptions options = whole(write("t.csv", numbered_rows(100)));
  options.test_fraction = 0.25;
  const Dataset data = make_file_dataset(options, 1);
  ASSERT_EQ(data.num_test(), 25);
  ASSERT_EQ(data.num_train(), 75);
  EXPECT_EQ(data.train_inputs.col(0), data.train_targets);
  EXPECT_EQ(data.test_inputs.col(0), data.test_targets);
  std::vector<double> all(data.train_targets.begin(), data.train_targets.end());
  all.insert(all.end(), data.test_targets.begin(), data.test_targets.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(all[i], static_cast<double>(i));
  }
  EXPECT_TRUE(std::is_sorted(data.train_targets.begin(), data.train_targets.end()));
  expect_same(data, make_file_dataset(options, 1));
  EXPECT_NE(data.test_targets, make_file_dataset(options, 2).test_targets);
  options.test_fraction = 0.5;
  const Vector larger = make_file_dataset(options, 1).test_targets;
  EXPECT_TRUE(std::includes(larger.begin(), larger.end(), data.test_targets.begin(), data.test_targets.end()));
}

// Each of 10 rows is a test row with probability 3/10: counts over 3000 seeds are binomial, z = 5.
TEST_F(FileDataset, EveryRowIsEquallyLikelyToBeATestRow) {
  FileDatasetOptions options = whole(write("t.csv", numbered_rows(10)));
  options.test_fraction = 0.3;
  std::array<int, 10> counts{};
  const int num_seeds = 3000;
  for (int seed = 0; seed < num_seeds; ++seed) {
    for (const double row : make_file_dataset(options, static_cast<std::uint64_t>(seed)).test_targets) {
      ++counts[static_cast<std::size_t>(row)];
    }
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, 0.3 * num_seeds, 5 * std::sqrt(0.3 * 0.7 * num_seeds));
  }
}

TEST_F(FileDataset, TestFractionMustLeaveATrainingRow) {
  FileDatasetOptions options = whole(write("t.csv", numbered_rows(3)));
  options.test_fraction = 0.9;
  EXPECT_TRUE(mentions(refusal(options), "test_fraction = 0.9: must leave a training row"));
  for (const double bad : {1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    options.test_fraction = bad;
    EXPECT_TRUE(mentions(refusal(options), "must be a number in [0, 1)"));
  }
  options.test_fraction = 0;
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.num_train(), 3);
  EXPECT_EQ(data.test_inputs.rows(), 0);
  EXPECT_EQ(data.test_inputs.cols(), 1);
}

TEST_F(FileDataset, BinaryLabelsNeedTwoClasses) {
  FileDatasetOptions options = whole(write("t.csv", "1,7\n2,-3\n3,7\n"));
  options.binary_labels = true;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{1, -1, 1}}));
  options.path = write("one.csv", "1,7\n2,7\n");
  EXPECT_TRUE(mentions(refusal(options), "every label in column 2 is 7"));
}

TEST_F(FileDataset, StandardisingUsesTheTrainingPartAlone) {
  FileDatasetOptions options = whole(write("train.csv", "1,5,10,0\n3,5,30,1\n"));
  options.test_path = write("test.csv", "5,9,20,0\n");
  options.standardise = true;
  options.input_scale = 2;
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.train_inputs, (Inputs{{-2, 0, -2}, {2, 0, 2}}));
  EXPECT_EQ(data.test_inputs, (Inputs{{6, 0, 0}}));  // (5 - 2) / 1 * 2; a constant column tells nothing
  EXPECT_EQ(data.train_targets, (Vector{{0, 1}}));   // targets stay as they are
  options.test_path = write("other.csv", "-1e9,1e9,1e9,0\n");
  EXPECT_EQ(make_file_dataset(options, 1).train_inputs, data.train_inputs);
}

TEST_F(FileDataset, StandardisingSurvivesExtremeNumbers) {
  FileDatasetOptions options = whole(write("t.csv", "1e300,1e-300,1000000000.25,0\n-1e300,3e-300,1000000000.75,1\n"));
  options.standardise = true;
  EXPECT_TRUE(make_file_dataset(options, 1).train_inputs.isApprox(Inputs{{1, -1, -1}, {-1, 1, 1}}, 1e-12));
  options.standardise = false;
  options.input_scale = 1e10;
  EXPECT_TRUE(mentions(refusal(options), "input_scale = 10000000000"));
}

TEST_F(FileDataset, RejectsImpossibleOptions) {
  FileDatasetOptions options = whole(write("t.csv", "1,2\n3,4\n"));
  options.csv.skip_lines = -1;
  EXPECT_TRUE(mentions(refusal(options), "skip_lines = -1"));
  options.csv.skip_lines = 0;
  for (const double bad : {0.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    options.input_scale = bad;
    EXPECT_TRUE(mentions(refusal(options), "input_scale"));
  }
  options = whole(data_folder + "table.npy");
  options.csv.skip_lines = 1;
  EXPECT_TRUE(mentions(refusal(options), "skip_lines = 1: must be 0"));
}

TEST_F(FileDataset, DescribesItself) {
  FileDatasetOptions options = whole(data_folder + "table.csv");
  options.binary_labels = true;
  options.standardise = true;
  const std::string text = make_file_dataset(options, 1).description;
  EXPECT_TRUE(mentions(text, "column 4 \"label\""));
  EXPECT_TRUE(mentions(text, "labels 3 -> -1 and 8 -> +1"));
  EXPECT_TRUE(mentions(text, "its other 3 columns"));
  EXPECT_TRUE(mentions(text, "7 training rows, 0 test rows"));
}

}  // namespace
