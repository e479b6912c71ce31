#include "mfld/files/folder.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;
using test::mentions;
using test::message_of;

TEST(Folder, SaysWhereItIsNow) {
  const test::TemporaryDirectory directory;
  const Folder folder = Folder::make(directory / "one");
  fs::create_directory_symlink(directory / "one", directory / "link");
  EXPECT_EQ(Folder::open(directory / "link").present_path(), fs::canonical(directory / "one"));
  fs::create_directory(directory / "deep");
  fs::rename(directory / "one", directory / "deep/other");
  EXPECT_EQ(folder.path(), directory / "one");
  EXPECT_EQ(folder.present_path(), fs::canonical(directory / "deep/other"));
  fs::remove(directory / "deep/other");
  EXPECT_EQ(folder.present_path(), directory / "one");
}

TEST(Folder, WhoIsAskedToStopWaitsForNoLock) {
  const test::TemporaryDirectory directory;
  const Folder held = Folder::make(directory / "out");
  held.lock();
  const Folder other = Folder::open(directory / "out");
  const std::atomic<bool> stop = true;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(mentions(message_of<Interrupted>([&] { other.lock(&stop); }), "out, which another process holds"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace mfld
