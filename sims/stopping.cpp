#include "stopping.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string_view>

namespace commands {

std::atomic<bool> stop_requested = false;

namespace {

std::atomic<std::int64_t> first_time = 0;  // of the signals that end the program when they come twice

/// In milliseconds, > 0. Safe in a handler of signals.
std::int64_t now() {
  timespec time = {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000 + 1;
}

void ask(int /*number*/) { stop_requested = true; }

/// `timeout`, and others who signal a process and its group, send one wish twice within an instant.
void ask_or_end(int number) {
  constexpr std::int64_t instant = 100;
  const int error = errno;
  std::int64_t first = 0;
  stop_requested = true;
  if (!first_time.compare_exchange_strong(first, now()) && now() - first > instant) {
    std::signal(number, SIG_DFL);
    std::raise(number);  // which comes once this handler returns
  }
  errno = error;
}

std::array<char, 4097> unfinished_file = {};  // ended by a 0
std::atomic<bool> has_unfinished_file = false;

std::atomic<bool> signals_wait = false;
std::atomic<bool> signal_came = false;

/// With nothing but what a handler of signals may call; nobody is waited for to read the sentence.
void end(int /*number*/) {
  signal_came = true;  // before it looks: whoever lets signals wait looks in the other order
  if (signals_wait) {
    return;
  }
  constexpr std::string_view sentence = "mfld: interrupted\n";
  if (has_unfinished_file) {
    ::unlink(unfinished_file.data());
  }
  pollfd ready = {STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) > 0) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  }
  ::_exit(130);
}

bool is_ignored(int number) {
  struct sigaction action = {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  ::sigaction(number, &action, nullptr);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, number);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// A limit that nothing warns of ends the program without a checkpoint: asks for a warning a little before.
void ask_for_warning_of_time_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_max != RLIM_INFINITY && limit.rlim_cur >= limit.rlim_max &&
      limit.rlim_max > 1) {
    limit.rlim_cur = limit.rlim_max - std::max<rlim_t>(1, limit.rlim_max / 20);
    ::setrlimit(RLIMIT_CPU, &limit);
  }
}

}  // namespace

void end_on_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
    if (!is_ignored(number)) {
      handle(number, end);
    }
  }
}

SignalsWait::SignalsWait() noexcept { signals_wait = true; }

SignalsWait::~SignalsWait() {
  signals_wait = false;
  if (signal_came) {
    end(0);
  }
}

void remove_on_signals(const std::filesystem::path& file) noexcept {
  if (file.native().size() < unfinished_file.size()) {  // a longer one no system opens
    file.native().copy(unfinished_file.data(), unfinished_file.size() - 1);
    has_unfinished_file = true;
  }
}

void stop_on_signals(double max_wall_seconds) {
  for (const int number : {SIGINT, SIGTERM}) {
    if (!is_ignored(number)) {
      handle(number, ask_or_end);
    }
  }
  for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
    if (!is_ignored(number)) {
      handle(number, ask);
    }
  }
  ask_for_warning_of_time_limit();
  if (max_wall_seconds > 0) {
    handle(SIGALRM, ask);  // ours, whatever the caller did with it
    itimerval timer = {};
    timer.it_value.tv_sec = static_cast<time_t>(max_wall_seconds);
    timer.it_value.tv_usec = std::max<suseconds_t>(
        1, static_cast<suseconds_t>(1e6 * (max_wall_seconds - static_cast<double>(timer.it_value.tv_sec))));
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
}

}  // namespace commands
