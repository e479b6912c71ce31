#include "mfld/tables/table_store.hpp"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/task/file_dataset.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

/// Counts how often a file is opened.
class Openings {
 public:
  explicit Openings(const std::string& path) : descriptor_(::inotify_init1(IN_NONBLOCK)) {
    ::inotify_add_watch(descriptor_, path.c_str(), IN_OPEN);
  }
  ~Openings() { ::close(descriptor_); }
  Openings(const Openings&) = delete;
  Openings& operator=(const Openings&) = delete;

  /// Since the last call. Events that follow one another and are equal are told as one: ask after each.
  bool any() const {
    std::array<char, 4096> events{};
    return ::read(descriptor_, events.data(), events.size()) > 0;
  }

 private:
  int descriptor_;
};

class Store : public testing::Test {
 protected:
  Store() {
    options_.path = write("t.csv", "1,2\n3,4\n5,6\n");
    options_.test_fraction = 0;
    options_.tables = std::make_shared<TableStore>();
  }
  std::string write(const std::string& name, const std::string& content) const {
    test::write_bytes(folder_ / name, content);
    return folder_ / name;
  }
  Dataset read() const { return make_file_dataset(options_, 1); }

  test::TemporaryDirectory folder_;
  FileDatasetOptions options_;
};

TEST_F(Store, ReadsATableOnce) {
  const Openings openings(options_.path);
  const Dataset first = read();
  EXPECT_TRUE(openings.any());
  options_.binary_labels = false;
  options_.standardise = true;
  EXPECT_NE(read().train_inputs, first.train_inputs);
  EXPECT_FALSE(openings.any());
  options_.csv.skip_lines = 1;
  EXPECT_EQ(read().num_train(), 2);
  EXPECT_TRUE(openings.any()) << "another table";
}

TEST_F(Store, ReadsAFileAgainThatHasChanged) {
  EXPECT_EQ(read().train_targets, (Vector{{2, 4, 6}}));
  write("t.csv", "1,2\n3,4\n5,7\n0,0\n");
  EXPECT_EQ(read().train_targets, (Vector{{2, 4, 7, 0}}));
}

TEST_F(Store, IsAskedByManyThreadsAtOnce) {
  std::string text;
  for (int row = 0; row < 20000; ++row) {
    text += std::to_string(row) + ",1.5,2.5,3.5\n";
  }
  options_.path = write("long.csv", text);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { right += read().train_inputs(19999, 0) == 19999 ? 1 : 0; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 8);
}

/// All who wait hear of a failure, by their own name for the file; the next one tries again.
TEST_F(Store, KeepsNoFailure) {
  write("t.csv", "1,2\n3,x\n");
  EXPECT_TRUE(test::mentions(test::message_of<InvalidInput>([&] { read(); }), "line 2, column 2"));
  EXPECT_TRUE(test::mentions(test::message_of<InvalidInput>([&] { read(); }), "line 2, column 2"));
  write("t.csv", "1,2\n3,4\n");
  EXPECT_EQ(read().num_train(), 2);
}

TEST_F(Store, ForgetsWhatDoesNotFit) {
  options_.tables = std::make_shared<TableStore>(100);  // bytes: two tables of 48
  const Openings openings(options_.path);
  const std::string first = options_.path;
  read();
  EXPECT_TRUE(openings.any());
  options_.path = write("u.csv", "1,2\n3,4\n5,6\n");
  read();
  options_.path = first;
  read();
  EXPECT_FALSE(openings.any()) << "both fit";
  options_.path = write("v.csv", "1,2\n3,4\n5,6\n");
  read();
  options_.path = write("w.csv", "1,2\n3,4\n5,6\n");
  read();
  options_.path = first;
  read();
  EXPECT_TRUE(openings.any());
}

TEST_F(Store, IsNotAskedForPartsOfOtherFiles) {
  options_.test_path = write("test.csv", "7,8\n");
  const Dataset data = read();
  EXPECT_EQ(data.train_targets, (Vector{{2, 4, 6}}));
  EXPECT_EQ(data.test_targets, (Vector{{8}}));
}

}  // namespace
}  // namespace mfld
