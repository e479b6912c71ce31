#include "files/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "mfld/core/error.hpp"
#include "support/file_text.hpp"

namespace mfld {
namespace {

using Kind = files::ChildFault::Kind;

constexpr unsigned cpu_seconds = 20;
constexpr double minutes = 60;

files::ChildCall call(std::string_view work, files::Patience patience = {nullptr, "testing", 10 * minutes}) {
  return {work, cpu_seconds, std::move(patience)};
}

// --- What children do here

void echo(files::Channel& parent) { parent.send_text(parent.receive_text()); }
void raise_signal(files::Channel& parent) { ::raise(static_cast<int>(parent.receive_number())); }
void throw_error(files::Channel&) { throw std::runtime_error("no"); }
void run_out_of_memory(files::Channel&) { throw std::bad_alloc(); }
void send_variable(files::Channel& parent) {
  const char* value = std::getenv(parent.receive_text().c_str());
  parent.send_text(value == nullptr ? "none" : value);
}

void never_stop(files::Channel& parent) {
  std::atomic<int> turns = 0;
  for (;;) {
    if (++turns < 0) {
      parent.send_number(0);
    }
  }
}

/// Longer than it may without saying that it gets on; answers how long.
void work_on(files::Channel& parent, double seconds) {
  double used = 0;
  while (used < seconds) {
    files::allow_cpu_seconds(1);
    used = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }
  parent.send_number(static_cast<std::int64_t>(used));
}
void be_busy(files::Channel& parent) { work_on(parent, 3.5); }
void be_busy_for_ever(files::Channel& parent) { work_on(parent, 1e9); }

/// Its number and group; then it waits for a word.
void introduce(files::Channel& parent) {
  parent.send_number(::getpid());
  parent.send_number(::getpgrp());
  parent.send_number(parent.receive_number());
}

void list_descriptors(files::Channel& parent) {
  std::string list;
  for (int descriptor = 0; descriptor < 64; ++descriptor) {
    if (std::error_code error; std::filesystem::exists("/proc/self/fd/" + std::to_string(descriptor), error)) {
      list += std::to_string(descriptor) + ' ';
    }
  }
  parent.send_text(list);
}

/// Has a child of its own, says which, and is killed.
void leave_an_orphan(files::Channel& parent) {
  files::run_in_child(call("introduce"), [&parent](files::Channel& child) {
    parent.send_number(child.receive_number());
    ::raise(SIGKILL);
  });
}

constexpr std::array<files::ChildWork, 11> works = {{{"echo", echo},
                                                     {"raise", raise_signal},
                                                     {"throw", throw_error},
                                                     {"memory", run_out_of_memory},
                                                     {"variable", send_variable},
                                                     {"endless", never_stop},
                                                     {"busy", be_busy},
                                                     {"busy for ever", be_busy_for_ever},
                                                     {"introduce", introduce},
                                                     {"descriptors", list_descriptors},
                                                     {"orphan", leave_an_orphan}}};

std::string echoed(const std::string& text) {
  std::string answer;
  EXPECT_FALSE(files::run_in_child(call("echo"), [&](files::Channel& child) {
    child.send_text(text);
    answer = child.receive_text();
  }));
  return answer;
}

/// 'R', 'S', 'Z' of /proc; 0 where there is no such process.
char state_of(std::int64_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(stat, text);
  return text.empty() ? '\0' : text[text.rfind(')') + 2];
}

bool is_gone_soon(std::int64_t process) {
  for (int i = 0; i < 60000; ++i) {
    if (const char state = state_of(process); state == '\0' || state == 'Z') {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// --- Tests

TEST(Child, SendsMoreThanAChannelHolds) {
  const std::string sent(std::size_t{1} << 22U, 'x');
  EXPECT_EQ(echoed(sent), sent);
}

TEST(Child, KeepsItsCrashesToItself) {
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) {
    const auto fault = files::run_in_child(call("raise"), [number](files::Channel& child) {
      child.send_number(number);
      child.receive_number();
    });
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::crashed);
    EXPECT_EQ(fault->how, ::strsignal(number));
  }
}

/// What it works on is not to blame.
TEST(Child, SaysWhatEndedItFromOutside) {
  const auto killed = files::run_in_child(call("raise"), [](files::Channel& child) {
    child.send_number(SIGKILL);
    child.receive_number();
  });
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->kind, Kind::surroundings);
  EXPECT_EQ(killed->how, "its process was killed from outside");
  const auto gave_up = files::run_in_child(call("throw"), [](files::Channel& child) { child.receive_number(); });
  ASSERT_TRUE(gave_up);
  EXPECT_EQ(gave_up->kind, Kind::surroundings);
  const auto full = files::run_in_child(call("memory"), [](files::Channel& child) { child.receive_number(); });
  ASSERT_TRUE(full);
  EXPECT_EQ(full->how, "it ran out of memory");
}

TEST(Child, IsEndedWhenItNeverStops) {
  files::ChildCall endless = call("endless");
  endless.cpu_seconds = 1;
  const auto fault = files::run_in_child(endless, [](files::Channel& child) { child.receive_number(); });
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::stuck);
  EXPECT_TRUE(fault->how.starts_with("no end after ") && fault->how.ends_with(" s of CPU time")) << fault->how;
}

TEST(Child, GoesOnWhileItAllowsItselfMoreTime) {
  files::ChildCall busy = call("busy");
  busy.cpu_seconds = 1;
  const auto fault = files::run_in_child(busy, [](files::Channel& child) { EXPECT_GE(child.receive_number(), 3); });
  EXPECT_FALSE(fault) << fault->how;
}

/// Neither what it works on nor somebody else is to blame.
TEST(Child, SaysWhenTheSystemAllowsNoMoreTime) {
  rlimit before = {};
  ::getrlimit(RLIMIT_CPU, &before);
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto soft = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 3;
  const rlimit few = {soft, before.rlim_max};
  ::setrlimit(RLIMIT_CPU, &few);
  for (const char* work : {"endless", "busy for ever"}) {
    const auto fault = files::run_in_child(call(work), [](files::Channel& child) { child.receive_number(); });
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::surroundings);
    EXPECT_EQ(fault->how, "it used the " + std::to_string(soft) + " s of CPU time that the system allows (ulimit -t)");
  }
  ::setrlimit(RLIMIT_CPU, &before);
}

