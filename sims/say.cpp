#include "say.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"

namespace commands {

namespace {

constexpr int for_ever = -1;

/// Until the descriptor takes bytes, or has an error to tell; false after that many milliseconds.
bool is_ready(int descriptor, int patience) {
  pollfd waiting = {descriptor, POLLOUT, 0};
  const int count = ::poll(&waiting, 1, patience);
  return count > 0 || (count < 0 && errno == EINTR && patience == for_ever);
}

/// As many of the bytes as can be written; the error of the first that cannot, or 0.
int write_all(int descriptor, std::string_view bytes, int patience) {
  while (!bytes.empty()) {
    if (!is_ready(descriptor, patience)) {
      return EAGAIN;
    }
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      return count == 0 ? ENOSPC : errno;
    }
  }
  return 0;
}

std::atomic<bool> line_is_drawn = false;
std::atomic<bool> nobody_reads = false;  // as far as the last message knew
std::atomic<bool> has_printed = false;
std::atomic<bool> speaks = true;
std::array<char, 401> unsaid = {};  // ended by a 0

void say_line(std::string_view start, std::string_view text, std::size_t max_bytes) noexcept {
  constexpr int milliseconds = 1000;
  if (!speaks) {
    return;
  }
  try {
    std::string line = line_is_drawn.exchange(false) ? "\n" : "";
    line.append(start).append(mfld::printable(text, max_bytes)).append("\n");
    // Whoever did not read in all that time is not waited for again before they do.
    nobody_reads = write_all(STDERR_FILENO, line, nobody_reads ? 0 : milliseconds) == EAGAIN;
  } catch (const std::bad_alloc&) {  // without memory for the line it is not said
  }
}

[[noreturn]] void fail_to_print(int error) {
  if (error == EPIPE) {
    throw ReaderLeft();
  }
  throw mfld::FileError(fmt::format("cannot write to standard output: {}", std::strerror(error)));
}

}  // namespace

bool guard_standard_streams() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest number that is free is the one that is closed.
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/", O_PATH) != descriptor) {
      return false;
    }
  }
  return true;
}

void say(std::string_view text, std::size_t max_bytes) noexcept { say_line("", text, max_bytes); }

void complain(std::string_view sentence) noexcept {
  if (!speaks) {
    unsaid.fill('\0');
    sentence.copy(unsaid.data(), unsaid.size() - 1);
  }
  say_line("mfld: ", sentence, 400);
}

void speak(bool does) noexcept { speaks = does; }

std::string_view last_complaint() noexcept { return unsaid.data(); }

bool can_draw() noexcept {
  const char* terminal = std::getenv("TERM");
  return speaks && ::isatty(STDERR_FILENO) != 0 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::size_t terminal_width() noexcept {
  winsize size = {};
  long columns = 0;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    columns = size.ws_col;
  } else if (const char* told = std::getenv("COLUMNS"); told != nullptr) {
    columns = std::strtol(told, nullptr, 10);
  }
  return columns <= 0 ? 0 : static_cast<std::size_t>(std::max(1L, columns - 1));
}

void draw(std::string_view line) noexcept {
  if (!speaks) {
    return;
  }
  line_is_drawn = true;
  try {
    write_all(STDERR_FILENO, fmt::format("\r{}\x1b[K", line), 0);
  } catch (const std::bad_alloc&) {
  }
}

void write_output(std::string_view bytes) {
  if (!speaks) {
    return;
  }
  has_printed = true;
  if (const int error = write_all(STDOUT_FILENO, bytes, for_ever); error != 0) {
    fail_to_print(error);
  }
}

void print(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += mfld::printable(text.substr(0, end), std::string::npos);
    if (end < text.size()) {
      lines += '\n';
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  write_output(lines);
}

void print_line(std::string_view line) { write_output(mfld::printable(line, std::string::npos) + '\n'); }

void close_output() {
  if (has_printed && ::close(STDOUT_FILENO) != 0 && errno != EINTR) {
    fail_to_print(errno);
  }
}

}  // namespace commands
