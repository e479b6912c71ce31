#include "mfld/record/emptying.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/record/run_directory.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;
using test::write_bytes;

const std::string stored_run = "# mfld 0.1.0, built by g++\nseed = 1\n";

void make_run(const fs::path& folder) {
  fs::create_directories(folder);
  write_bytes(folder / "experiment.toml", stored_run);
  write_bytes(folder / "metrics.csv", "step\n");
  write_bytes(folder / "summary.json", "{}\n");
  write_bytes(folder / "two_phase.png", "png");
}

void make_sweep(const fs::path& folder) {
  make_run(folder / "seed=1");
  make_run(folder / "seed=2");
  write_bytes(folder / "experiment.toml", "# paths start at /\nseed = 1\n");
  write_bytes(folder / "index.csv", "run\n");
}

std::string refusal(const fs::path& folder) {
  const auto count = [&folder] {
    return std::distance(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator());
  };
  const auto before = count();
  const std::string why = message_of<InvalidInput>([&] { empty_run_directory(folder); });
  EXPECT_EQ(count(), before);
  return why;
}

TEST(Emptying, LeavesTheDirectoryOfARunOrASweepEmpty) {
  const test::TemporaryDirectory root;
  for (const auto& make : {make_run, make_sweep}) {
    const fs::path out = root.path() / "out";
    make(out);
    empty_run_directory(out);
    EXPECT_TRUE(fs::is_directory(out));
    EXPECT_TRUE(fs::is_empty(out));
    RunDirectory::create(out);
  }
}

TEST(Emptying, HasNothingToDoWhereNothingIs) {
  const test::TemporaryDirectory root;
  empty_run_directory(root.path());
  empty_run_directory(root.path() / "none" / "there");
  EXPECT_FALSE(fs::exists(root.path() / "none"));
}

TEST(Emptying, RemovesNothingWhereThereIsMore) {
  const test::TemporaryDirectory root;
  const fs::path out = root.path() / "out";
  make_sweep(out);
  write_bytes(out / "seed=2" / "notes.txt", "mine");
  EXPECT_TRUE(mentions(refusal(out), "seed=2/notes.txt is none of their files"));
  fs::remove(out / "seed=2" / "notes.txt");
  fs::create_directory(out / "seed=2" / "deeper");
  EXPECT_TRUE(mentions(refusal(out), "seed=2/deeper is none of their files"));
  fs::remove(out / "seed=2" / "deeper");
  fs::create_directory(out / "data");
  write_bytes(out / "data" / "index.csv", "mine");
  EXPECT_TRUE(mentions(refusal(out), "data has no experiment.toml that a run stored"));
}

TEST(Emptying, TakesNoFolderOfExperimentsForARun) {
  const test::TemporaryDirectory root;
  write_bytes(root.path() / "experiment.toml", "seed = 1\n");
  EXPECT_TRUE(mentions(refusal(root.path()), "has no experiment.toml that a run or a sweep stored"));
}

TEST(Emptying, FollowsNoLinks) {
  const test::TemporaryDirectory root;
  make_run(root.path() / "elsewhere");
  const fs::path out = root.path() / "out";
  make_sweep(out);
  fs::create_directory_symlink(root.path() / "elsewhere", out / "seed=3");
  EXPECT_TRUE(mentions(refusal(out), "seed=3 is none of their files"));
  fs::remove(out / "seed=3");
  fs::create_symlink(root.path() / "elsewhere" / "metrics.csv", out / "predictions.csv");
  EXPECT_TRUE(mentions(refusal(out), "predictions.csv is none of their files"));
}

TEST(Emptying, IsRefusedWhereARunIsRunning) {
  const test::TemporaryDirectory root;
  make_sweep(root.path());
  const RunDirectory running = RunDirectory::reopen(root.path() / "seed=2");
  EXPECT_TRUE(mentions(message_of<FileError>([&] { empty_run_directory(root.path()); }), "another process is running"));
  EXPECT_TRUE(fs::exists(root.path() / "seed=1" / "metrics.csv"));
}

}  // namespace
}  // namespace mfld
