#include "mfld/task/file_dataset.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace mfld;

const std::string data_folder = std::string(MFLD_SOURCE_DIR) + "/tests/support/data/";
const std::string breast_cancer = "/usr/lib/python3/dist-packages/sklearn/datasets/data/breast_cancer.csv";

using test::mentions;
using test::read_bytes;

class FileDataset : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) const {
    test::write_bytes(folder_ / name, content);
    return folder_ / name;
  }

  /// The whole of a file as the training part.
  static FileDatasetOptions whole(const std::string& path) {
    FileDatasetOptions options;
    options.path = path;
    options.test_fraction = 0;
    return options;
  }

  Dataset read_csv(const std::string& content) const { return make_file_dataset(whole(write("t.csv", content)), 1); }

  test::TemporaryDirectory folder_;
};

std::string invalid(const FileDatasetOptions& options) {
  return test::message_of<InvalidInput>([&] { make_file_dataset(options, 1); });
}

std::string unreadable(const FileDatasetOptions& options) {
  return test::message_of<FileError>([&] { make_file_dataset(options, 1); });
}

void expect_same(const Dataset& a, const Dataset& b) {
  EXPECT_EQ(a.train_inputs, b.train_inputs);
  EXPECT_EQ(a.train_targets, b.train_targets);
  EXPECT_EQ(a.test_inputs, b.test_inputs);
  EXPECT_EQ(a.test_targets, b.test_targets);
}

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
  EXPECT_TRUE(mentions(invalid(options), "line 1, column 3 holds \"malignant\" and must hold a finite number"));
  EXPECT_TRUE(mentions(invalid(options), "skip_lines"));
  options.csv.header = Header::yes;
  EXPECT_TRUE(mentions(invalid(options), "line 2, column 5 is one too many: 31 fields where line 1 has 4"));
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

// --- csv -------------------------------------------------------------------------------------------------------------

TEST_F(FileDataset, CsvAcceptsWhatProgramsWrite) {
  const Dataset plain = read_csv("1,2,3\n4,5,6\n");
  EXPECT_EQ(plain.train_inputs, (Inputs{{1, 2}, {4, 5}}));
  EXPECT_EQ(plain.train_targets, (Vector{{3, 6}}));
  for (const char* same : {
           "1,2,3\n4,5,6",                                  // no last line end
           "1,2,3\r\n4,5,6\r\n",                            // Windows
           "1,2,3\n4,5,6\n\n  \n\r\n",                      // blank lines at the end
           "a,b,c\n1,2,3\n4,5,6\n",                         // header
           "\na,,c\n\n1,2,3\n4,5,6\n",                      // blank lines before the rows, unnamed columns
           "0,1,target\n1,2,3\n4,5,6\n",                    // header with numbers in it
           "# a,b,c\n1,2,3\n4,5,6\n",                       // numpy.savetxt
           "\xEF\xBB\xBF\"a, b\",\"b\",c\n1,2,3\n4,5,6\n",  // byte order mark, comma inside quotes
           "\xEF\xBB\xBF+1,2,3\n4,5,6\n",                   // byte order mark, no header
           " 1 ,\t2, +3\n\"4\",\" 5\",6.0e0\n",             // blanks, signs, quotes, exponents
       }) {
    SCOPED_TRACE(same);
    expect_same(plain, read_csv(same));
  }
}

TEST_F(FileDataset, CsvKeepsEveryDigit) {
  const Dataset data = read_csv("0.1,5e-324,1.7976931348623157e308,0\n1,2,1e-400,3\n");
  EXPECT_EQ(data.train_inputs,
            (Inputs{{0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}, {1, 2, 0}}));
}

TEST_F(FileDataset, SkippedLinesMayHoldAnything) {
  FileDatasetOptions options = whole(write("t.csv", "# a, comment\n\nx\n1,2\n3,4\n"));
  options.csv.skip_lines = 3;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{2, 4}}));
}

