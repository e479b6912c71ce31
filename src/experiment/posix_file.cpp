#include "experiment/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

[[noreturn]] void fail_with(std::string_view action, const std::filesystem::path& path, int error) {
  throw FileError(fmt::format("cannot {} {}: {}", action, path.string(), std::generic_category().message(error)));
}

}  // namespace

PosixFile::PosixFile(std::filesystem::path path, int flags, std::string_view action)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) {
    fail(action, errno);
  }
}

PosixFile PosixFile::create(const std::filesystem::path& path) {
  return {path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, "create"};
}

PosixFile PosixFile::open_for_reading(const std::filesystem::path& path) { return {path, O_RDONLY, "read"}; }

PosixFile PosixFile::open_for_update(const std::filesystem::path& path) { return {path, O_RDWR, "write"}; }

PosixFile PosixFile::open_for_appending(const std::filesystem::path& path) {
  return {path, O_WRONLY | O_APPEND, "write"};
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void PosixFile::fail(std::string_view action, int error) const { fail_with(action, path_, error); }

void PosixFile::append(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      const int error = count < 0 ? errno : ENOSPC;
      const std::size_t written = text.size() - rest.size();
      if (written > 0 && ::ftruncate(descriptor_, static_cast<off_t>(size() - written)) != 0) {
        fail("write", errno);
      }
      fail("write", error);
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void PosixFile::write_at(std::size_t position, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      fail("write", count < 0 ? errno : ENOSPC);
    }
    position += static_cast<std::size_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t PosixFile::read(std::span<char> buffer) {
  std::size_t total = 0;
  while (total < buffer.size()) {
    const ssize_t count = ::read(descriptor_, buffer.data() + total, buffer.size() - total);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      fail("read", errno);
    }
    if (count == 0) {
      break;
    }
    total += static_cast<std::size_t>(count);
  }
  return total;
}

std::size_t PosixFile::read_at(std::size_t position, std::span<char> buffer) const {
  std::size_t total = 0;
  while (total < buffer.size()) {
    const ssize_t count =
        ::pread(descriptor_, buffer.data() + total, buffer.size() - total, static_cast<off_t>(position + total));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      fail("read", errno);
    }
    if (count == 0) {
      break;
    }
    total += static_cast<std::size_t>(count);
  }
  return total;
}

std::size_t PosixFile::size() const {
  struct stat attributes {};
  if (::fstat(descriptor_, &attributes) != 0) {
    fail("read", errno);
  }
  return static_cast<std::size_t>(attributes.st_size);
}

void PosixFile::truncate(std::size_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    fail("write", errno);
  }
}

bool PosixFile::try_lock() { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

void PosixFile::lock() {
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

void PosixFile::rename(const std::filesystem::path& path) {
  rename_file(path_, path);
  path_ = path;
}

void PosixFile::sync() {
  int result = ::fsync(descriptor_);
  while (result != 0 && errno == EINTR) {
    result = ::fsync(descriptor_);
  }
  // Some file systems and all devices have nothing to make durable and say EINVAL.
  if (result != 0 && errno != EINVAL) {
    fail("write", errno);
  }
}

void PosixFile::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    fail("write", errno);
  }
}

void replace_file(const std::filesystem::path& temporary, const std::filesystem::path& path, std::string_view text,
                  Write write) {
  PosixFile file = PosixFile::create(temporary);
  file.append(text);
  if (write == Write::lasting) {
    file.sync();
  }
  file.rename(path);
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) {
    throw FileError(fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), error.message()));
  }
}

void sync_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    PosixFile::open_for_reading(path).sync();
  }
}

}  // namespace mfld
