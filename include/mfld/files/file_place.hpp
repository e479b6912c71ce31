#pragma once
#include <fcntl.h>

#include <concepts>
#include <filesystem>
#include <utility>

namespace mfld {

/// Where a file is: a name that starts at an open directory, and means the same file whatever becomes of that
/// directory's path; or simply a path. Whoever made it from a descriptor keeps that open.
struct FilePlace {
  int directory = AT_FDCWD;
  std::filesystem::path name;  // what the system is asked for
  std::filesystem::path path;  // what people are told

  template <std::convertible_to<std::filesystem::path> Path>
  FilePlace(const Path& where) : name(where), path(name) {}
  FilePlace(int descriptor, std::filesystem::path in_it, std::filesystem::path in_words)
      : directory(descriptor), name(std::move(in_it)), path(std::move(in_words)) {}

  FilePlace operator/(const std::filesystem::path& child) const { return {directory, name / child, path / child}; }
  FilePlace beside(const std::filesystem::path& other) const {
    return {directory, name.parent_path() / other, path.parent_path() / other};
  }
};

}  // namespace mfld