TEST_F(FileDataset, CsvErrorsNameLineAndColumn) {
  const std::vector<std::pair<std::string, std::string>> bad_tables = {
      {"a,b\n1,2\n3\n", "line 3, column 2 is missing: 1 fields where line 1 has 2"},
      {"1,2\n3,4,5\n", "line 2, column 3 is one too many: 3 fields where line 1 has 2"},
      {"1,2\n3,4,\n", "line 2, column 3 is one too many"},
      {"1,2\n3,x4\n", "line 2, column 2 holds \"x4\" and must hold a finite number"},
      {"1,2\n3,4 5\n", "line 2, column 2 holds \"4 5\""},
      {"1,2\n3,0x10\n", "line 2, column 2 holds \"0x10\""},
      {"1,2\n3,1.5.2\n", "line 2, column 2 holds \"1.5.2\""},
      {"1.5.2,2\n3,4\n", "line 1, column 1 holds \"1.5.2\""},
      {"1,2\n,4\n", "line 2, column 1 is empty"},
      {"1,,3\n4,5,6\n", "line 1, column 2 is empty"},
      {"1,NA\n3,4\n", "line 1, column 2 holds \"NA\""},
      {"a,b\r\n1,nan\r\n", "line 2, column 2 holds \"nan\""},
      {"1,nan\n3,4\n", "line 1, column 2 holds \"nan\""},
      {"1,2\n-inf,4\n", "line 2, column 1 holds \"-inf\""},
      {"1,2\n1e400,4\n", "line 2, column 1 holds \"1e400\""},
      {"1,2\n\n3,4\n", "line 2 is empty and rows follow it (line 3)"},
      {"", "the table is empty"},
      {"\n\n", "the table is empty"},
      {"a,b\n", "the table is empty"},
      {"1\n2\n", "the table has 1 column and needs at least 2"},
      {"1,2\n3,\x1B\x01\n", "line 2, column 2 holds \"\\x1b\\x01\""},
      {"1,2\n3," + std::string(500, '9') + "x\n", "999...999"},
  };
  for (const auto& [content, words] : bad_tables) {
    SCOPED_TRACE(content);
    const std::string message = invalid(whole(write("bad.csv", content)));
    EXPECT_TRUE(mentions(message, words));
    EXPECT_TRUE(mentions(message, "path = \""));
    EXPECT_TRUE(mentions(message, "bad.csv\": "));
  }
}

TEST_F(FileDataset, LinesAreCountedFromTheTopOfTheFile) {
  FileDatasetOptions options = whole(write("t.csv", "count line\na,b\n1,2\n3,z\n"));
  options.csv.skip_lines = 1;
  EXPECT_TRUE(mentions(invalid(options), "line 4, column 2"));
  options.path = write("u.csv", "count line\na,b\n1,0\n3,1\n3,2\n");
  options.binary_labels = true;
  EXPECT_TRUE(mentions(invalid(options), "line 5, column 2 holds a third label 2 beside 0 and 1"));
}

// --- npy -------------------------------------------------------------------------------------------------------------

std::string little_endian(std::size_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  }
  return bytes;
}

std::string npy(int version, const std::string& header, const std::string& data) {
  const std::string padded = header + "   \n";
  return std::string("\x93NUMPY") + static_cast<char>(version) + '\0' +
         little_endian(padded.size(), version == 1 ? 2 : 4) + padded + data;
}

std::string header(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

template <class Number>
void expect_npy_type(const std::function<std::string(const std::string&)>& write, const std::string& type) {
  SCOPED_TRACE(type);
  const auto least = std::numeric_limits<Number>::lowest();
  auto most = std::numeric_limits<Number>::max();
  if constexpr (std::is_integral_v<Number> && sizeof(Number) == 8) {
    most -= most % 2048;  // no double is the largest integer of 64 bits
  }
  FileDatasetOptions options;
  options.test_fraction = 0;
  options.path = write(npy(1, header(type, "(2, 2)"), bytes_of<Number>({least, 7, most, 3})));
  const Dataset by_rows = make_file_dataset(options, 1);
  EXPECT_EQ(by_rows.train_inputs, (Inputs{{static_cast<double>(least)}, {static_cast<double>(most)}}));
  EXPECT_EQ(by_rows.train_targets, (Vector{{7, 3}}));
  options.path = write(npy(1, header(type, "(2, 2)", "True"), bytes_of<Number>({least, most, 7, 3})));
  expect_same(by_rows, make_file_dataset(options, 1));
}

TEST_F(FileDataset, NpyReadsEveryNumberTypeInBothOrders) {
  const auto write_npy = [this](const std::string& content) { return write("t.npy", content); };
  expect_npy_type<double>(write_npy, "<f8");
  expect_npy_type<float>(write_npy, "<f4");
  expect_npy_type<std::int8_t>(write_npy, "|i1");
  expect_npy_type<std::int16_t>(write_npy, "<i2");
  expect_npy_type<std::int32_t>(write_npy, "<i4");
  expect_npy_type<std::int64_t>(write_npy, "<i8");
  expect_npy_type<std::uint8_t>(write_npy, "|u1");
  expect_npy_type<std::uint16_t>(write_npy, "<u2");
  expect_npy_type<std::uint32_t>(write_npy, "<u4");
  expect_npy_type<std::uint64_t>(write_npy, "<u8");
}

TEST_F(FileDataset, NpyReadsEveryVersion) {
  for (const int version : {1, 2, 3}) {
    const std::string path = write("t.npy", npy(version, header("<f8", "(1, 3)"), bytes_of<double>({1, 2, 3})));
    EXPECT_EQ(make_file_dataset(whole(path), 1).train_inputs, (Inputs{{1, 2}})) << version;
  }
}

TEST_F(FileDataset, NpyRejectsOtherContents) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string four = bytes_of<double>({1, 2, 3, 4});
  const std::vector<std::pair<std::string, std::string>> bad_files = {
      {npy(1, header("<c16", "(1, 2)"), four), "of type \"<c16\""},
      {npy(1, header("<f16", "(1, 2)"), four), "of type \"<f16\""},
      {npy(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,), }", four), "must be integers"},
      {npy(1, header("<f8", "(4,)"), four), "1 dimensions and must have 2"},
      {npy(1, header("<f8", "()"), four), "0 dimensions and must have 2"},
      {npy(1, header("<f8", "(1, 2, 2)"), four), "3 dimensions and must have 2"},
      {npy(1, header("<f8", "(0, 4)"), ""), "the table is empty"},
      {npy(1, header("<f8", "(4, 0)"), ""), "the table is empty"},
      {npy(1, header("<f8", "(4, 1)"), four), "the table has 1 column"},
      {npy(1, header("<f8", "(4294967296, 4294967296)"), four), "too large"},
      {npy(1, header("<f8", "(2, 2)"), bytes_of<double>({1, 2, 3, nan})), "row 2, column 2 holds nan"},
      {npy(1, header("<f8", "(2, 2)", "True"), bytes_of<double>({1, 2, -1 / 0.0, 4})), "row 1, column 2 holds -inf"},
  };
  for (const auto& [content, words] : bad_files) {
    SCOPED_TRACE(words);
    EXPECT_TRUE(mentions(invalid(whole(write("bad.npy", content))), words));
  }
}

