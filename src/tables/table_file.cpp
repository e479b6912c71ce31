#include "tables/table_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "tables/packed/inflater.hpp"

namespace mfld::tables {

namespace {

/// Why a file of this kind is no data file; null if it may be one.
const char* why_no_table(mode_t mode, bool is_text) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return nullptr;
    case S_IFIFO:
      return is_text ? nullptr : "it is a pipe, and only a .csv can be read from one";
    case S_IFDIR:
      return "it is a folder";
    case S_IFSOCK:
      return "it is a socket";
    default:
      return "it is a device, and may have no end";
  }
}

}  // namespace

void check_file(const Source& source) {
  struct stat attributes {};
  if (::stat(source.path.c_str(), &attributes) != 0) {
    throw source.file_error(std::generic_category().message(errno));
  }
  if (const char* reason = why_no_table(attributes.st_mode, source.is_text())) {
    throw source.file_error(reason);
  }
}

/// O_NONBLOCK: opening a pipe that nobody writes to must not wait.
TableFile::TableFile(const Source& source)
    : source_(source), descriptor_(::open(source.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
  if (descriptor_ < 0) {
    fail(errno);
  }
  struct stat attributes {};
  const int error = ::fstat(descriptor_, &attributes) != 0 ? errno : 0;
  const char* reason = why_no_table(attributes.st_mode, source.is_text());
  if (error != 0 || reason != nullptr) {
    ::close(descriptor_);
    throw source_.file_error(error != 0 ? std::generic_category().message(error) : reason);
  }
  is_pipe_ = S_ISFIFO(attributes.st_mode);
  size_ = is_pipe_ ? 0 : static_cast<std::uint64_t>(attributes.st_size);
}

TableFile::~TableFile() { ::close(descriptor_); }

void TableFile::fail(int error) const { throw source_.file_error(std::generic_category().message(error)); }

std::size_t TableFile::read(std::span<char> buffer) {
  source_.go_on_unless_stopped();
  if (is_pipe_ && num_read_ == 0) {
    constexpr int patience = 20;  // tenths of a second, for somebody to write at all
    for (int k = 0; k < patience && !has_news(); ++k) {
    }
  }
  const std::size_t count = read_once(buffer);
  num_read_ += count;
  if (is_pipe_ && num_read_ == 0) {
    throw source_.file_error("it is a pipe that nobody writes to");
  }
  if (!is_pipe_ && (num_read_ > size_ || (count == 0 && num_read_ < size_))) {
    throw source_.file_error(
        fmt::format("it has {} bytes and {} could be read: it changes, or is no file of a disk", size_, num_read_));
  }
  return count;
}

std::size_t TableFile::read_once(std::span<char> buffer) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count >= 0) {
      return static_cast<std::size_t>(count);
    }
    if (is_pipe_ && errno == EAGAIN) {
      has_news();
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

void TableFile::read_at(std::uint64_t place, std::span<char> buffer) const {
  source_.go_on_unless_stopped();
  for (std::size_t filled = 0; filled < buffer.size();) {
    const ssize_t count =
        ::pread(descriptor_, buffer.data() + filled, buffer.size() - filled, static_cast<off_t>(place + filled));
    if (count == 0) {
      throw source_.file_error("it ends before what it promises");
    }
    if (count < 0 && errno != EINTR) {
      fail(errno);
    }
    filled += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
}

/// Waits a tenth of a second at most.
bool TableFile::has_news() const {
  source_.go_on_unless_stopped();
  pollfd ready{descriptor_, POLLIN, 0};
  return ::poll(&ready, 1, 100) > 0;
}

std::unique_ptr<ByteSource> open_text(const Source& source) {
  auto file = std::make_unique<TableFile>(source);
  if (!source.is_gzip()) {
    return file;
  }
  return std::make_unique<Inflater>(source, std::move(file), Packing::gzip);
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = start_;
  for (;;) {
    const void* found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
    if (found != nullptr) {
      const auto stop = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      line = {buffer_.data() + start_, stop - start_};
      num_given_ += stop + 1 - start_;
      start_ = stop + 1;
      return true;
    }
    searched = end_ - start_;  // where it lies once `fill` has moved the rest to the front
    if (!fill()) {
      line = {buffer_.data(), end_};
      num_given_ += end_;
      start_ = end_;
      return !line.empty();
    }
  }
}

/// Moves what no line has given to the front, and reads on.
bool LineReader::fill() {
  std::copy(buffer_.data() + start_, buffer_.data() + end_, buffer_.data());
  end_ -= std::exchange(start_, 0);
  if (end_ == buffer_.size()) {
    check_fits(source_, 2 * buffer_.size(), 1, 1);
    buffer_.resize(2 * buffer_.size());
  }
  const std::size_t count = file_->read(std::span(buffer_).subspan(end_));
  end_ += count;
  return count > 0;
}

double LineReader::times_as_long() const {
  return std::max(file_->expected_size() / static_cast<double>(std::max<std::uint64_t>(num_given_, 1)), 1.0);
}

}  // namespace mfld::tables
