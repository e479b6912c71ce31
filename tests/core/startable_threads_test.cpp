#include "mfld/core/startable_threads.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mfld {
namespace {

TEST(StartableThreads, AreAllThatAreWantedWhereNothingLimitsThem) {
  for (const int wanted : {1, 2, 7}) {
    EXPECT_EQ(startable_threads(wanted), wanted);
  }
}

/// In a process of its own, with so little room that not all stacks fit.
TEST(StartableThreads, AreFewerWhereTheyDoNotFit) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need more room than any limit leaves";
#endif
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit room = {rlim_t{64} << 20U, rlim_t{64} << 20U};
    ::setrlimit(RLIMIT_AS, &room);
    const int started = startable_threads(1000);
    ::_exit(started >= 1 && started < 20 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace mfld
