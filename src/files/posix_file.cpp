#include "files/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "mfld/core/error.hpp"

namespace mfld::files {

namespace {

[[noreturn]] void fail_with(std::string_view action, const FilePlace& place, std::string_view reason) {
  throw FileError(fmt::format("cannot {} {}: {}", action, place.path.string(), reason));
}

int open_at(const FilePlace& place, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::openat(place.directory, place.name.c_str(), flags | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// A new file, nobody's link.
constexpr int new_file = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND;

/// 0, or why not.
int sync_descriptor(int descriptor) {
  int result = ::fsync(descriptor);
  while (result != 0 && errno == EINTR) {
    result = ::fsync(descriptor);
  }
  // Some file systems and all devices have nothing to make durable and say EINVAL.
  return result == 0 || errno == EINVAL ? 0 : errno;
}

constexpr std::size_t buffer_bytes = std::size_t{1} << 16U;

}  // namespace

PosixFile::PosixFile(FilePlace place, int descriptor, std::string_view action)
    : place_(std::move(place)), descriptor_(descriptor) {
  if (descriptor_ < 0) {
    fail(action, errno);
  }
}

PosixFile PosixFile::create(const FilePlace& place) {
  remove_file(place);
  return {place, open_at(place, new_file), "create"};
}

PosixFile PosixFile::create_beside(const FilePlace& place) {
  constexpr std::size_t most_bytes = 200;  // of the 255 that a name can have
  const std::string stem = place.name.filename().string().substr(0, most_bytes);
  for (int count = 0;; ++count) {
    FilePlace own = place.beside(fmt::format(".{}.{}-{}.new", stem, ::getpid(), count));
    const int descriptor = open_at(own, new_file);
    if (descriptor >= 0 || errno != EEXIST) {
      return {std::move(own), descriptor, "create"};
    }
  }
}

PosixFile PosixFile::open_for_reading(const FilePlace& place) {
  PosixFile file(place, open_at(place, O_RDONLY | O_NONBLOCK), "read");
  struct stat attributes {};
  if (::fstat(file.descriptor_, &attributes) != 0) {
    file.fail("read", errno);
  }
  if (S_ISDIR(attributes.st_mode)) {
    file.fail("read", EISDIR);
  }
  if (!S_ISREG(attributes.st_mode)) {
    fail_with("read", place, "it is not a regular file");
  }
  return file;
}

PosixFile PosixFile::open_for_update(const FilePlace& place) {
  return {place, open_at(place, O_RDWR | O_NOFOLLOW | O_NONBLOCK), "write"};
}

PosixFile PosixFile::open_for_appending(const FilePlace& place) {
  return {place, open_at(place, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK), "write"};
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : place_(std::move(other.place_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(place_, other.place_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void PosixFile::fail(std::string_view action, int error) const {
  fail_with(action, place_, std::generic_category().message(error));
}

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

/// `read_some(bytes, count, done)` is called until the buffer is full or the file ends.
template <class Call>
std::size_t PosixFile::fill(std::span<char> buffer, const Call& read_some) const {
  std::size_t total = 0;
  while (total < buffer.size()) {
    const ssize_t count = read_some(buffer.data() + total, buffer.size() - total, total);
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

std::size_t PosixFile::read(std::span<char> buffer) {
  return fill(buffer,
              [this](char* bytes, std::size_t count, std::size_t) { return ::read(descriptor_, bytes, count); });
}

std::size_t PosixFile::read_at(std::size_t position, std::span<char> buffer) const {
  return fill(buffer, [this, position](char* bytes, std::size_t count, std::size_t done) {
    return ::pread(descriptor_, bytes, count, static_cast<off_t>(position + done));
  });
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

void PosixFile::rename(const FilePlace& place) {
  rename_file(place_, place);
  place_ = place;
}

void PosixFile::sync() {
  if (const int error = sync_descriptor(descriptor_); error != 0) {
    fail("write", error);
  }
}

void PosixFile::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    fail("write", errno);
  }
}

namespace {

void fill_and_rename(PosixFile file, const FilePlace& place, std::string_view text, Write write) {
  file.append(text);
  if (write == Write::lasting) {
    file.sync();
  }
  file.rename(place);
  file.close();
}

}  // namespace

void replace_file(const FilePlace& temporary, const FilePlace& place, std::string_view text, Write write) {
  fill_and_rename(PosixFile::create(temporary), place, text, write);
}

void replace_file(const FilePlace& place, std::string_view text, Write write) {
  PosixFile file = PosixFile::create_beside(place);
  const FilePlace temporary = file.place();
  try {
    fill_and_rename(std::move(file), place, text, write);
  } catch (const FileError&) {
    ::unlinkat(temporary.directory, temporary.name.c_str(), 0);
    throw;
  }
}

void make_own(const FilePlace& temporary, const FilePlace& place) {
  struct stat attributes {};
  if (::fstatat(place.directory, place.name.c_str(), &attributes, AT_SYMLINK_NOFOLLOW) != 0 ||
      (!S_ISLNK(attributes.st_mode) && attributes.st_nlink < 2)) {
    return;
  }
  PosixFile source = PosixFile::open_for_reading(place);
  PosixFile copy = PosixFile::create(temporary);
  std::vector<char> buffer(std::size_t{1} << 20U);
  for (std::size_t count = source.read(buffer); count > 0; count = source.read(buffer)) {
    copy.append({buffer.data(), count});
  }
  copy.sync();
  copy.rename(place);
  copy.close();
}

void rename_file(const FilePlace& from, const FilePlace& to) {
  if (::renameat(from.directory, from.name.c_str(), to.directory, to.name.c_str()) != 0) {
    throw FileError(fmt::format("cannot rename {} to {}: {}", from.path.string(), to.path.string(),
                                std::generic_category().message(errno)));
  }
}

void remove_file(const FilePlace& place) {
  if (::unlinkat(place.directory, place.name.c_str(), 0) != 0 && errno != ENOENT) {
    fail_with("remove", place, std::generic_category().message(errno));
  }
}

bool exists(const FilePlace& place) {
  struct stat attributes {};
  return ::fstatat(place.directory, place.name.c_str(), &attributes, 0) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool is_link(const FilePlace& place) {
  struct stat attributes {};
  return ::fstatat(place.directory, place.name.c_str(), &attributes, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(attributes.st_mode);
}

std::string read_text(const FilePlace& place) {
  PosixFile file = PosixFile::open_for_reading(place);
  std::string text;
  std::vector<char> buffer(buffer_bytes);
  for (std::size_t count = file.read(buffer); count > 0; count = file.read(buffer)) {
    text.append(buffer.data(), count);
  }
  return text;
}

void sync_file_system(const FilePlace& directory) {
  const int descriptor = open_at(directory, O_RDONLY | O_DIRECTORY);
  const int error = descriptor < 0 || ::syncfs(descriptor) != 0 ? errno : 0;
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (error != 0) {
    fail_with("write", directory, std::generic_category().message(error));
  }
}

void sync_file(const FilePlace& place) {
  const int descriptor = open_at(place, O_RDONLY | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno != ENOENT) {
      fail_with("write", place, std::generic_category().message(errno));
    }
    return;
  }
  const int error = sync_descriptor(descriptor);
  ::close(descriptor);
  if (error != 0) {
    fail_with("write", place, std::generic_category().message(error));
  }
}

}  // namespace mfld::files
