#pragma once
#include <gtest/gtest.h>

#include <string>

#include "mfld/core/error.hpp"
#include "mfld/task/file_dataset.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld::test {

inline void expect_same(const Dataset& a, const Dataset& b) {
  EXPECT_EQ(a.train_inputs, b.train_inputs);
  EXPECT_EQ(a.train_targets, b.train_targets);
  EXPECT_EQ(a.test_inputs, b.test_inputs);
  EXPECT_EQ(a.test_targets, b.test_targets);
}

/// Tables written by a test and read as data.
class TableFiles : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) const {
    write_bytes(folder_ / name, content);
    return folder_ / name;
  }

  /// The whole of a file as the training part.
  static FileDatasetOptions whole(const std::string& path) {
    FileDatasetOptions options;
    options.path = path;
    options.test_fraction = 0;
    return options;
  }

  /// Of a .csv with this content.
  FileDatasetOptions csv(const std::string& content) const { return whole(write("t.csv", content)); }

  static std::string refusal(const FileDatasetOptions& options) {
    return message_of<InvalidInput>([&] { make_file_dataset(options, 1); });
  }
  std::string refusal(const std::string& content) const { return refusal(csv(content)); }

  static std::string unreadable(const FileDatasetOptions& options) {
    return message_of<FileError>([&] { make_file_dataset(options, 1); });
  }

  Index num_rows(const std::string& content) const { return make_file_dataset(csv(content), 1).num_train(); }

  TemporaryDirectory folder_;
};

}  // namespace mfld::test
