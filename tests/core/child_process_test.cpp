#include "core/child_process.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mfld {
namespace {

constexpr unsigned cpu_seconds = 20;

/// How the child ended that did `work`, and the first bytes it sent.
struct Ended {
  std::optional<std::string> fault;
  std::vector<std::byte> bytes;
};

Ended ended(std::size_t num_bytes, const std::function<void(Pipe&)>& work, unsigned seconds = cpu_seconds) {
  Ended result;
  result.bytes.resize(num_bytes);
  result.fault = run_in_child(seconds, work, [&result](Pipe& pipe) {
    if (!pipe.receive(result.bytes)) {
      result.bytes.clear();
    }
  });
  return result;
}

TEST(Child, SendsMoreThanAPipeHolds) {
  const std::vector<std::byte> sent(std::size_t{1} << 21U, std::byte{7});
  const Ended result = ended(sent.size(), [&sent](Pipe& pipe) { pipe.send(sent); });
  EXPECT_FALSE(result.fault);
  EXPECT_EQ(result.bytes, sent);
}

TEST(Child, ChangesNothingHere) {
  int number = 1;
  EXPECT_FALSE(ended(0, [&number](Pipe&) { number = 2; }).fault);
  EXPECT_EQ(number, 1);
}

TEST(Child, KeepsItsCrashesToItself) {
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGKILL}) {
    const Ended result = ended(1, [number](Pipe&) { std::raise(number); });
    EXPECT_EQ(result.fault, std::string(::strsignal(number)));
    EXPECT_TRUE(result.bytes.empty());
  }
  EXPECT_TRUE(ended(1, [](Pipe&) { throw std::runtime_error("no"); }).fault);
}

TEST(Child, IsEndedWhenItNeverStops) {
  std::atomic<int> turns = 0;
  const Ended result = ended(
      1,
      [&turns](Pipe&) {
        for (;;) {
          ++turns;
        }
      },
      1);
  EXPECT_EQ(result.fault, std::string(::strsignal(SIGXCPU)));
}

/// A receiver that gives up leaves no process behind and no one waiting.
TEST(Child, EndsWithWhoReads) {
  const std::vector<std::byte> much(std::size_t{1} << 22U);
  EXPECT_THROW(
      run_in_child(
          cpu_seconds, [&much](Pipe& pipe) { pipe.send(much); }, [](Pipe&) { throw std::runtime_error("enough"); }),
      std::runtime_error);
  EXPECT_TRUE(ended(10, [&much](Pipe& pipe) { pipe.send(much); }).fault) << "it had more to say";
}

TEST(Child, CanBeMadeWhileOtherThreadsWork) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stop] {
      while (!stop) {
        std::vector<int> busy(1000, 1);
        ASSERT_EQ(busy[5], 1);
      }
    });
  }
  for (int i = 0; i < 30; ++i) {
    const std::vector<std::byte> sent(100, std::byte{3});
    EXPECT_EQ(ended(sent.size(), [&sent](Pipe& pipe) { pipe.send(std::vector<std::byte>(sent)); }).bytes, sent);
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace mfld
