#include "mfld/files/result_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace mfld;

bool never(std::string_view /*beginning*/) { return false; }
bool starts_with_ours(std::string_view beginning) { return beginning.starts_with("ours"); }

class ResultFiles : public testing::Test {
 protected:
  std::size_t num_files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator()));
  }

  test::TemporaryDirectory folder_;
};

TEST_F(ResultFiles, TwoAtOnceShareNothing) {
  const std::filesystem::path path = folder_ / "k.npy";
  ResultFile one(path, never);
  ResultFile other(path, never);
  for (ResultFile* file : {&one, &other}) {
    file->write("whole ");
  }
  EXPECT_EQ(num_files(), 2U);
  one.write("text");
  one.finish();
  other.write("text");
  other.finish();
  EXPECT_EQ(test::read_bytes(path), "whole text");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(ResultFiles, WhatAppearsMeanwhileIsKept) {
  const std::filesystem::path path = folder_ / "k.npy";
  {
    ResultFile file(path, never);
    file.write("text");
    test::write_bytes(path, "notes");
    EXPECT_TRUE(test::mentions(test::message_of<InvalidInput>([&] { file.finish(); }), "is there already"));
  }
  EXPECT_EQ(test::read_bytes(path), "notes");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(ResultFiles, OnlyOursIsReplaced) {
  test::write_bytes(folder_ / "a.csv", "ours, old");
  test::write_bytes(folder_ / "b.csv", "theirs");
  std::filesystem::create_symlink("a.csv", folder_ / "c.csv");
  ResultFile file(folder_ / "a.csv", starts_with_ours);
  file.write("ours, new");
  EXPECT_EQ(test::read_bytes(folder_ / "a.csv"), "ours, old");
  file.finish();
  EXPECT_EQ(test::read_bytes(folder_ / "a.csv"), "ours, new");
  for (const char* name : {"b.csv", "c.csv"}) {
    EXPECT_THROW(ResultFile(folder_ / name, starts_with_ours), InvalidInput) << name;
  }
  EXPECT_TRUE(test::mentions(test::message_of<FileError>([&] { ResultFile(folder_ / "none" / "k.csv", never); }),
                             "No such file or directory"));
}

}  // namespace
