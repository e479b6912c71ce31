#include "mfld/files/folder.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "mfld/core/error.hpp"

namespace mfld {

namespace {

[[noreturn]] void fail(std::string_view action, const FilePlace& place, int error) {
  throw FileError(fmt::format("cannot {} {}: {}", action, place.path.string(), std::generic_category().message(error)));
}

int open_directory(const FilePlace& place) {
  return ::openat(place.directory, place.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

FilePlace parent_of(const FilePlace& place) {
  return {place.directory, place.name.parent_path(), place.path.parent_path()};
}

/// A directory and those above it, as far as they are missing.
void make_directories(const FilePlace& place, std::vector<FilePlace>& made) {
  int error = ::mkdirat(place.directory, place.name.c_str(), 0777) == 0 ? 0 : errno;
  if (error == ENOENT && place.name.has_parent_path() && place.name.parent_path() != place.name) {
    make_directories(parent_of(place), made);
    error = ::mkdirat(place.directory, place.name.c_str(), 0777) == 0 ? 0 : errno;
  }
  if (error == 0) {
    made.push_back(place);
  } else if (error != EEXIST) {
    fail("make directory", place, error);
  }
}

}  // namespace

Folder::Folder(FilePlace place, int descriptor) : place_(std::move(place)), descriptor_(descriptor) {}

Folder Folder::open(const FilePlace& place) {
  const int descriptor = open_directory(place);
  if (descriptor < 0) {
    fail("read", place, errno);
  }
  return {place, descriptor};
}

Folder Folder::make(const FilePlace& place) {
  int descriptor = open_directory(place);
  std::vector<FilePlace> made;
  if (descriptor < 0 && errno == ENOENT) {
    make_directories(place, made);
    descriptor = open_directory(place);
  }
  if (descriptor < 0) {
    fail("make directory", place, errno);
  }
  Folder folder(place, descriptor);
  folder.made_ = std::move(made);
  return folder;
}

Folder Folder::again() const {
  const int descriptor = open_directory(place());
  if (descriptor < 0) {
    fail("read", place_, errno);
  }
  return {place_, descriptor};
}

Folder::~Folder() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Folder::Folder(Folder&& other) noexcept
    : place_(std::move(other.place_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      made_(std::move(other.made_)) {}

Folder& Folder::operator=(Folder&& other) noexcept {
  std::swap(place_, other.place_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(made_, other.made_);
  return *this;
}

std::filesystem::path Folder::present_path() const {
  struct stat here {};
  struct stat there {};
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", descriptor_), error);
  const bool is_it = !error && ::fstat(descriptor_, &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
                     here.st_dev == there.st_dev && here.st_ino == there.st_ino;
  return is_it ? path : place_.path;
}

bool Folder::is_in_place() const {
  struct stat here {};
  struct stat there {};
  return ::fstat(descriptor_, &here) == 0 && ::fstatat(place_.directory, place_.name.c_str(), &there, 0) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

std::vector<std::string> Folder::names() const {
  const int descriptor = ::openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(descriptor < 0 ? nullptr : ::fdopendir(descriptor), ::closedir);
  if (!stream) {
    fail("read", place_, errno);
  }
  std::vector<std::string> names;
  errno = 0;
  for (const dirent* entry = ::readdir(stream.get()); entry != nullptr; entry = ::readdir(stream.get())) {
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") {
      names.push_back(name);
    }
    errno = 0;
  }
  if (errno != 0) {
    fail("read", place_, errno);
  }
  return names;
}

bool Folder::try_lock() const { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

void Folder::lock(const std::atomic<bool>* stop) const {
  constexpr int most_looks = 600;  // of 50 ms: who holds it that long has been stopped
  constexpr int most_looks_if_stopped = 20;
  for (int look = 0; !try_lock(); ++look) {
    if (look >= most_looks_if_stopped) {
      stop_if_asked(stop, fmt::format("waiting for {}, which another process holds", path().string()));
    }
    if (look == most_looks) {
      fail("use", place_, EWOULDBLOCK);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Folder::unmake() {
  if (is_in_place()) {
    while (!made_.empty() && ::unlinkat(made_.back().directory, made_.back().name.c_str(), AT_REMOVEDIR) == 0) {
      made_.pop_back();
    }
  }
  made_.clear();
}

}  // namespace mfld
