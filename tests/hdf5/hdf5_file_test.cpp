#include "mfld/hdf5/hdf5_file.hpp"

#include <gtest/gtest.h>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;

class Hdf5FileTest : public ::testing::Test {
 protected:
  Hdf5FileTest() {
    Hdf5File file = Hdf5File::create(path);
    file.write<std::int64_t>("/group/whole", {2, 3}, std::vector<std::int64_t>{1, -2, 3, 4, 5, std::int64_t{1} << 40});
    file.write("/group/names", std::vector<std::string>{"a", "bcd"});
    file.write_attribute("/group", "list", std::vector<std::int64_t>{1, 1});
    file.close();
  }

  template <class Action>
  std::string error(const Action& action) const {
    return message_of<FileError>([&] { action(Hdf5File::open(path)); });
  }

  test::TemporaryDirectory directory;
  std::filesystem::path path = directory / "file.h5";
};

TEST_F(Hdf5FileTest, ReadsSomeRowsAndTexts) {
  const Hdf5File file = Hdf5File::open(path);
  std::vector<std::int64_t> row(3);
  file.read_rows<std::int64_t>("/group/whole", 1, row);
  EXPECT_EQ(row, (std::vector<std::int64_t>{4, 5, std::int64_t{1} << 40}));
  EXPECT_EQ(file.read_texts("/group/names"), (std::vector<std::string>{"a", "bcd"}));
}

TEST_F(Hdf5FileTest, RefusesRowsAndTextsThatAreNotThere) {
  std::vector<std::int64_t> numbers(3);
  EXPECT_TRUE(mentions(error([&](const Hdf5File& file) { file.read_rows<std::int64_t>("/group/whole", 2, numbers); }),
                       "object /group/whole: it has no rows of 3 values from row 2 on"));
  EXPECT_TRUE(mentions(error([](const Hdf5File& file) { file.read_texts("/group/whole"); }),
                       "object /group/whole: it is no list of texts"));
}

TEST_F(Hdf5FileTest, KnowsItsDataSets) {
  const Hdf5File file = Hdf5File::open(path);
  EXPECT_TRUE(file.has_data_set("/group/whole"));
  EXPECT_TRUE(file.has_data_set("group/whole"));
  for (const char* name : {"/", "/group", "/group/", "/group/other", "/other/whole", "/group/whole/inside", "other"}) {
    EXPECT_FALSE(file.has_data_set(name)) << name;
  }
  EXPECT_EQ(file.shape("/group/whole"), (Hdf5File::Shape{2, 3}));
}

TEST_F(Hdf5FileTest, ConvertsNumbersOnReading) {
  std::vector<double> values(6);
  Hdf5File::open(path).read<double>("/group/whole", values);
  EXPECT_EQ(values, (std::vector<double>{1, -2, 3, 4, 5, 1099511627776.0}));
}

TEST_F(Hdf5FileTest, SaysWhatCannotBeRead) {
  std::vector<double> values(5);
  const auto read = [&](const char* name) {
    return error([&](const Hdf5File& file) { file.read<double>(name, values); });
  };
  EXPECT_TRUE(mentions(read("/group/whole"), "file.h5, object /group/whole: it has 6 values where 5 are expected"));
  EXPECT_TRUE(mentions(read("/group/other"), "object /group/other: object 'other' doesn't exist"));
  values.resize(2);
  EXPECT_TRUE(mentions(read("/group/names"), "object /group/names: "));
  const auto read_attribute = [&](const char* name) {
    return error([&](const Hdf5File& file) { file.read_attribute<double>("/group", name); });
  };
  EXPECT_TRUE(mentions(read_attribute("other"), "object /group attribute other: "));
  EXPECT_TRUE(mentions(read_attribute("list"), "object /group attribute list: it is not one number"));
}

TEST_F(Hdf5FileTest, SaysWhyAFileCannotBeOpened) {
  const auto open = [](const std::filesystem::path& file) {
    return message_of<FileError>([&] { Hdf5File::open(file); });
  };
  EXPECT_TRUE(mentions(open(directory / "other.h5"), "other.h5: No such file or directory"));
  EXPECT_TRUE(mentions(open(directory.path()), "Is a directory"));
  test::write_bytes(path, "text");
  EXPECT_TRUE(mentions(open(path), "file.h5: file signature not found"));
}

TEST_F(Hdf5FileTest, PrintsNothing) {
  ::testing::internal::CaptureStderr();
  EXPECT_NE(message_of<FileError>([&] { Hdf5File::open(directory / "other.h5"); }), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace mfld
