// Tables as text, of NumPy and in HDF5: what is read of them, and how damage is told.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "support/file_text.hpp"
#include "support/table_file.hpp"

namespace {

using namespace mfld;

const std::string data_folder = std::string(MFLD_SOURCE_DIR) + "/tests/support/data/";

using test::expect_same;
using test::mentions;
using test::read_bytes;

class FileFormats : public test::TableFiles {
 protected:
  Dataset read_csv(const std::string& content) const { return make_file_dataset(csv(content), 1); }
};

// --- csv -------------------------------------------------------------------------------------------------------------

TEST_F(FileFormats, CsvAcceptsWhatProgramsWrite) {
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

TEST_F(FileFormats, CsvKeepsEveryDigit) {
  const Dataset data = read_csv("0.1,5e-324,1.7976931348623157e308,0\n1,2,1e-400,3\n");
  EXPECT_EQ(data.train_inputs,
            (Inputs{{0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}, {1, 2, 0}}));
}

TEST_F(FileFormats, SkippedLinesMayHoldAnything) {
  FileDatasetOptions options = whole(write("t.csv", "# a, comment\n\nx\n1,2\n3,4\n"));
  options.csv.skip_lines = 3;
  EXPECT_EQ(make_file_dataset(options, 1).train_targets, (Vector{{2, 4}}));
}

TEST_F(FileFormats, CsvErrorsNameLineAndColumn) {
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
    const std::string message = refusal(whole(write("bad.csv", content)));
    EXPECT_TRUE(mentions(message, words));
    EXPECT_TRUE(mentions(message, "path = \""));
    EXPECT_TRUE(mentions(message, "bad.csv\": "));
  }
}

TEST_F(FileFormats, LinesAreCountedFromTheTopOfTheFile) {
  FileDatasetOptions options = whole(write("t.csv", "count line\na,b\n1,2\n3,z\n"));
  options.csv.skip_lines = 1;
  EXPECT_TRUE(mentions(refusal(options), "line 4, column 2"));
  options.path = write("u.csv", "count line\na,b\n1,0\n3,1\n3,2\n");
  options.binary_labels = true;
  EXPECT_TRUE(mentions(refusal(options), "line 5, column 2 holds a third label 2 beside 0 and 1"));
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

TEST_F(FileFormats, NpyReadsEveryNumberTypeInBothOrders) {
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

TEST_F(FileFormats, NpyReadsEveryVersion) {
  for (const int version : {1, 2, 3}) {
    const std::string path = write("t.npy", npy(version, header("<f8", "(1, 3)"), bytes_of<double>({1, 2, 3})));
    EXPECT_EQ(make_file_dataset(whole(path), 1).train_inputs, (Inputs{{1, 2}})) << version;
  }
}

TEST_F(FileFormats, NpyRejectsOtherContents) {
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
    EXPECT_TRUE(mentions(refusal(whole(write("bad.npy", content))), words));
  }
}

TEST_F(FileFormats, NpyRejectsDamage) {
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

TEST_F(FileFormats, TestPathIsTheTestPartWhateverItsFormat) {
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
  EXPECT_TRUE(mentions(refusal(options), "its table has 3 columns and must have 2"));
  EXPECT_TRUE(mentions(refusal(options), "test_path = \""));
  options.test_path = write("third.csv", "1,1\n1,7\n");
  EXPECT_TRUE(mentions(refusal(options), "line 2, column 2 holds a third label 7"));
  options.test_path = folder_ / "none.csv";
  EXPECT_TRUE(mentions(unreadable(options), "test_path"));
}

// --- hdf5 ------------------------------------------------------------------------------------------------------------

TEST_F(FileFormats, Hdf5RejectsOtherContents) {
  FileDatasetOptions options = whole(data_folder + "table.h5");
  const auto message = [&options](const std::string& data_set) {
    options.dataset = data_set;
    return refusal(options);
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

TEST_F(FileFormats, Hdf5RejectsDamageInSilence) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(mentions(unreadable(whole(write("bad.h5", "this is no HDF5 file"))), "bad.h5"));
  const std::string good = read_bytes(data_folder + "table.h5");
  EXPECT_TRUE(mentions(unreadable(whole(write("cut.hdf5", good.substr(0, good.size() / 2)))), "cut.hdf5"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

/// Found by fuzzing: the library reads such values from the memory behind the data set, or as zeros.
TEST_F(FileFormats, Hdf5RejectsAShapeThatPromisesMoreThanIsStored) {
  const std::filesystem::path corpus = std::filesystem::path(MFLD_SOURCE_DIR) / "tests/fuzz/corpus/hdf5";
  for (const char* name : {"compact", "plain", "compressed"}) {
    FileDatasetOptions options = whole(corpus / (std::string(name) + ".h5"));
    options.dataset = "/numbers";
    EXPECT_EQ(make_file_dataset(options, 1).train_inputs, (Inputs{{0, 1}, {3, 4}, {6, 7}, {9, 10}})) << name;
    options.path = corpus / (std::string(name) + "_beyond.h5");
    if (std::string(name) == "compressed") {  // or longer than what was written
      EXPECT_TRUE(mentions(refusal(options), "were never written, and it sets no fill value for them"));
    } else {  // by this reader, or by a version of the library that looks itself
      EXPECT_TRUE(mentions(unreadable(options), std::string(name) + "_beyond.h5\" cannot be read: ")) << name;
    }
  }
}

}  // namespace
