#include "core/child_process.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace mfld {

namespace {

void close_end(int& descriptor) {
  if (descriptor >= 0) {
    ::close(std::exchange(descriptor, -1));
  }
}

/// What the parent does about signals is its own affair; here they end the process and leave no core.
void be_mortal(unsigned cpu_seconds) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGXCPU, SIGALRM, SIGINT, SIGTERM}) {
    ::signal(number, SIG_DFL);
  }
  const rlimit no_core = {0, 0};
  const rlimit time = {cpu_seconds, cpu_seconds + 1};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setrlimit(RLIMIT_CPU, &time);
}

[[noreturn]] void be_child(Pipe& pipe, unsigned cpu_seconds, const std::function<void(Pipe&)>& work) {
  be_mortal(cpu_seconds);
  pipe.close_reading();
  try {
    work(pipe);
  } catch (...) {
    ::_exit(2);
  }
  ::_exit(0);
}

/// A child that still sends finds nobody, and ends.
int wait_for(pid_t child, Pipe& pipe) {
  pipe.close_reading();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "cannot wait for a process");
    }
  }
  return status;
}

}  // namespace

Pipe::Pipe() {
  int ends[2];
  if (::pipe(ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  }
  reading_ = ends[0];
  writing_ = ends[1];
}

Pipe::~Pipe() {
  close_reading();
  close_writing();
}

void Pipe::close_reading() { close_end(reading_); }
void Pipe::close_writing() { close_end(writing_); }

void Pipe::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(writing_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      ::_exit(3);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

bool Pipe::receive(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(reading_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<std::string> run_in_child(unsigned cpu_seconds, const std::function<void(Pipe&)>& work,
                                        const std::function<void(Pipe&)>& receive) {
  Pipe pipe;
  const pid_t child = ::fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot start a process");
  }
  if (child == 0) {
    be_child(pipe, cpu_seconds, work);
  }
  pipe.close_writing();
  try {
    receive(pipe);
  } catch (...) {
    wait_for(child, pipe);
    throw;
  }
  const int status = wait_for(child, pipe);
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status) == 0 ? std::nullopt : std::optional(std::string("it gave up"));
  }
  return ::strsignal(WTERMSIG(status));
}

}  // namespace mfld
