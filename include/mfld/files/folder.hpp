#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "mfld/files/file_place.hpp"

namespace mfld {

/// A directory held open. What is looked up in it is looked up in this very directory, which may be moved meanwhile and
/// have another put at its path. Closed, and unlocked, at the end of its life. Failures are FileErrors.
class Folder {
 public:
  /// An existing directory, by whatever links.
  static Folder open(const FilePlace& place);
  /// The same, made with its parents if it is not there.
  static Folder make(const FilePlace& place);

  /// The same directory, opened once more: with a lock of its own.
  Folder again() const;

  ~Folder();
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&& other) noexcept;

  /// Itself, for names to be added with `/`.
  FilePlace place() const { return {descriptor_, ".", place_.path}; }
  const std::filesystem::path& path() const { return place_.path; }
  /// Where it is now, wherever it was moved, without links; `path` where the system does not say.
  std::filesystem::path present_path() const;
  /// Whether its path still leads to it.
  bool is_in_place() const;
  /// What is in it, without "." and "..".
  std::vector<std::string> names() const;

  /// Whether this object now holds the lock that at most one has. True as well where the file system has no locks.
  bool try_lock() const;
  /// Waits for the lock, half a minute at most; a second once `stop` is there and set, for what others hold for moments
  /// only. Throws FileError; Interrupted.
  void lock(const std::atomic<bool>* stop = nullptr) const;

  /// Removes it again, and its parents, as far as `make` made them and they are empty.
  void unmake();

 private:
  Folder(FilePlace place, int descriptor);

  FilePlace place_;
  int descriptor_;
  std::vector<FilePlace> made_;  // the outermost first
};

}  // namespace mfld
