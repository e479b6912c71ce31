#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace mfld::fuzz {

/// A file that is never on a disk, with the bytes given.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& name) : descriptor_(::memfd_create(name.c_str(), 0)) {
    directory_ = std::filesystem::temp_directory_path() / ("mfld-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
    path_ = directory_ / name;
    std::filesystem::remove(path_);
    const std::string process = std::to_string(::getpid());  // by number: a child reads it, too
    std::filesystem::create_symlink("/proc/" + process + "/fd/" + std::to_string(descriptor_), path_);
  }
  ~MemoryFile() {
    ::close(descriptor_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void fill(const std::uint8_t* data, std::size_t size) {
    if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, data, size, 0) != static_cast<ssize_t>(size)) {
      std::abort();
    }
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_;
  std::filesystem::path directory_;
  std::filesystem::path path_;
};

}  // namespace mfld::fuzz
