#include "mfld/core/memory.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

namespace fs = std::filesystem;

/// A machine as the kernel describes it, in files of our own.
class AvailableMemory : public ::testing::Test {
 protected:
  void say(const std::string& file, const std::string& text) {
    fs::create_directories((root / file).parent_path());
    test::write_bytes(root / file, text);
  }
  double found() const { return available_memory(root.path()); }

  test::TemporaryDirectory root;
};

TEST_F(AvailableMemory, IsUnlimitedWhereTheSystemSaysNothing) { EXPECT_EQ(found(), INFINITY); }

TEST_F(AvailableMemory, IsWhatTheKernelSaysNotWhatIsInstalled) {
  say("proc/meminfo", "MemTotal:       16000 kB\nMemFree:          10 kB\nMemAvailable:    3000 kB\n");
  EXPECT_EQ(found(), 3000.0 * 1024);
}

TEST_F(AvailableMemory, IsWhatTheGroupsLeaveFreeAtAnyLevel) {
  say("proc/meminfo", "MemAvailable:    3000 kB\n");
  say("proc/self/cgroup", "0::/user/job\n");
  say("sys/fs/cgroup/user/job/memory.max", "max\n");
  say("sys/fs/cgroup/user/job/memory.current", "500000\n");
  EXPECT_EQ(found(), 3000.0 * 1024);
  say("sys/fs/cgroup/user/job/memory.max", "1000000\n");
  EXPECT_EQ(found(), 500000);
  say("sys/fs/cgroup/user/job/memory.stat", "anon 400000\ninactive_file 100000\n");
  EXPECT_EQ(found(), 600000) << "files in memory make room";
  say("sys/fs/cgroup/user/memory.max", "900000\n");
  say("sys/fs/cgroup/user/memory.current", "850000\n");
  EXPECT_EQ(found(), 50000) << "the group above";
  say("sys/fs/cgroup/user/memory.current", "1850000\n");
  EXPECT_EQ(found(), 0);
}

TEST_F(AvailableMemory, ReadsTheFirstVersionOfGroupsAndOnesOutsideAContainer) {
  say("proc/self/cgroup", "7:cpu,cpuacct:/a\n4:memory:/a/b\nnonsense\n");
  say("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  say("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "4096\n");
  EXPECT_GT(found(), 0x1p62);
  say("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "10000\n");
  say("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "7000\n");
  say("sys/fs/cgroup/memory/a/memory.stat", "cache 1\ntotal_inactive_file 500\n");
  EXPECT_EQ(found(), 3500);
  say("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n");
  EXPECT_EQ(found(), 2000) << "the root of what the process sees";
}

TEST(ThisMachine, HasSomeMemory) {
  EXPECT_GT(available_memory(), 0x1p20);
  EXPECT_LT(available_memory(), 0x1p50);
}

}  // namespace
}  // namespace mfld
