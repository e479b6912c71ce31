#include "config/experiment_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

class ExperimentFile : public ::testing::Test {
 protected:
  std::string read(const std::string& name) { return read_experiment_file(folder_ / name, &stop_); }

  test::TemporaryDirectory folder_;
  std::atomic<bool> stop_ = false;
};

TEST_F(ExperimentFile, IsReadToItsEnd) {
  std::ofstream(folder_ / "empty.toml");
  EXPECT_EQ(read("empty.toml"), "");
  const std::string text(300000, '#');
  std::ofstream(folder_ / "long.toml") << text;
  EXPECT_EQ(read("long.toml"), text);
}

TEST_F(ExperimentFile, ThatNeverEndsIsRefused) {
  const std::string error = test::message_of<InvalidInput>([] { read_experiment_file("/dev/zero", nullptr); });
  EXPECT_EQ(error, "/dev/zero: has more than 64 MiB, and no experiment file has");
}

TEST_F(ExperimentFile, ThatCannotBeReadIsAnError) {
  EXPECT_TRUE(test::mentions(test::message_of<FileError>([this] { read("none"); }), "No such file or directory"));
  EXPECT_TRUE(test::mentions(test::message_of<FileError>([this] { read("."); }), "Is a directory"));
}

TEST_F(ExperimentFile, MayBeAPipeWhoseWriterComesLate) {
  const std::string path = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string text(200000, '#');  // more than a pipe holds
  std::thread writer([&] { std::ofstream(path) << text; });
  EXPECT_EQ(read("pipe"), text);
  writer.join();
}

TEST_F(ExperimentFile, IsNotWaitedForOnceAskedToStop) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  std::thread interrupter([this] { stop_ = true; });
  const std::string error = test::message_of<Interrupted>([this] { read("pipe"); });
  interrupter.join();
  EXPECT_EQ(error, "interrupted while reading " + (folder_ / "pipe").string());
}

}  // namespace
}  // namespace mfld
