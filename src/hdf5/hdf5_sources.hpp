#pragma once
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hdf5/hdf5_driver.hpp"
#include "hdf5/hdf5_library.hpp"

namespace mfld::hdf5 {

/// Reasons, without the name of the file that was asked for: what it holds is not to be read, and
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// the same where the user could allow it,
struct Outside : Refused {
  using Refused::Refused;
};
/// or it cannot be read.
struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An open file.
struct SourceFile {
  std::filesystem::path path;
  FileStatus status{};
  Id id{-1, H5Fclose};

  /// `result` where neither the library nor the system reports a failure; Unreadable otherwise.
  template <class Result>
  Result check(Result result) const {
    if (result < 0 || status.error != 0) {
      fail();
    }
    return result;
  }
  [[noreturn]] void fail() const;
};

/// An object: its file, its group, and its name there, behind all links.
struct Place {
  std::shared_ptr<SourceFile> file;  // none: there is no such object
  Id group{-1, H5Oclose};
  std::string name;
  std::string link = {};  // the last that led there, in words; empty: none did
};

/// The files that one file takes its numbers from. The library would look for them in several folders, the current one
/// among them, and read zeros where it finds none; here a name says one file, which must be there, be a regular file
/// and, unless it is allowed to lie elsewhere, lie in the folder of the first file or below.
class Sources {
 public:
  Sources(const std::filesystem::path& path, bool outside);

  const std::shared_ptr<SourceFile>& first() const { return first_; }
  /// Where the name of a file in `from` begins: the folder of `from`, or, if there is no such file there, that of the
  /// file that `from` is a symbolic link to.
  static std::filesystem::path folder_of(const SourceFile& from, const std::string& name);
  /// The file that `from` names: itself for ".", otherwise from `folder_of` on.
  std::filesystem::path resolve(const SourceFile& from, const std::string& name) const;
  std::shared_ptr<SourceFile> open(const SourceFile& from, const std::string& name) const;
  /// Follows soft and external links; one that leads to nothing is Unreadable.
  Place locate(std::shared_ptr<SourceFile> file, const std::string& path) const;

 private:
  bool is_within(const std::filesystem::path& path) const;

  bool outside_;
  std::vector<std::filesystem::path> folders_;
  std::shared_ptr<SourceFile> first_;
};

}  // namespace mfld::hdf5