TEST(Child, IsNotWaitedForForEver) {
  std::int64_t process = 0;
  const auto fault =
      files::run_in_child(call("introduce", {nullptr, "testing", 0.1}), [&process](files::Channel& child) {
        process = child.receive_number();
        child.receive_number();
        child.receive_number();  // which it would only send after a word from here
      });
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::surroundings);
  EXPECT_EQ(state_of(process), '\0');
}

TEST(Child, IsLeftWhenTheFlagIsSet) {
  std::atomic<bool> stop = false;
  std::int64_t process = 0;
  const std::string said = test::message_of<Interrupted>([&] {
    files::run_in_child(call("introduce", {&stop, "testing", 10 * minutes}), [&](files::Channel& child) {
      process = child.receive_number();
      child.receive_number();
      stop = true;
      child.receive_number();
    });
  });
  EXPECT_EQ(said, "interrupted while testing");
  EXPECT_EQ(state_of(process), '\0');
}

TEST(Child, EndsWithWhoReads) {
  std::int64_t process = 0;
  EXPECT_THROW(files::run_in_child(call("introduce"),
                                   [&process](files::Channel& child) {
                                     process = child.receive_number();
                                     throw std::runtime_error("enough");
                                   }),
               std::runtime_error);
  EXPECT_EQ(state_of(process), '\0');
}

TEST(Child, DiesWithItsParent) {
  std::int64_t process = 0;
  EXPECT_TRUE(files::run_in_child(call("orphan"), [&process](files::Channel& child) {
    process = child.receive_number();
    child.receive_number();
  }));
  EXPECT_GT(process, 0);
  EXPECT_TRUE(is_gone_soon(process));
}

/// A terminal signals a group, and other systems every process of a job; the parent decides what that means.
TEST(Child, LeavesSignalsToItsParent) {
  EXPECT_FALSE(files::run_in_child(call("introduce"), [](files::Channel& child) {
    const std::int64_t process = child.receive_number();
    EXPECT_EQ(child.receive_number(), process) << "a group of its own";
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM}) {
      ::kill(static_cast<pid_t>(process), number);
    }
    child.send_number(5);
    EXPECT_EQ(child.receive_number(), 5);
  }));
}

TEST(Child, InheritsItsEndOfTheChannelAndNothingElse) {
  const int open_for_children = ::dup(2);
  std::string list;
  files::run_in_child(call("descriptors"), [&list](files::Channel& child) { list = child.receive_text(); });
  ::close(open_for_children);
  EXPECT_EQ(list, "0 1 2 3 ");
}

/// The HDF5 library would look for other files where these say.
TEST(Child, DoesNotSeeWhereElseFilesMayBe) {
  ::setenv("HDF5_EXTFILE_PREFIX", "/elsewhere", 1);
  ::setenv("MFLD_TEST_VARIABLE", "seen", 1);
  for (const auto& [name, value] :
       {std::pair("HDF5_EXTFILE_PREFIX", "none"), std::pair("MFLD_TEST_VARIABLE", "seen")}) {
    std::string answer;
    files::run_in_child(call("variable"), [&](files::Channel& child) {
      child.send_text(name);
      answer = child.receive_text();
    });
    EXPECT_EQ(answer, value) << name;
  }
  ::unsetenv("HDF5_EXTFILE_PREFIX");
}

TEST(Child, ThatCannotBeIsASentence) {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none = {3, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const std::string said =
      test::message_of<FileError>([] { files::run_in_child(call("echo"), [](files::Channel&) {}); });
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(said, "no process can be started for testing: Too many open files");
}

/// Many threads, each with children, while others allocate and start and stop: all locks of the process are somebody's
/// at any time.
TEST(Child, CanBeMadeWhileOtherThreadsWork) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> busy;
  for (int i = 0; i < 3; ++i) {
    busy.emplace_back([&stop] {
      while (!stop) {
        std::thread([] { ASSERT_EQ(std::vector<int>(1000, 1)[5], 1); }).join();
      }
    });
  }
  std::atomic<int> answers = 0;
  std::vector<std::thread> parents;
  for (int i = 0; i < 8; ++i) {
    parents.emplace_back([&answers, i] {
      for (int k = 0; k < 5; ++k) {
        const std::string text(1000, static_cast<char>('a' + i));
        answers += echoed(text) == text ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : parents) {
    thread.join();
  }
  stop = true;
  for (std::thread& thread : busy) {
    thread.join();
  }
  EXPECT_EQ(answers, 40);
}

}  // namespace
}  // namespace mfld

int main(int argc, char** argv) {
  mfld::files::serve(argc, argv, mfld::works);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
