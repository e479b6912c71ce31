#include "files/posix_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "mfld/core/error.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "mfld/record/run_directory.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::read_bytes;
using test::write_bytes;

class PosixFileTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;

  std::ptrdiff_t num_files() const { return std::distance(fs::directory_iterator(directory.path()), {}); }
};

/// What stands where a new file is to be made is replaced; what a link there leads to stays as it is.
TEST_F(PosixFileTest, ANewFileIsNobodysLink) {
  write_bytes(directory / "precious", "precious");
  for (const bool with_hdf5 : {false, true}) {
    fs::create_symlink("precious", directory / "new");
    if (with_hdf5) {
      Hdf5File::create(directory / "new").close();
    } else {
      files::PosixFile::create(directory / "new").append("text");
    }
    EXPECT_FALSE(fs::is_symlink(directory / "new"));
    EXPECT_GT(fs::file_size(directory / "new"), 0U);
    EXPECT_EQ(read_bytes(directory / "precious"), "precious");
    fs::remove(directory / "new");
  }
}

TEST_F(PosixFileTest, TemporaryFilesOfARunAreNobodysLinks) {
  write_bytes(directory / "precious", "precious");
  const auto run = directory / "run";
  fs::create_directory(run);
  RunDirectory files = RunDirectory::create(run);
  for (const char* name : {"experiment.new.toml", "metrics.new.csv", "checkpoint.new.h5", "checkpoint.kept.h5",
                           "trajectory.new.h5", "summary.new.json", "predictions.new.csv"}) {
    fs::create_symlink("../precious", run / name);
  }
  Dataset data;
  data.train_inputs = Inputs::Ones(2, 1);
  data.train_targets = Vector::Ones(2);
  data.test_inputs.resize(0, 1);
  Checkpoint checkpoint;
  checkpoint.matrices["particles"] = Particles<double>::Ones(2, 2);
  files.write_experiment("seed = 1\n");
  files.start_metrics({}, {});
  files.start_trajectory({{0}, {"r"}, 0.1}, data);
  files.finish_trajectory();
  files.write_checkpoint(checkpoint);
  files.write_checkpoint(checkpoint);
  files.write_predictions({}, data, {});
  files.write_summary({});
  EXPECT_EQ(read_bytes(directory / "precious"), "precious");
  for (const auto& entry : fs::directory_iterator(run)) {
    EXPECT_FALSE(entry.is_symlink()) << entry.path();
  }
}

TEST_F(PosixFileTest, InASharedDirectoryEveryTemporaryFileHasANameOfItsOwn) {
  files::PosixFile one = files::PosixFile::create_beside(directory / "k.csv");
  files::PosixFile other = files::PosixFile::create_beside(directory / "k.csv");
  one.append("one");
  other.append("other");
  one.rename(directory / "k.csv");
  EXPECT_EQ(read_bytes(directory / "k.csv"), "one");
  other.rename(directory / "k.csv");
  EXPECT_EQ(read_bytes(directory / "k.csv"), "other");
  EXPECT_EQ(num_files(), 1);

  write_bytes(directory / "k.csv.part", "mine");
  const std::string long_name(255, 'n');
  files::replace_file(directory / "k.csv", "new");
  files::replace_file(directory / long_name, "new");
  EXPECT_EQ(read_bytes(directory / "k.csv"), "new");
  EXPECT_EQ(read_bytes(directory / long_name), "new");
  EXPECT_EQ(read_bytes(directory / "k.csv.part"), "mine");
  EXPECT_EQ(num_files(), 3);
  EXPECT_THROW(files::replace_file(directory / "no/where", "new"), FileError);
  fs::create_directory(directory / "folder");
  EXPECT_THROW(files::replace_file(directory / "folder", "new"), FileError);
  EXPECT_EQ(num_files(), 4);
}

/// Which the disk may say as late as that: /dev/full does so at the write, a closed descriptor at the close.
TEST_F(PosixFileTest, ErrorsOfWritingAndOfClosingAreErrors) {
  files::PosixFile full = files::PosixFile::open_for_update("/dev/full");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { full.append("text"); }), "No space left on device"));
  files::PosixFile file = files::PosixFile::create(directory / "file");
  file.close();
  EXPECT_TRUE(mentions(message_of<FileError>([&] { file.close(); }), "Bad file descriptor"));
}

/// A pipe without a writer would keep its reader for ever, and a device has no end.
TEST_F(PosixFileTest, OnlyRegularFilesAreRead) {
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0666), 0);
  EXPECT_TRUE(
      mentions(message_of<FileError>([&] { files::read_text(directory / "pipe"); }), "pipe: it is not a regular file"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { files::read_text("/dev/zero"); }), "it is not a regular file"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { files::read_text(directory.path()); }), "Is a directory"));
  EXPECT_TRUE(mentions(message_of<FileError>([&] { files::read_text("/proc/self/mem"); }), "Input/output error"));
}

}  // namespace
}  // namespace mfld
