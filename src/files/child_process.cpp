#include "files/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/memory.hpp"

namespace mfld::files {

namespace {

/// The first argument of a child; the work and the process that started it follow.
constexpr const char* child_sign = "--as-child-for";
/// Where a child finds its end of the channel.
constexpr int child_descriptor = 3;
constexpr int slice_milliseconds = 50;

/// How a child ends by itself.
enum ChildStatus { done = 0, gave_up = 2, nobody_listens = 3, no_memory = 5 };

std::atomic<bool> program_serves = false;

// --- In the child

void lower_limit(auto resource, rlim_t value) {
  rlimit limit = {};
  if (::getrlimit(resource, &limit) == 0) {
    limit.rlim_cur = std::min(limit.rlim_cur, value);
    limit.rlim_max = std::min(limit.rlim_max, value);
    ::setrlimit(resource, &limit);
  }
}

/// What a file makes a library do ends here: no core, no endless loop, no memory that is not there.
void set_limits(unsigned cpu_seconds) {
  lower_limit(RLIMIT_CORE, 0);
  allow_cpu_seconds(cpu_seconds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (const double memory = available_memory(); memory < 0x1p60) {
    lower_limit(RLIMIT_DATA, static_cast<rlim_t>(memory));
  }
#endif
}

[[noreturn]] void be_child(const ChildWork& row) {
  try {
    Channel parent(child_descriptor);
    set_limits(static_cast<unsigned>(parent.receive_number()));
    row.work(parent);
  } catch (const ChannelClosed&) {
    ::_exit(nobody_listens);
  } catch (const std::bad_alloc&) {
    ::_exit(no_memory);
  } catch (...) {
    ::_exit(gave_up);
  }
  ::_exit(done);
}

// --- In the parent

/// The variables that send the library to other folders than the file names stay here.
std::vector<char*> environment_of_child() {
  constexpr std::array<std::string_view, 3> left_out = {"HDF5_VDS_PREFIX=", "HDF5_EXTFILE_PREFIX=", "HDF5_EXT_PREFIX="};
  std::vector<char*> result;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (std::none_of(left_out.begin(), left_out.end(), [text](auto start) { return text.starts_with(start); })) {
      result.push_back(*variable);
    }
  }
  result.push_back(nullptr);
  return result;
}

/// What a new process begins with: nothing of this one's but the channel; signals as the system has them, and those
/// that can wait blocked.
class Beginning {
 public:
  explicit Beginning(int channel) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    ::posix_spawn_file_actions_adddup2(&actions_, channel, child_descriptor);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, child_descriptor + 1);
    sigset_t all;
    sigset_t waiting;
    ::sigfillset(&all);
    ::sigfillset(&waiting);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU}) {
      ::sigdelset(&waiting, number);
    }
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &waiting);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~Beginning() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;

  /// 0, or why there is no process.
  int start(pid_t& child, const char* program, char* const* arguments) const {
    const std::vector<char*> environment = environment_of_child();
    return ::posix_spawn(&child, program, &actions_, &attributes_, arguments, environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

class Child {
 public:
  /// `channel` is the child's end.
  Child(const ChildCall& call, int channel) {
    std::string sign = child_sign;
    std::string work(call.work);
    std::string parent = std::to_string(::getpid());
    std::array<char*, 5> arguments = {sign.data(), sign.data(), work.data(), parent.data(), nullptr};
    const Beginning beginning(channel);
    int error = beginning.start(pid_, "/proc/self/exe", arguments.data());
    if (error == ENOENT) {  // where /proc is not mounted
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the system hands out this address as a number
      const auto* program = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
      error = beginning.start(pid_, program, arguments.data());
    }
    if (error != 0) {
      throw FileError(fmt::format("no process can be started for {}: {}", call.patience.doing,
                                  std::generic_category().message(error)));
    }
  }
  ~Child() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Whether it has ended by itself within seconds. One that hangs in the system beyond that is left to it.
  bool wait() {
    for (int i = 0; i < 5000 && !ended_; ++i) {
      const pid_t found = ::wait4(pid_, &status_, WNOHANG, &usage_);
      ended_ = found == pid_ || (found < 0 && errno != EINTR);  // or somebody else takes the endings of children
      if (!ended_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return ended_;
  }

  ChildFault fault() const {
    using Kind = ChildFault::Kind;
    if (!ended_ || WIFEXITED(status_)) {
      return {Kind::surroundings, ended_ && WEXITSTATUS(status_) == no_memory ? "it ran out of memory" : "it gave up"};
    }
    const int number = WTERMSIG(status_);
    rlimit limit = {};
    ::getrlimit(RLIMIT_CPU, &limit);
    const double used = seconds_used();
    if ((number == SIGXCPU || number == SIGKILL) &&
        used + 1.5 > static_cast<double>(std::min(limit.rlim_cur, limit.rlim_max))) {
      return {Kind::surroundings,
              fmt::format("it used the {} s of CPU time that the system allows (ulimit -t)", limit.rlim_cur)};
    }
    if (number == SIGXCPU) {
      return {Kind::stuck, fmt::format("no end after {:.0f} s of CPU time", used)};
    }
    return number == SIGKILL ? ChildFault{Kind::surroundings, "its process was killed from outside"}
                             : ChildFault{Kind::crashed, ::strsignal(number)};
  }

 private:
  double seconds_used() const {
    double seconds = 0;
    for (const timeval& part : {usage_.ru_utime, usage_.ru_stime}) {
      seconds += static_cast<double>(part.tv_sec) + 1e-6 * static_cast<double>(part.tv_usec);
    }
    return seconds;
  }

  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
  rusage usage_ = {};
};

/// Both ends, out of the way of the descriptors that a child has of its own.
std::pair<int, int> make_channel(const Patience& patience) {
  std::array<int, 2> ends{};
  const bool made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0;
  int error = errno;
  std::array<int, 2> moved = {-1, -1};
  for (std::size_t i = 0; made && i < 2; ++i) {
    moved[i] = ::fcntl(ends[i], F_DUPFD_CLOEXEC, child_descriptor + 1);
    error = moved[i] < 0 ? errno : error;
    ::close(ends[i]);
  }
  if (moved[0] < 0 || moved[1] < 0) {
    for (const int descriptor : moved) {
      if (descriptor >= 0) {
        ::close(descriptor);
      }
    }
    throw FileError(
        fmt::format("no process can be started for {}: {}", patience.doing, std::generic_category().message(error)));
  }
  return {moved[0], moved[1]};
}

}  // namespace

// --- Channel

Channel::Channel(int descriptor, Patience patience) : descriptor_(descriptor), patience_(std::move(patience)) {}

Channel::~Channel() { ::close(descriptor_); }

/// Counts slices, not the clock: a process that was stopped meanwhile has not waited.
void Channel::wait_for(short event) const {
  const double slices = 1000 * patience_.silent_seconds / slice_milliseconds;
  for (double waited = 0; slices == 0 || waited < slices;) {
    stop_if_asked(patience_.stop, patience_.doing);
    pollfd end = {descriptor_, event, 0};
    const int ready = ::poll(&end, 1, slice_milliseconds);
    if (ready > 0) {
      return;
    }
    waited += ready == 0 ? 1 : 0;
  }
  throw ChannelClosed{true};
}

void Channel::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    wait_for(POLLOUT);
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOBUFS)) {
      continue;
    }
    if (count <= 0) {
      throw ChannelClosed();
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void Channel::receive(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    wait_for(POLLIN);
    const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      continue;
    }
    if (count <= 0) {
      throw ChannelClosed();
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void Channel::send_number(std::int64_t number) { send(std::as_bytes(std::span(&number, 1))); }

std::int64_t Channel::receive_number() {
  std::int64_t number = 0;
  receive(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

void Channel::send_text(std::string_view text) {
  send_number(std::ssize(text));
  send(std::as_bytes(std::span(text)));
}

std::string Channel::receive_text(std::size_t max_length) {
  const std::int64_t length = receive_number();
  if (length < 0 || static_cast<std::size_t>(length) > max_length) {
    throw ChannelClosed();
  }
  std::string text(static_cast<std::size_t>(length), ' ');
  receive(std::as_writable_bytes(std::span(text)));
  return text;
}

// --- Both sides

/// The system sends SIGXCPU at the soft limit, and SIGKILL, which says less, at the hard one: the soft one comes first.
void allow_cpu_seconds(unsigned seconds) {
  static const rlim_t most = [] {
    rlimit limit = {};
    ::getrlimit(RLIMIT_CPU, &limit);
    const bool is_endless = limit.rlim_max == RLIM_INFINITY;
    return is_endless ? limit.rlim_cur : std::min(limit.rlim_cur, std::max<rlim_t>(limit.rlim_max, 2) - 1);
  }();
  rlimit limit = {};
  timespec used = {};
  if (::getrlimit(RLIMIT_CPU, &limit) == 0 && ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
    limit.rlim_cur = std::min(most, static_cast<rlim_t>(used.tv_sec) + 1 + seconds);
    ::setrlimit(RLIMIT_CPU, &limit);
  }
}

void serve(int argc, char** argv, std::span<const ChildWork> works) {
  if (argc == 4 && std::string_view(argv[1]) == child_sign) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto row = std::find_if(works.begin(), works.end(), [&](const ChildWork& w) { return w.name == argv[2]; });
    if (row != works.end() && argv[3] == std::to_string(::getppid())) {
      be_child(*row);
    }
  }
  program_serves = true;
}

bool can_have_children() { return program_serves; }

std::optional<ChildFault> run_in_child(const ChildCall& call, const std::function<void(Channel&)>& talk) {
  const auto [ours, theirs] = make_channel(call.patience);
  Channel channel(ours, call.patience);
  std::optional<Child> child;
  {
    const Channel closed_here(theirs);
    child.emplace(call, theirs);
  }
  try {
    channel.send_number(call.cpu_seconds);
    talk(channel);
  } catch (const ChannelClosed& closed) {
    if (closed.silent || !child->wait()) {
      return ChildFault{ChildFault::Kind::surroundings, "its process does not answer"};
    }
    stop_if_asked(call.patience.stop, call.patience.doing);
    return child->fault();
  }
  child->wait();
  return std::nullopt;
}

}  // namespace mfld::files
