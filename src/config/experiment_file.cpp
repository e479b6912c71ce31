#include "config/experiment_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20U;

class Descriptor {
 public:
  /// Without waiting for whoever writes into a pipe.
  explicit Descriptor(const std::filesystem::path& path)
      : number_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

/// Until there is something to read, or the end; where that takes time, looks up now and then to see whether it should
/// stop.
void wait_for_bytes(int descriptor, const std::filesystem::path& path, const std::atomic<bool>* stop) {
  constexpr int milliseconds = 50;
  pollfd waiting = {descriptor, POLLIN, 0};
  while (::poll(&waiting, 1, milliseconds) <= 0) {
    stop_if_asked(stop, fmt::format("reading {}", path.string()));
  }
}

}  // namespace

std::string read_experiment_file(const std::filesystem::path& path, const std::atomic<bool>* stop) {
  const auto fail = [&path](int error) {
    throw FileError(fmt::format("cannot read {}: {}", path.string(), std::generic_category().message(error)));
  };
  const Descriptor file(path);
  if (file.number() < 0) {
    fail(errno);
  }
  std::string text;
  std::vector<char> buffer(std::size_t{1} << 16U);
  while (true) {
    wait_for_bytes(file.number(), path, stop);
    const ssize_t count = ::read(file.number(), buffer.data(), buffer.size());
    if (count == 0) {
      return text;
    }
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      fail(errno);
    }
    text.append(buffer.data(), count < 0 ? 0 : static_cast<std::size_t>(count));
    if (text.size() > most_bytes) {
      throw InvalidInput(
          fmt::format("{}: has more than {} MiB, and no experiment file has", path.string(), most_bytes >> 20U));
    }
  }
}

}  // namespace mfld