TEST_F(FileDataset, NpyRejectsDamage) {
  const std::string good = npy(1, header("<f8", "(2, 2)"), bytes_of<double>({1, 2, 3, 4}));
  const std::vector<std::pair<std::string, std::string>> bad_files = {
      {good.substr(0, good.size() - 1), "2 x 2 numbers of 8 bytes and 31 bytes follow"},
      {good + "x", "33 bytes follow"},
      {npy(1, header("<f8", "(1099511627776, 1048575)"), ""), "and 0 bytes follow"},
      {"PK" + good, "does not start like a .npy file"},
      {npy(4, header("<f8", "(2, 2)"), ""), "does not start like a .npy file of version 1, 2 or 3"},
      {npy(1, "{'descr': '<f8', 'fortran_order': False, }", ""), "no entry 'shape'"},
      {npy(1, header("<f8", "(2, 2"), ""), "no tuple"},
      {npy(1, header("<f8", "(-2, 2)"), ""), "\"-2\" in its header is no extent"},
      {npy(1, header("<f8", "(99999999999999999999, 2)"), ""), "is no extent"},
      {std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{", 13), "ends within its header"},
      {std::string("\x93NUMPY\x01\x00\xFF\xFF{", 11), "ends within its header"},
      {"\x93NUM", "ends within its header"},
      {"", "ends within its header"},
  };
  for (const auto& [content, words] : bad_files) {
    SCOPED_TRACE(words);
    EXPECT_TRUE(mentions(unreadable(whole(write("bad.npy", content))), words));
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(unreadable(whole(write("cut.npy", good.substr(0, length)))), "") << length;
  }
}

// --- hdf5 ------------------------------------------------------------------------------------------------------------

TEST_F(FileDataset, Hdf5RejectsOtherContents) {
  FileDatasetOptions options = whole(data_folder + "table.h5");
  const auto message = [&options](const std::string& data_set) {
    options.dataset = data_set;
    return invalid(options);
  };
  EXPECT_TRUE(mentions(message("missing"), "dataset = \"missing\" must name a data set of the file"));
  EXPECT_TRUE(mentions(message(""), "dataset = \"\""));
  EXPECT_TRUE(mentions(message("group"), "dataset = \"group\""));
  EXPECT_TRUE(mentions(message("one_dimensional"), "1 dimensions and must have 2"));
  EXPECT_TRUE(mentions(message("empty"), "the table is empty"));
  EXPECT_TRUE(mentions(message("not_a_number"), "row 5, column 2 holds nan"));
  options.dataset = "texts";
  EXPECT_TRUE(mentions(unreadable(options), "table.h5"));
}

TEST_F(FileDataset, Hdf5RejectsDamageInSilence) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(mentions(unreadable(whole(write("bad.h5", "this is no HDF5 file"))), "bad.h5"));
  const std::string good = read_bytes(data_folder + "table.h5");
  EXPECT_TRUE(mentions(unreadable(whole(write("cut.hdf5", good.substr(0, good.size() / 2)))), "cut.hdf5"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

/// Found by fuzzing: the library reads such values from the memory behind the data set, or as zeros.
TEST_F(FileDataset, Hdf5RejectsAShapeThatPromisesMoreThanIsStored) {
  const std::filesystem::path corpus = std::filesystem::path(MFLD_SOURCE_DIR) / "tests/fuzz/corpus/hdf5";
  for (const char* name : {"compact", "plain", "compressed"}) {
    FileDatasetOptions options = whole(corpus / (std::string(name) + ".h5"));
    options.dataset = "/numbers";
    EXPECT_EQ(make_file_dataset(options, 1).train_inputs, (Inputs{{0, 1}, {3, 4}, {6, 7}, {9, 10}})) << name;
    options.path = corpus / (std::string(name) + "_beyond.h5");
    if (std::string(name) == "compressed") {  // or longer than what was written
      EXPECT_TRUE(mentions(invalid(options), "were never written, and it sets no fill value for them"));
    } else {  // by this reader, or by a version of the library that looks itself
      EXPECT_TRUE(mentions(unreadable(options), std::string(name) + "_beyond.h5\" cannot be read: ")) << name;
    }
  }
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
  EXPECT_TRUE(mentions(invalid(whole(folder_ / "table.xlsx")),
                       "must end in .csv, .tsv or .txt (which may be compressed, .csv.gz), .npy, .npz"));
  EXPECT_TRUE(mentions(invalid(whole("")), "path = \"\""));
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
  EXPECT_TRUE(mentions(invalid(options), "target_column = 3: must be in -3..2"));
  options.columns.target = -4;
  EXPECT_TRUE(mentions(invalid(options), "target_column = -4: must be in -3..2"));
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
  EXPECT_TRUE(mentions(invalid(options), "test_fraction = 0.9: must leave a training row"));
  for (const double bad : {1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    options.test_fraction = bad;
    EXPECT_TRUE(mentions(invalid(options), "must be a number in [0, 1)"));
  }
  options.test_fraction = 0;
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.num_train(), 3);
  EXPECT_EQ(data.test_inputs.rows(), 0);
  EXPECT_EQ(data.test_inputs.cols(), 1);
}

TEST_F(FileDataset, TestPathIsTheTestPart) {
  FileDatasetOptions options = whole(write("train.csv", "x,y\n1,0\n2,1\n"));
  options.test_fraction = 0.9;  // not used
  options.test_path = write("test.npy", npy(1, header("<f8", "(1, 2)"), bytes_of<double>({5, 1})));
  options.binary_labels = true;
  const Dataset data = make_file_dataset(options, 1);
  EXPECT_EQ(data.train_inputs, (Inputs{{1}, {2}}));
  EXPECT_EQ(data.train_targets, (Vector{{-1, 1}}));
  EXPECT_EQ(data.test_inputs, (Inputs{{5}}));
  EXPECT_EQ(data.test_targets, (Vector{{1}}));
  options.test_path = write("wide.csv", "1,2,3\n");
  EXPECT_TRUE(mentions(invalid(options), "its table has 3 columns and must have 2"));
  EXPECT_TRUE(mentions(invalid(options), "test_path = \""));
  options.test_path = write("third.csv", "1,1\n1,7\n");
  EXPECT_TRUE(mentions(invalid(options), "line 2, column 2 holds a third label 7"));
  options.test_path = folder_ / "none.csv";
  EXPECT_TRUE(mentions(unreadable(options), "test_path"));
}

TEST_F(FileDataset, BinaryLabelsNeedTwoClasses) {
  FileDatasetOptions options = whole(write("t.csv", "1,7\n2,-3\n3,7\n"));
  options.binary_labels = true;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{1, -1, 1}}));
  options.path = write("one.csv", "1,7\n2,7\n");
  EXPECT_TRUE(mentions(invalid(options), "every label in column 2 is 7"));
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
  EXPECT_TRUE(mentions(invalid(options), "input_scale = 10000000000"));
}

TEST_F(FileDataset, RejectsImpossibleOptions) {
  FileDatasetOptions options = whole(write("t.csv", "1,2\n3,4\n"));
  options.csv.skip_lines = -1;
  EXPECT_TRUE(mentions(invalid(options), "skip_lines = -1"));
  options.csv.skip_lines = 0;
  for (const double bad : {0.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    options.input_scale = bad;
    EXPECT_TRUE(mentions(invalid(options), "input_scale"));
  }
  options = whole(data_folder + "table.npy");
  options.csv.skip_lines = 1;
  EXPECT_TRUE(mentions(invalid(options), "skip_lines = 1: must be 0"));
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
